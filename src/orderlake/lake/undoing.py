"""Undoing: a load taken back, and back again; a person forgotten."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orderlake.errors import NotFoundError
from orderlake.lake.parts import Parts
from orderlake.model.report import LoadReport

if TYPE_CHECKING:
    from orderlake.forgetting import Forgot
    from orderlake.rollback import Wish
    from orderlake.rollback.rollback import RolledBack


class Undoing(Parts):
    """Rolls loads back, and forgets people."""

    def forget(
        self,
        customers: Sequence[str] = (),
        emails: Sequence[str] = (),
        *,
        dry_run: bool = False,
        on_step: Callable[[int], None] = lambda _: None,
    ) -> Forgot:
        """Take the personal data of people out of raw files, tables, quarantine and snapshots, for good.

        Their records stay, without what the pipelines tag; no file brings them back. A receipt without names is kept.
        With `dry_run` it tells what it would do. ConfigError when no pipeline says what identifies a person.
        """
        from orderlake.forgetting import Who, forget  # noqa: PLC0415 - `run` forgets nobody

        return forget(self._backends, Who(tuple(customers), tuple(emails)), is_dry=dry_run, on_step=on_step)

    def rollback(self, load: str | Wish, on_step: Callable[[int], None] = lambda _: None) -> RolledBack:
        """Make the tables what they were had a load never come; the loads after it stay. All in one commit.

        `load` is its id, the beginning of it, or `last`; a Wish says more. What the load took over is read again from
        the files that had it. Its files stay known: `run` leaves them alone, a new version of one loads as ever.
        NotFoundError, and nothing is done, when there is no such load, or a file that has to be read again is gone.
        """
        from orderlake.rollback import Wish  # noqa: PLC0415 - `run` rolls nothing back
        from orderlake.rollback.rollback import roll_back  # noqa: PLC0415 - as above

        return roll_back(self._backends, load if isinstance(load, Wish) else Wish(load), on_step)

    def restore(
        self,
        load: str,
        sources: Sequence[str | os.PathLike[str]] = (),
        on_report: Callable[[LoadReport], None] = lambda _: None,
        on_step: Callable[[int], None] = lambda _: None,
    ) -> list[LoadReport]:
        """Load again what was rolled back: `load` is the id of the load, or of the rollback; a report per file.

        NotFoundError when nothing of it is rolled back, or a file is gone or was changed since; nothing is done then.
        """
        from orderlake.rollback import undone  # noqa: PLC0415 - as above
        from orderlake.rollback.raw import version_text  # noqa: PLC0415 - as above

        reports = undone(self.project, self._backends.ledger.loads(), load, sources)
        found = [(report, self.sources.version(report.source, report.identity)) for report in reports]
        lacking = [version_text(report) for report, source in found if source is None]
        if lacking:
            raise NotFoundError(
                f"nothing was done: {'; '.join(lacking)}: gone, or changed since; put it back as it was, with its time"
            )
        there = [source for _, source in found if source is not None]
        return self._loads.again(there, on_report, reports[0].pipeline, on_step)
