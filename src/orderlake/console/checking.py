"""Figures for the page Quality: what was set aside, when and why, what of it is mended, and what checks find now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from orderlake.charts import Chart, Series
from orderlake.console.state import Console
from orderlake.engine import quote
from orderlake.errors import LakeError
from orderlake.mending import STATUSES
from orderlake.mending.records import quarantine_records
from orderlake.query.saved import SavedQuery

PAGE: Final = 10
_TOP: Final = 6
"""Reasons that a chart shows by name."""
_FILES: Final = 10
"""Files that a chart shows where all were loaded on one day."""
_CHECKS: Final = "_data_quality"
_PATIENCE: Final = 0.4
"""Seconds that a page waits for checks which read whole tables."""
_WORKERS: Final = ThreadPoolExecutor(1, thread_name_prefix="orderlake-checks")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are listed: `status` is one of STATUSES or `all`, the others are any when empty."""

    status: str = "open"
    source: str = ""
    reason: str = ""

    @property
    def where(self) -> str:
        """The condition in SQL."""
        parts = [] if self.status not in STATUSES else [f"status = {quote(self.status)}"]
        parts += [f"contains(source, {quote(self.source)})"] if self.source else []
        parts += [f"reason = {quote(self.reason)}"] if self.reason else []
        return f"WHERE {' AND '.join(parts)}" if parts else ""


@dataclass(frozen=True, slots=True)
class Checks:
    """What the checks of one pipeline find, as rows of (check, failing, total); or why they could not run."""

    query: SavedQuery
    rows: Sequence[tuple[Any, ...]]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The records in quarantine as a relation, and the console to ask."""

    console: Console
    relation: str

    @classmethod
    def of(cls, console: Console) -> Quarantine:
        """As it is now."""
        stamp = console.lake.ledger.stamp()
        project = console.lake.project
        return cls(
            console, console.kept("quarantine", stamp, lambda: quarantine_records(project, console.lake.loads()))
        )

    def counts(self) -> Mapping[str, int]:
        """Records by status."""
        found = dict(self._rows(f"SELECT status, count(*) FROM {self.relation} GROUP BY 1"))
        return {status: int(found.get(status, 0)) for status in STATUSES}

    def reasons(self) -> Sequence[Mapping[str, Any]]:
        """Records by pipeline, field and reason, most first."""
        return self._dicts(
            "SELECT pipeline, coalesce(field, '') AS field, reason, count(*) AS records, "
            "count(*) FILTER (status = 'open') AS open, max(CAST(quarantined_at AS DATE)) AS newest "
            f"FROM {self.relation} GROUP BY 1, 2, 3 ORDER BY records DESC, 1, 2, 3 LIMIT 50"
        )

    def page(self, wanted: Filter, number: int) -> tuple[int, Sequence[Mapping[str, Any]]]:
        """How many records there are of those wanted, and a page of them, newest first."""
        total = self._rows(f"SELECT count(*) FROM {self.relation} {wanted.where}")[0][0]
        return int(total), self._records(
            f"{wanted.where} ORDER BY quarantined_at DESC, source DESC, position "
            f"LIMIT {PAGE} OFFSET {(max(1, number) - 1) * PAGE}"
        )

    def record(self, source: str, position: int, version: int) -> Mapping[str, Any] | None:
        """One record."""
        at = f"source = {quote(source)} AND position = {position} AND version = {version}"
        return next(iter(self._records(f"WHERE {at}")), None)

    def by_reason(self) -> Chart | None:
        """Records set aside per day, by reason; None where there are fewer than two days."""
        rows = self._rows(
            f"SELECT CAST(quarantined_at AS DATE), reason, count(*) FROM {self.relation} GROUP BY 1, 2 ORDER BY 1"
        )
        days = sorted({row[0] for row in rows})
        if len(days) <= 1:
            return None
        sums: dict[str, int] = {}
        for _, reason, count in rows:
            sums[reason] = sums.get(reason, 0) + count
        top = sorted(sums, key=lambda reason: (-sums[reason], reason))[:_TOP]
        named = [*top, "other reasons"] if len(sums) > len(top) else top
        counts = {(day, reason if reason in top else "other reasons"): 0 for day, reason, _ in rows}
        for day, reason, count in rows:
            counts[day, reason if reason in top else "other reasons"] += count
        series = tuple(Series(one, tuple(counts.get((day, one), 0) for day in days)) for one in named)
        return Chart("Records set aside per day, by reason", tuple(days), series, "count", "Day")

    def _records(self, rest: str) -> Sequence[Mapping[str, Any]]:
        return self._dicts(
            "SELECT * EXCLUDE (quarantined_at) REPLACE (coalesce(field, '') AS field), "
            f"make_timestamp(epoch_us(quarantined_at)) AS at FROM {self.relation} {rest}"
        )

    def _rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        return self.console.session.query(sql).rows

    def _dicts(self, sql: str) -> list[dict[str, Any]]:
        found = self.console.session.query(sql).as_dicts()
        for row in found:
            if isinstance(row.get("at"), datetime):
                row["at"] = row["at"].replace(tzinfo=UTC).isoformat(timespec="seconds")
        return found


def share_over_time(console: Console) -> Chart | None:
    """The share of records set aside per day; per file, where all came on one day. None when there is nothing."""

    def look() -> Chart | None:
        days: dict[date, tuple[int, int]] = {}
        loads = [each for each in console.lake.loads() if each.status == "loaded" and each.read]
        for each in loads:
            day = datetime.fromisoformat(each.at).date()
            read, bad = days.get(day, (0, 0))
            days[day] = (read + each.read, bad + each.quarantined)
        if len(days) > 1:
            shares = tuple(round(100 * bad / read, 2) for read, bad in (days[day] for day in sorted(days)))
            return Chart(
                "Share of records set aside per day",
                tuple(sorted(days)),
                (Series("set aside", shares),),
                "percent",
                "Day",
            )
        if not any(each.quarantined for each in loads):
            return None
        worst = sorted(loads, key=lambda each: -each.quarantined)[:_FILES]
        worst = [each for each in worst if each.quarantined]
        shares = tuple(round(100 * each.quarantined / each.read, 2) for each in worst)
        return Chart(
            "Share of records set aside per file",
            tuple(each.source for each in worst),
            (Series("set aside", shares),),
            "percent",
            "File",
        )

    return console.kept("quality shares", console.lake.ledger.stamp(), look)


def checks(console: Console) -> Sequence[Checks] | None:
    """What the checks that ship find in the tables now; None while that is being worked out."""
    made: Future[Sequence[Checks]] = console.kept(
        "quality checks", console.session.token(), lambda: _WORKERS.submit(lambda: list(_checked(console)))
    )
    try:
        return made.result(_PATIENCE)
    except NotYet:
        return None


def _checked(console: Console) -> Iterator[Checks]:
    for query in console.saved_queries()[0]:
        if query.name.endswith(_CHECKS):
            try:
                result = console.session.query(query.bound({}))
                at = [result.columns.index(name) for name in ("check_name", "failing", "total")]
                yield Checks(query, [tuple(row[each] for each in at) for row in result.rows])
            except (LakeError, ValueError) as error:
                yield Checks(query, (), str(error))
