"""The arithmetic of the load history: what it says became of each record, against what is stored.

Every event of a source has a report, and a report moves counts by what its fields say: `loaded` records come to stand
for their source, those of `replaced` cease to stand for theirs, those of `restored` (of a rollback) stand for theirs
again. `standing` adds them up, whatever their order; an event of a new kind only has to fill these fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from orderlake.model.report import LoadReport
from orderlake.tables.layout import CHECK_RESULTS, DROPS, QUARANTINE
from orderlake.verify.finding import RECOUNT, RELOAD, Finding

if TYPE_CHECKING:
    import duckdb

EVENTS: Final = frozenset({"loaded", "rolled_back", "forgotten"})
"""The statuses of what moved records, or wrote their rows again; a rejected file did neither."""


def accounted(events: Sequence[LoadReport]) -> Iterator[Finding]:
    """Each load: read = loaded + superseded + duplicate + quarantined."""
    for report in events:
        if not report.conserved:
            parts = report.loaded + report.superseded + report.duplicate + report.quarantined
            yield Finding(
                "unaccounted",
                f"{report.source}: {report.read} records were read, "
                f"but {parts} are accounted for (load {report.load_id})",
                RECOUNT,
                source=report.source,
            )


def standing(events: Sequence[LoadReport]) -> dict[str, int]:
    """Per source identity, the records that should stand for it now."""
    expected: Counter[str] = Counter()
    for report in events:
        expected[report.identity] += report.loaded
        expected.subtract(report.replaced)
        expected.update(report.restored)
    return dict(expected)


def set_aside(cursor: duckdb.DuckDBPyConnection, events: Sequence[LoadReport], rows: str | None) -> Iterator[Finding]:
    """The quarantine has as many records of each load as the load counted, each once, and none of no load."""
    counted = {_load(report): report.quarantined for report in events if report.quarantined}
    yield from _compared(QUARANTINE, "records", counted, _rows_per_load(cursor, rows))


def checked(cursor: duckdb.DuckDBPyConnection, events: Sequence[LoadReport], rows: str | None) -> Iterator[Finding]:
    """The table of check results has a row for each result that a load reported, and no other."""
    counted = {_load(report): len(report.checks) for report in events if report.checks}
    yield from _compared(CHECK_RESULTS, "results", counted, _rows_per_load(cursor, rows))


def dropped(cursor: duckdb.DuckDBPyConnection, drops: str | None, rows: str | None) -> Iterator[Finding]:
    """Whatever was closed by hand is a record of the quarantine."""
    if drops is None:
        return
    known = "" if rows is None else f" ANTI JOIN {rows} AS q USING (source, version, position)"
    for source, position in cursor.execute(f"SELECT source, position FROM {drops} AS d{known} ORDER BY ALL").fetchall():
        message = f"{DROPS}: record {position} of {source} was dropped, and is not in the quarantine"
        yield Finding("unknown", message, RELOAD, DROPS, source=str(source))


_Load = tuple[str, str, int]


def _load(report: LoadReport) -> _Load:
    return report.load_id, report.source, report.version


def _rows_per_load(cursor: duckdb.DuckDBPyConnection, rows: str | None) -> dict[_Load, int]:
    if rows is None:
        return {}
    found = cursor.execute(f"SELECT load_id, source, version, count(*) FROM {rows} GROUP BY ALL").fetchall()
    return {(str(load), str(source), int(version)): int(number) for load, source, version, number in found}


def _compared(table: str, what: str, counted: Mapping[_Load, int], found: Mapping[_Load, int]) -> Iterator[Finding]:
    for each in sorted({*counted, *found}):
        load, source, _ = each
        here, there = found.get(each, 0), counted.get(each, 0)
        if here != there:
            yield Finding(
                "missing" if here < there else "doubled" if there else "unknown",
                f"{table}: {source} has {here} {what} there, its load {load} counted {there}",
                RELOAD,
                table,
                source=source,
            )
