"""History: what was loaded, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orderlake.lake.answers import Answers
from orderlake.model.report import ANY_LOAD, LoadPage, LoadReport, Wanted

if TYPE_CHECKING:
    from orderlake.explain import LoadAccount


class History(Answers):
    """Tells what was loaded."""

    def loads(self) -> Sequence[LoadReport]:
        """The whole load history, oldest first."""
        return self._backends.ledger.loads()

    def recent(self, limit: int, before: str | None = None, wanted: Wanted = ANY_LOAD) -> LoadPage:
        """The newest loads that are wanted, newest first, at most `limit`, from where an earlier page ended on."""
        return self._backends.ledger.recent(limit, before, wanted)

    def load_account(self, wanted: str) -> LoadAccount:
        """All about one load: by its id or the beginning of that, or the newest load of a source, by its name.

        NotFoundError when there is none, ConfigError when there are several.
        """
        from orderlake.explain import account_of  # noqa: PLC0415 - `run` asks nothing

        with self.session() as session:
            return account_of(self._backends, wanted, session.query)
