"""What all of a lake works with: its project and its parts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from orderlake.config import Project
from orderlake.model.pipeline import Pipeline
from orderlake.telling import Loads
from orderlake.wiring import Backends, utc_now

if TYPE_CHECKING:
    from orderlake.engine import Engine
    from orderlake.model.pipeline import Stream
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

    def _recover(self, engine: Engine, stream: Stream) -> None:
        """Finish what a load that died left behind, so that it is not taken for a fault."""
        from orderlake.tables.commit import Committer  # noqa: PLC0415 - as above
        from orderlake.tables.layout import index_layout  # noqa: PLC0415 - as above

        with self._backends.ledger.turn(stream.index):
            parts = self._backends
            Committer(engine, parts.house, parts.ledger, parts.sources, utc_now).recover(index_layout(stream))
