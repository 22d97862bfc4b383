"""The runner of loads on Spark: tasks stage, tasks write the files of each partition, the driver commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from orderlake.engine import Engine
from orderlake.errors import UnreadableShareError
from orderlake.kernel.conditions import prove
from orderlake.kernel.flatten import plan_of
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.model.staged import StagedLoad
from orderlake.spark.cluster import Cluster
from orderlake.spark.leftovers import Leftovers
from orderlake.spark.merging import Merging
from orderlake.spark.planning import Planner
from orderlake.spark.staging import Staging
from orderlake.spark.task import Site
from orderlake.tables.writing import Work, Written
from orderlake.wiring import Backends


@dataclass
class SparkRunner:
    """Does the work of a lake's loads on a cluster, one load at a time. Leaving it stops the application.

    A load is large here: its reports ride in one snapshot's summary, about a kilobyte each, and the driver decides
    about all its keys at once; so a backfill is one commit per stream, or a few where it is larger than this.
    """

    backends: Backends
    cluster: Cluster
    group_files: int = 500
    group_bytes: int = 32 << 30
    _leftovers: Leftovers = field(init=False)
    _site: Site | None = None
    _staging: Staging | None = None
    """The load in hand."""

    def __post_init__(self) -> None:
        self._leftovers = Leftovers(self.backends.store, self.backends.ledger, self.backends.root)

    def stage(
        self, engine: Engine, stream: Stream, sources: Sequence[SourceObject], attempt: str
    ) -> tuple[StagedLoad, list[tuple[SourceObject, UnreadableShareError]]]:
        """Stage on the executors, into a folder of the attempt's own beside the tables."""
        prove(engine.cursor(), stream)
        self._site = Site(self.backends.project, stream, self._leftovers.place(attempt), self.backends.key_for(stream))
        self._staging = Staging(self.cluster, self._site, tuple(sources))
        load = self._staging.stage(
            Planner(plan_of(stream), self.cluster.slots, self.backends.sources).portions(sources)
        )
        return load, [(sources[number], error) for number, error in sorted(self._staging.refused.items())]

    def write(self, work: Work) -> Written:
        """Write the files of a commit on the executors: a task per partition, and per source of plain files."""
        if self._site is None or self._staging is None:
            raise RuntimeError("nothing was staged")
        staging, slots = self._staging, self.cluster.slots
        written = Merging(self.cluster, self._site, work, staging.held, staging.together, slots).write()
        self._leftovers.wrote(work, written)
        return written

    def sweep(self, attempt: str) -> None:
        """Take away what an attempt has staged."""
        self._leftovers.clear(attempt)
        self._site = self._staging = None

    def __enter__(self) -> Self:
        """Begin where a driver has died that had not come to its end: what it has left is taken away."""
        self._leftovers.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the application; then nobody writes any more, and what tasks wrote for nothing is taken away."""
        try:
            self.cluster.close()
        finally:
            self._leftovers.end(is_done=error is None)
