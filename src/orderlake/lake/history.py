"""History: what was loaded, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from orderlake.lake.parts import Parts
from orderlake.model.report import ANY_LOAD, LoadPage, LoadReport, Wanted


class History(Parts):
    """Tells what was loaded."""

    def loads(self) -> Sequence[LoadReport]:
        """The whole load history, oldest first."""
        return self._backends.ledger.loads()

    def recent(self, limit: int, before: str | None = None, wanted: Wanted = ANY_LOAD) -> LoadPage:
        """The newest loads that are wanted, newest first, at most `limit`, from where an earlier page ended on."""
        return self._backends.ledger.recent(limit, before, wanted)
