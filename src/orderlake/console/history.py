"""Loads as the page Loads shows them: what became of each record, what a load changed, and what it costs on AWS."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from orderlake.cost.actual import load_costs
from orderlake.errors import NotFoundError
from orderlake.model.report import LoadPage, LoadReport, Wanted

if TYPE_CHECKING:
    from orderlake.console.state import Console

PER_PAGE: Final = 50
_TOGETHER: Final = 1000
"""Files of one load that are looked up for its cost to be shared among them."""
_FATES: Final = (("loaded", "good"), ("superseded", "muted"), ("duplicate", "accent"), ("quarantined", "bad"))
_CENT: Final = Decimal("0.01")
_LEAST: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Entry:
    """A load: its report, how its records fared (name, colour, count), and its dollars on AWS.

    `replaced` tells whose records it took over: (identity, source, records), no source where that report is gone.
    """

    report: LoadReport
    fates: tuple[tuple[str, str, int], ...]
    dollars: str
    replaced: tuple[tuple[str, str, int], ...]

    @property
    def equation(self) -> str:
        """What became of the records read."""
        terms = [f"{count:,} {name}" for name, _, count in self.fates]
        return f"{self.report.read:,} read" + (f" = {' + '.join(terms)}" if terms else "")


@dataclass(frozen=True, slots=True)
class Standing:
    """A table that a load wrote to: rows written, and rows of it that still stand, None where rows do not tell."""

    table: str
    written: int
    standing: int | None


def history(console: Console, before: str | None, wanted: Wanted) -> tuple[list[Entry], LoadPage]:
    """A page of loads, newest first."""
    found = console.lake.recent(PER_PAGE, before, wanted)
    return _entries(console, found.loads), found


def load_of(console: Console, identity: str) -> Entry:
    """One load, by the identity of its source; NotFoundError when there is none."""
    found = console.lake.ledger.applied([identity])
    if identity not in found:
        raise NotFoundError(f"there is no load {identity}: the page Loads lists them")
    return _entries(console, [found[identity]])[0]


def standing(console: Console, report: LoadReport) -> list[Standing]:
    """What of a load stands in each table now: later versions of its records may have taken over."""
    spoken = {
        spec.name
        for pipeline in console.lake.pipelines
        for stream in pipeline.streams
        for spec in stream.tables
        if spec.format == "iceberg"
    }
    asked = [table for table in report.tables if table in spoken]
    counts: Mapping[str, int] = {}
    if asked:
        counts = console.kept(
            f"standing {report.identity}", console.session.token(), lambda: _counted(console, report, asked)
        )
    return [Standing(table, rows, counts.get(table)) for table, rows in report.tables.items()]


def command(console: Console) -> str:
    """What to type for the files that wait to be loaded."""
    if console.lake.project.aws is not None:
        return f"orderlake --project {shlex.quote(str(console.lake.project.root))} --env aws run"
    return f"orderlake --project {shlex.quote(str(console.lake.project.root))} run"


def dollars_text(dollars: Decimal) -> str:
    """Dollars, with as many digits as tell something.

    >>> [dollars_text(Decimal(text)) for text in ("0", "0.00001234", "0.00000001", "1.234")]
    ['$0', '$0.000012', '< $0.000001', '$1.23']
    """
    if dollars == 0:
        return "$0"
    if dollars < _LEAST:
        return f"< ${_LEAST}"
    return f"${dollars:.2f}" if dollars >= _CENT * 10 else f"${dollars:.6f}".rstrip("0")


def _entries(console: Console, reports: Sequence[LoadReport]) -> list[Entry]:
    costs = _costs(console, reports)
    before = console.lake.ledger.applied({identity for report in reports for identity in report.replaced})
    return [
        Entry(
            report,
            tuple((name, colour, count) for name, colour in _FATES if (count := getattr(report, name))),
            costs[report.identity],
            tuple(
                (identity, before[identity].source if identity in before else "", count)
                for identity, count in report.replaced.items()
            ),
        )
        for report in reports
    ]


def _costs(console: Console, reports: Sequence[LoadReport]) -> Mapping[str, str]:
    """Files that were loaded together share one cost, so those beyond the page count, too."""
    every = {report.identity: report for report in reports}
    for load in {report.load_id for report in (*reports[:1], *reports[-1:])}:
        others = console.lake.recent(_TOGETHER, None, Wanted(load_id=load)).loads if load else ()
        every |= {report.identity: report for report in others}
    finished = [report for report in every.values() if report.status != "rejected"]
    costs = {cost.report.identity: dollars_text(cost.dollars) for cost in load_costs(finished)}
    return {report.identity: costs.get(report.identity, "–") for report in reports}


def _counted(console: Console, report: LoadReport, tables: Sequence[str]) -> Mapping[str, int]:
    load, source = (text.replace("'", "''") for text in (report.load_id, report.source))
    asked = " UNION ALL ".join(
        f"SELECT '{table}', count(*) FROM \"{table}\" WHERE _load_id = '{load}' AND _source_file = '{source}'"
        for table in tables
    )
    return dict(console.session.query(asked).rows)
