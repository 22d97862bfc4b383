"""Groups of files on their way into the tables, and the reports of those that are not loaded."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from orderlake.model.pipeline import Stream
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.wiring import utc_now

Report = Callable[[LoadReport], None]


@dataclass
class Group:
    """A group on its way into the tables: what is left of it, and how often something went wrong."""

    stream: Stream
    definition: str
    done: Report
    load_id: str
    rest: list[SourceObject]
    failures: int = 0
    changes: int = 0

    def rejected(self, source: SourceObject, reason: str) -> LoadReport:
        """The report of a file that does not load."""
        return rejected(source, self.stream.pipeline, self.stream.name, reason, self.definition)


def unchanged(before: LoadReport) -> LoadReport:
    """This run read nothing of it: all counts are 0, the load that did is named."""
    return LoadReport(
        source=before.source,
        pipeline=before.pipeline,
        stream=before.stream,
        status="unchanged" if before.status != "rejected" else "rejected",
        identity=before.identity,
        load_id=before.load_id,
        version=before.version,
        at=before.at,
        bytes=before.bytes,
        reason=before.reason,
        definition=before.definition,
    )


def rejected(source: SourceObject, pipeline: str, stream: str, reason: str, definition: str) -> LoadReport:
    """The report of a file that does not load, and why."""
    return LoadReport(
        source=source.uri,
        pipeline=pipeline,
        stream=stream,
        status="rejected",
        identity=source.identity,
        load_id=uuid.uuid4().hex,
        version=source.version,
        at=utc_now(),
        bytes=source.size,
        reason=reason,
        definition=definition,
    )
