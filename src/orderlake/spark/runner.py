"""The runner of loads on Spark: tasks stage, tasks write the files of each partition, the driver commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from orderlake.engine import Engine
from orderlake.errors import UnreadableShareError
from orderlake.kernel.conditions import prove
from orderlake.kernel.flatten import plan_of
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.model.staged import StagedLoad
from orderlake.spark.cluster import Cluster
from orderlake.spark.merging import Merging
from orderlake.spark.planning import Planner
from orderlake.spark.staging import Staging
from orderlake.spark.task import Site
from orderlake.tables.writing import Work, Written
from orderlake.wiring import Backends

WORK: Final = ".work"


@dataclass
class SparkRunner:
    """Does the work of a lake's loads on a cluster, one load at a time. Leaving it stops the application."""

    backends: Backends
    cluster: Cluster
    group_files: int = 500
    group_bytes: int = 32 << 30
    _site: Site | None = None
    _staging: Staging | None = None
    """The load in hand."""

    def stage(
        self, engine: Engine, stream: Stream, sources: Sequence[SourceObject], attempt: str
    ) -> tuple[StagedLoad, list[tuple[SourceObject, UnreadableShareError]]]:
        """Stage on the executors, into a folder of the attempt's own beside the tables."""
        prove(engine.cursor(), stream)
        self._site = Site(self.backends.project, stream, f"{self._work}/{attempt}")
        self._staging = Staging(self.cluster, self._site, sources)
        load = self._staging.stage(Planner(plan_of(stream), self.cluster.slots).portions(sources))
        return load, [(sources[number], error) for number, error in sorted(self._staging.refused.items())]

    def write(self, work: Work) -> Written:
        """Write the files of a commit on the executors: a task per partition, and per source of plain files."""
        if self._site is None or self._staging is None:
            raise RuntimeError("nothing was staged")
        staging, slots = self._staging, self.cluster.slots
        return Merging(self.cluster, self._site, work, staging.held, staging.together, slots).write()

    def sweep(self, attempt: str) -> None:
        """Take away what an attempt has staged."""
        store = self.backends.store
        store.each(store.delete, [found.location for found in store.list(f"{self._work}/{attempt}")])
        self._site = self._staging = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the application, and take away what its tasks have left."""
        self.cluster.close()

    @property
    def _work(self) -> str:
        return f"{self.backends.root}/{WORK}"
