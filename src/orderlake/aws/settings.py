"""What a function's environment says, and the lake that it opens once and keeps while its container lives."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from orderlake.clients import client, translated
from orderlake.config import AwsSettings, Project, lambda_settings
from orderlake.errors import ConfigError, TransientError
from orderlake.lake import Lake
from orderlake.model.pipeline import Pipeline
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject

if TYPE_CHECKING:
    from orderlake.events.rewritten import Written
    from orderlake.maintain import MaintainReport
    from orderlake.marts import Mart
    from orderlake.verify import VerifyReport

_FRESH_SECONDS: Final = 60
_MEMORY_MB: Final = 160
_PIPELINES: Final = (".yaml", ".yml")
_MARTS: Final = "marts"
_SQL: Final = ".sql"
_FOLDER: Final = "/tmp/orderlake"  # noqa: S108 - all that a function may write to; nobody else is in there


class Context(Protocol):
    """What Lambda says of an invocation."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """How long it may still take."""
        ...


class Sources(Protocol):
    """The raw objects of a lake."""

    def find(self, given: Sequence[str]) -> list[SourceObject]:
        """All versions of all objects at these locations, or of all under raw."""
        ...

    def each(self, location: str) -> Iterator[SourceObject]:
        """All versions of all objects under a location, one at a time, however many there are."""
        ...

    def rewritten(self) -> Mapping[str, Written]:
        """Which objects have versions that stand for others."""
        ...

    def resolve(
        self, bucket: str, key: str, version_id: str | None, apart: Mapping[str, Written] | None = None
    ) -> SourceObject | None:
        """One version of one object, the current one without a version id; None when it is gone."""
        ...


class History(Protocol):
    """What the handlers ask of the ledger."""

    def applied(self, identities: Iterable[str]) -> Mapping[str, LoadReport]:
        """The recorded loads among these identities."""
        ...

    def once(self, name: str, seconds: int) -> bool:
        """True to one caller in so many seconds."""
        ...


class OpenLake(Protocol):
    """The part of a lake that the handlers use."""

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The pipelines that were synced."""
        ...

    @property
    def sources(self) -> Sources:
        """Where new files lie."""
        ...

    @property
    def ledger(self) -> History:
        """What was loaded."""
        ...

    def load(
        self, sources: Sequence[SourceObject], on_report: Callable[[LoadReport], None], proceed: Callable[[], bool]
    ) -> list[LoadReport]:
        """Load these; `proceed` is asked before each group, and ends the load when it says no."""
        ...

    def verify(self) -> VerifyReport:
        """Recount everything."""
        ...

    def marts(self) -> Sequence[Mart]:
        """Build the marts."""
        ...

    def maintain(self, proceed: Callable[[], bool]) -> MaintainReport:
        """Look after the tables, for as long as `proceed` says."""
        ...

    def close(self) -> None:
        """Give back what was opened."""
        ...


class DeployedLake:
    """An OpenLake: a lake in buckets, in the words of the handlers."""

    def __init__(self, project: Project) -> None:
        self._lake = Lake.of(project)

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The pipelines that were synced."""
        return self._lake.pipelines

    @property
    def sources(self) -> Sources:
        """Where new files lie."""
        return cast("Sources", self._lake.sources)

    @property
    def ledger(self) -> History:
        """What was loaded."""
        return cast("History", self._lake.ledger)

    def load(
        self, sources: Sequence[SourceObject], on_report: Callable[[LoadReport], None], proceed: Callable[[], bool]
    ) -> list[LoadReport]:
        """Load these; `proceed` is asked before each group, and ends the load when it says no."""
        return self._lake.load(sources, on_report, proceed)

    def verify(self) -> VerifyReport:
        """Recount everything."""
        return self._lake.verify()

    def marts(self) -> Sequence[Mart]:
        """Build the marts."""
        return self._lake.marts()

    def maintain(self, proceed: Callable[[], bool]) -> MaintainReport:
        """Look after the tables, for as long as `proceed` says."""
        return self._lake.maintain(proceed=proceed)

    def close(self) -> None:
        """Give back what was opened."""
        self._lake.close()


@dataclass
class Container:
    """A function between two cold starts: its settings, its copy of the pipelines, and its lake."""

    settings: AwsSettings
    root: Path
    memory_mb: int = _MEMORY_MB
    clock: Callable[[], float] = time.monotonic
    build: Callable[[Project], OpenLake] = DeployedLake
    _lake: OpenLake | None = None
    _listing: dict[str, str] = field(default_factory=dict)
    _checked: float = 0.0

    def lake(self) -> OpenLake:
        """The lake, with pipelines that are at most a minute old."""
        if self._lake is None or self.clock() - self._checked >= _FRESH_SECONDS:
            self._refresh()
        if self._lake is None:
            self._lake = self.build(self.project)
        return self._lake

    @property
    def project(self) -> Project:
        """The settings as a project: one worker, since Lambda gives less than one processor to a small function."""
        return Project(self.root, self.root / "raw", self.root / "lake", self.memory_mb, 1, self.settings)

    def _refresh(self) -> None:
        """Copy pipelines and marts again if any has changed; with those at hand, S3 may be away for a while."""
        try:
            with translated(self.settings.pipelines):
                found = self._listed()
                if found != self._listing:
                    self._copy(found)
                    self._drop()
                    self._listing = found
        except TransientError:
            if self._lake is None:
                raise
        if not any("/" not in name and name.endswith(_PIPELINES) for name in self._listing):
            raise ConfigError(
                f"there is no pipeline in {self.settings.pipelines}: `orderlake deploy apply` puts them there"
            )
        self._checked = self.clock()

    def _listed(self) -> dict[str, str]:
        """The ETags of pipelines and marts, by name."""
        bucket, prefix = bucket_and_prefix(self.settings.pipelines)
        pages = (
            client("s3", self.settings.region).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        )
        return {
            found["Key"].removeprefix(prefix): found["ETag"]
            for page in pages
            for found in page.get("Contents", ())
            if found["Key"].endswith((*_PIPELINES, _SQL))
        }

    def _copy(self, names: Iterable[str]) -> None:
        """Make the folders hold these objects and no other; a file is replaced in one step."""
        bucket, prefix = bucket_and_prefix(self.settings.pipelines)
        s3 = client("s3", self.settings.region)
        kept = set()
        for name in names:
            file = self._place(name)
            if file is None:
                raise ConfigError(f"s3://{bucket}/{prefix}{name} is neither a pipeline nor a mart: move it elsewhere")
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f".{file.name}.part")
            part.write_bytes(s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read())
            part.replace(file)
            kept.add(file)
        for folder in (self.project.pipelines, self.root / _MARTS):
            for file in folder.glob("*"):
                if file not in kept:
                    file.unlink()

    def _place(self, name: str) -> Path | None:
        """Where a file belongs: pipelines in their folder, `marts/*.sql` beside it; None for anything else."""
        folder, _, file = name.rpartition("/")
        if folder == "" and name.endswith(_PIPELINES):
            return self.project.pipelines / file
        return self.root / _MARTS / file if folder == _MARTS and name.endswith(_SQL) else None

    def _drop(self) -> None:
        if self._lake is not None:
            self._lake.close()
            self._lake = None


@lru_cache(maxsize=1)
def container() -> Container:
    """This function's container, by its environment."""
    memory = os.environ.get("ORDERLAKE_MEMORY_MB", "")
    return Container(
        lambda_settings(os.environ),
        Path(os.environ.get("ORDERLAKE_WORK", _FOLDER)),
        int(memory) if memory.isdigit() else _MEMORY_MB,
    )


def bucket_and_prefix(location: str) -> tuple[str, str]:
    """The bucket of a location, and the prefix of all that lies in it.

    >>> bucket_and_prefix("s3://shop-raw/raw"), bucket_and_prefix("s3://shop-raw")
    (('shop-raw', 'raw/'), ('shop-raw', ''))
    """
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    return bucket, f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
