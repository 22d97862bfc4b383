"""A rehearsal: a load as `run` does it, by the same code, in which nothing that lasts is written.

What would be written lies in a temporary folder, over the lake: data files, metadata, heads, the history. So whatever
`run` would come to, the rehearsal has come to, file by file, those that follow from one another included.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orderlake.catalog.sqlite import SqliteCatalog
from orderlake.config import Project
from orderlake.ledger.sqlite import SqliteLedger
from orderlake.loading import Loader
from orderlake.plan.overlay import Overlay
from orderlake.plan.unrecorded import UnrecordedCatalog, UnrecordedLedger
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.erasing.forgotten import Forgotten
    from orderlake.model.ports import Catalog, Ledger, ObjectStore
    from orderlake.model.source import SourceObject


@dataclass(frozen=True, slots=True)
class Elsewhere(Project):
    """A project whose work in progress is in another folder."""

    work: Path = Path()

    @property
    def state(self) -> Path:
        """That other folder."""
        return self.work


def elsewhere(project: Project, work: Path) -> Elsewhere:
    """The project, with its work in this folder."""
    return Elsewhere(**{each.name: getattr(project, each.name) for each in fields(Project)}, work=work)


@dataclass
class Rehearsal(Backends):
    """A project's parts, of which none writes to it. `real` are the parts that are read."""

    real: Backends = field(default_factory=lambda: Backends(Project(Path(), Path(), Path())))

    @staticmethod
    def of(real: Backends, work: Path) -> Rehearsal:
        """The parts of a project for a load that writes to the folder `work` alone."""
        return Rehearsal(elsewhere(real.project, work), real=real)

    @cached_property
    def store(self) -> ObjectStore:
        """The lake's bytes, and over them what is written."""
        return Overlay(self.real.store, self.project.state / "written")

    @cached_property
    def catalog(self) -> Catalog:
        """The lake's heads, and over them what is moved."""
        return UnrecordedCatalog(self._sqlite_catalog if self._is_new("catalog.db") else self.real.catalog)

    @cached_property
    def ledger(self) -> Ledger:
        """The lake's history, and over it what is loaded."""
        return UnrecordedLedger(self._sqlite_ledger if self._is_new("ledger.db") else self.real.ledger)

    @cached_property
    def _sqlite_catalog(self) -> Catalog:
        return SqliteCatalog(self.project.state / "catalog.db")

    @cached_property
    def _sqlite_ledger(self) -> Ledger:
        return SqliteLedger(self.project.state / "ledger.db")

    def secret(self) -> bytes:
        """The project's key; where it has none yet one that is forgotten with the rehearsal."""
        return self.real.secret() if self.real.has_secret else super().secret()

    def forgotten(self) -> Forgotten | None:
        """Who is forgotten in the project."""
        return self.real.forgotten()

    def _is_new(self, file: str) -> bool:
        """Whether nothing was ever loaded: then even to ask would make a file."""
        return not self.is_remote and not (self.real.project.state / file).exists()

    def close(self) -> None:
        """Give back what is this rehearsal's own."""
        for part in ("_sqlite_catalog", "_sqlite_ledger"):
            if part in self.__dict__:
                self.__dict__[part].close()
        while self._idle:
            self._idle.pop().close()


@dataclass
class Rehearser(Loader):
    """Loads, in a rehearsal."""

    def _journal(self, tried: object, elsewhere: str) -> AbstractContextManager[None]:  # noqa: ARG002 - a Loader's method
        """None: a rehearsal is not resumed."""
        return nullcontext()

    def _elsewhere(self, sources: Sequence[SourceObject], attempt: str) -> str:  # noqa: ARG002 - a Loader's method
        """Nowhere: what is staged stays on this machine, however much it is."""
        return ""
