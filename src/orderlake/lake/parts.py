"""What all of a lake works with: its project and its parts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from orderlake.config import Project
from orderlake.model.pipeline import Pipeline
from orderlake.telling import Loads
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.model.ports import Ledger, SourceFiles


class Parts:
    """A project with its backends."""

    _backends: Backends

    @property
    def project(self) -> Project:
        """Where the project's parts lie."""
        return self._backends.project

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The project's pipelines."""
        return self._backends.pipelines

    @property
    def sources(self) -> SourceFiles:
        """Where source objects come from."""
        return self._backends.sources

    @property
    def ledger(self) -> Ledger:
        """What was loaded, by source identity."""
        return self._backends.ledger

    @cached_property
    def _loads(self) -> Loads:
        return Loads(self._backends)
