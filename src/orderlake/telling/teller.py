"""Who tells of loads and builds: where the project or its environment asks, events go to a file or an endpoint.

`lineage:` in orderlake.yaml names a `file` or a `url`; OPENLINEAGE_URL and OPENLINEAGE_CONFIG go before it, as
everywhere in OpenLineage, and OPENLINEAGE_DISABLED turns it off.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Final

from orderlake.config import Project
from orderlake.errors import MissingExtraError
from orderlake.lineage.destination import Destination, deliverer
from orderlake.lineage.places import Places
from orderlake.lineage.send import Sender, log
from orderlake.wiring import Backends, utc_now

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

    from orderlake.model.pipeline import Stream
    from orderlake.model.report import LoadReport
    from orderlake.model.source import SourceObject

_BUILD: Final = 10.0
"""Seconds that a build waits for its events: the SQL of each of its models is read for them."""


def destination(project: Project, environment: Mapping[str, str]) -> Destination | None:
    """Where lineage goes, or None when nobody wants it."""
    if environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return None
    if environment.get("OPENLINEAGE_CONFIG") or any(name.startswith("OPENLINEAGE__TRANSPORT") for name in environment):
        return Destination()
    if environment.get("OPENLINEAGE_URL"):
        return Destination(url=environment["OPENLINEAGE_URL"], environment=environment)
    if project.lineage.get("file"):
        return Destination(file=str(project.root / project.lineage["file"]))
    if project.lineage.get("url"):
        return Destination(url=project.lineage["url"], environment=environment)
    return None


def teller(backends: Backends) -> Teller | None:
    """Who tells of this lake's loads, or None when nobody listens.

    MissingExtraError when the project's settings ask for lineage and the client is not installed. Where only the
    environment asks for it, that is said, and loads go on: it may speak to others.
    """
    to = destination(backends.project, os.environ)
    if to is None:
        return None
    if not _is_installed():
        missing = "OpenLineage events need the extra `lineage`: pip install 'orderlake[lineage]'"
        if backends.project.lineage:
            raise MissingExtraError(missing)
        log.warning("lineage: the environment (OPENLINEAGE_…) asks for events, and none are sent. %s", missing)
        return None
    return Teller(backends, Sender(lambda: deliverer(to), str(to)), places(backends, os.environ))


def places(backends: Backends, environment: Mapping[str, str]) -> Places:
    """Names of a lake's jobs and data sets; the jobs' namespace is OPENLINEAGE_NAMESPACE, else the project's name."""
    project = backends.project
    named = environment.get("OPENLINEAGE_NAMESPACE") or project.lineage.get("namespace")
    if project.aws is not None:
        database = (project.aws.region, project.aws.database)
        return Places(named or f"orderlake.{project.aws.name}", str(project.root), backends.root, database)
    return Places(named or f"orderlake.{project.root.name}", str(project.root), backends.root)


@dataclass
class Teller:
    """Tells of one lake's loads and builds."""

    backends: Backends
    sender: Sender
    places: Places

    @contextmanager
    def hearing(self, on_report: Callable[[LoadReport], None]) -> Iterator[Hearing]:
        """Hear a run of loads out, and tell of each; what has begun and not ended is aborted."""
        hearing = Hearing(self, on_report, utc_now())
        try:
            yield hearing
        except BaseException as error:
            hearing.finish(f"{type(error).__name__}: {error}".removesuffix(": "))
            raise
        hearing.finish("its files were loaded one by one instead")

    def built(self) -> None:
        """Tell of the last build of the marts, by what dbt left of it."""
        folder = self.backends.project.state / "dbt" / "target"
        self.sender.each(lambda: _builds(self.places, str(folder)))
        self.sender.drain(_BUILD)

    def close(self) -> None:
        """Send what is left, within a moment."""
        self.sender.close()


@dataclass
class Hearing:
    """What a run of loads has told so far."""

    teller: Teller
    on_report: Callable[[LoadReport], None]
    began: str
    _open: dict[str, tuple[str, Stream]] = field(default_factory=dict)
    """Loads that have begun: their jobs and streams."""
    _heard: list[LoadReport] = field(default_factory=list)
    """Reports of one load, which come one after the other."""

    def begin(self, stream: Stream, load: str, sources: Sequence[SourceObject]) -> None:
        """A load of these sources begins."""
        self._tell()
        told, uris, now = self.teller, [source.uri for source in sources], utc_now()
        job = f"{stream.pipeline}.{stream.name}"
        self._open[load] = (job, stream)
        told.sender.send(lambda: _loads().started(told.places, job, load, uris, now))

    def report(self, report: LoadReport) -> None:
        """One file is done. One that was loaded, or rejected, before this run is no news."""
        if report.status == "loaded" or (report.status == "rejected" and report.at >= self.began):
            if self._heard and self._heard[-1].load_id != report.load_id:
                self._tell()
            self._heard.append(report)
        self.on_report(report)

    def finish(self, reason: str) -> None:
        """Tell of what ended, abort for this reason what did not, and give it a moment to go out."""
        self._tell()
        told, now = self.teller, utc_now()
        for load, (job, _) in self._open.items():
            told.sender.send(_aborting(told.places, job, load, reason, now))
        self._open.clear()
        told.sender.drain()

    def _tell(self) -> None:
        if not self._heard:
            return
        reports, self._heard = self._heard, []
        told = self.teller
        begun = self._open.pop(reports[0].load_id, None)
        stream = _stream(told.backends, reports[0]) if begun is None else begun[1]
        if begun is None:  # a file that was rejected is a run of its own, and each run begins
            told.sender.send(lambda: _loads().begun(told.places, reports))
        told.sender.send(lambda: _loads().ended(told.places, stream, reports, _schemas(stream)))


def _aborting(places: Places, job: str, load: str, reason: str, now: str) -> Callable[[], RunEvent]:
    return lambda: _loads().aborted(places, job, load, reason, now)


def _stream(backends: Backends, report: LoadReport) -> Stream | None:
    return next(
        (
            stream
            for pipeline in backends.pipelines
            for stream in pipeline.streams
            if (stream.pipeline, stream.name) == (report.pipeline, report.stream)
        ),
        None,
    )


def _schemas(stream: Stream | None) -> dict[str, dict[str, str]]:
    """The columns of a stream's tables, those of lineage among them, and of quarantine."""
    from orderlake.tables.layout import QUARANTINE, quarantine_layout, table_layout  # noqa: PLC0415 - loaded by a load

    found = {}
    for spec in () if stream is None else stream.tables:
        if stream is not None and spec.format == "iceberg":
            columns = table_layout(stream, spec).columns
        else:
            columns = {column.name: column.type for column in spec.columns}
        found[spec.name] = {column: kind.sql for column, kind in columns.items()}
    found[QUARANTINE] = {column: kind.sql for column, kind in quarantine_layout().columns.items()}
    return found


def _is_installed() -> bool:
    try:
        return find_spec("openlineage.client") is not None
    except ModuleNotFoundError:
        return False


def _loads() -> ModuleType:
    from orderlake.lineage import loads  # noqa: PLC0415 - the client takes a third of a second to import

    return loads


def _builds(places: Places, folder: str) -> list[RunEvent]:
    from orderlake.lineage.builds import told  # noqa: PLC0415 - as above

    return told(places, folder)
