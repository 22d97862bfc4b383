"""The seam of loads whose work is done elsewhere than in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from orderlake.errors import UnreadableShareError
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject

if TYPE_CHECKING:
    from orderlake.engine import Engine
    from orderlake.model.staged import StagedLoad
    from orderlake.tables.writing import Work, Written

Refusal = tuple[SourceObject, UnreadableShareError]
"""A source that cannot be read, and why."""


WORK: Final = ".work"
"""Below a lake's root: what loads stage that is too large for their machine, a folder each."""
SPARK_WORK: Final = f"{WORK}/spark"
"""Below a lake's root: what the tasks of Spark's drivers stage, a folder each."""
SPARK_CLAIM: Final = "backfill-{}"
"""What a driver claims in the ledger, by the name of its folder: whose claim is free is dead."""


class Runner(Protocol):
    """Does the work of loads elsewhere: stages groups of files, and writes the files of their commits."""

    group_files: int
    group_bytes: int
    """How much is loaded as one commit, at most."""

    def stage(
        self, engine: Engine, stream: Stream, sources: Sequence[SourceObject], attempt: str
    ) -> tuple[StagedLoad, Sequence[Refusal]]:
        """As kernel.stage does, under a name that is this attempt's own; what cannot be read is left out, and named."""
        ...

    def write(self, work: Work) -> Written:
        """As tables.writing.write_here does."""
        ...

    def sweep(self, attempt: str) -> None:
        """Take away what an attempt has left that no table needs."""
        ...
