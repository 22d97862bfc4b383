"""Upkeep: tables proven, folded, and built upon."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orderlake.errors import ConfigError, NotFoundError
from orderlake.lake.history import History

if TYPE_CHECKING:
    from orderlake.building.report import BuildReport, Step
    from orderlake.maintain import MaintainReport
    from orderlake.marts import Mart
    from orderlake.verify import Finding, VerifyReport


class Upkeep(History):
    """Proves, maintains and builds."""

    def verify(self, *, quick: bool = False, orphan_hours: float | None = None) -> VerifyReport:
        """Recount everything from stored data; the report names each table and file that disagrees, and the remedy.

        `quick` opens no data file. Files that nothing needs are told once they are older than `orphan_hours`.
        """
        from orderlake.maintain.recover import recover  # noqa: PLC0415 - `run` needs no verification
        from orderlake.verify import Scope, verify  # noqa: PLC0415 - as above

        scope = Scope(quick) if orphan_hours is None else Scope(quick, orphan_hours)
        engine = self._backends.engine(self.project.state / "work" / f"{os.getpid()}-verify")
        try:
            for stream in self._backends.streams:
                with suppress(ConfigError, NotFoundError):  # damaged metadata, which is named by what follows
                    recover(self._backends, engine, stream)
            report = verify(self._backends, engine, scope)
        finally:
            engine.close()
        if quick or not report.ok:
            return report
        return replace(report, found=(*report.found, *self._miscounted()))

    def _miscounted(self) -> Iterator[Finding]:
        """Files whose records that were set aside are not each open, fixed, replaced or dropped."""
        from orderlake.mending.recount import recount  # noqa: PLC0415 - as above
        from orderlake.tables.layout import QUARANTINE  # noqa: PLC0415 - as above
        from orderlake.verify import Finding  # noqa: PLC0415 - as above
        from orderlake.verify.finding import RECOUNT  # noqa: PLC0415 - as above

        for source, message in recount(self.project, self.loads(), self.query):
            yield Finding("unaccounted", message, RECOUNT, QUARANTINE, source=source)

    def maintain(
        self,
        tables: Sequence[str] = (),
        *,
        dry_run: bool = False,
        orphan_hours: float | None = None,
        snapshot_days: float | None = None,
        proceed: Callable[[], bool] = lambda: True,
    ) -> MaintainReport:
        """Fold small files, expire old snapshots, delete files that nothing has needed for `orphan_hours`.

        Safe beside loads, readers and other maintenance. With `dry_run` it tells what it would do. `proceed` is asked
        before each step of folding, and ends it when it says no. ConfigError when the project's settings are wrong.
        """
        from orderlake.maintain import Wanted, maintained, settings_of  # noqa: PLC0415 - as above
        from orderlake.tables.compact import Folding  # noqa: PLC0415 - as above

        settings = settings_of(self.project)
        wanted = Wanted(
            tuple(tables),
            settings.orphan_hours if orphan_hours is None else orphan_hours,
            settings.snapshot_days if snapshot_days is None else snapshot_days,
            dry_run,
            Folding(settings.target, proceed=proceed),
        )
        return maintained(self._backends, wanted)

    def marts(self) -> list[Mart]:
        """Build the marts (`marts/*.sql`, a SELECT each) as plain Parquet tables; QueryError names the file."""
        from orderlake.marts import build_marts  # noqa: PLC0415 - `run` builds none
        from orderlake.querying import query_tables  # noqa: PLC0415 - as above

        engine = self._backends.engine(self.project.state / "work" / f"{os.getpid()}-marts")
        try:
            return build_marts(self._backends, engine, query_tables(self._backends))
        finally:
            engine.close()

    def build(
        self,
        select: Sequence[str] = (),
        on_step: Callable[[Step], None] = lambda _: None,
        *,
        full_refresh: bool = False,
        docs: bool = False,
    ) -> BuildReport:
        """Build the marts with dbt, test them, and publish them all at once if every test passes.

        Nothing is done when neither tables nor models have changed. `select` builds a part, in dbt's words; `docs`
        makes dbt's documentation too. Raises CheckFailedError for a test, QueryError for a model that failed.
        """
        from orderlake.building.builder import Options  # noqa: PLC0415 - `run` builds none

        return self._loads.build(Options(tuple(select), full_refresh, docs), on_step)

    def eject_models(self) -> Path:
        """Copy the bundled dbt models into the project's `dbt/`, which is built from then on; give that folder."""
        from orderlake.building.models import eject  # noqa: PLC0415 - as above

        return eject(self.project)
