"""A chart of an answer: as its saved query suggests, as the user chose, or as its columns suggest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from orderlake.charts import Chart, bar_chart, figure, line_chart, stacked_chart
from orderlake.charts.chart import Label, Unit
from orderlake.query.duckdb import Result
from orderlake.values import plain

KINDS: Final = ("bar", "line", "stacked")
_DRAW: Final[Mapping[str, Callable[[Chart], str]]] = {"bar": bar_chart, "line": line_chart, "stacked": stacked_chart}
_NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER")
_NUMBER_TYPES: Final = (*_NUMBERS, "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE")
_FEW: Final = 60
"""Labels of a bar chart that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How an answer is to be drawn: `kind` is one of KINDS, `none`, or empty for whatever fits."""

    kind: str = ""
    x: str = ""
    y: tuple[str, ...] = ()


def is_number(kind: str) -> bool:
    """Whether values of a DuckDB type are numbers."""
    return kind.startswith("DECIMAL") or kind in _NUMBER_TYPES


def chosen(result: Result, wanted: Choice, hint: Choice) -> Choice:
    """The choice that can be drawn: what is wanted, else the hint, else what fits; kind `none` when nothing does."""
    types = dict(zip(result.columns, result.types, strict=True))
    numbers = [column for column, kind in types.items() if is_number(kind)]
    if wanted.kind == "none" or not numbers or len(types) != len(result.columns) or len(result.rows) <= 1:
        return Choice("none", wanted.x, wanted.y)
    for choice in (wanted, hint):
        y = tuple(column for column in choice.y if column in numbers)
        if choice.kind in KINDS and choice.x in types and y:
            return Choice(choice.kind, choice.x, y)
    others = [column for column in types if column not in numbers]
    x = wanted.x if wanted.x in types else (others or numbers)[0]
    y = tuple(column for column in wanted.y if column in numbers) or tuple(each for each in numbers if each != x)[:1]
    if not y:
        return Choice("none")
    timely = types[x] == "DATE" or types[x].startswith("TIMESTAMP")
    kind = wanted.kind if wanted.kind in KINDS else "line" if timely else "bar"
    if not wanted.kind and not _is_plain(result, others, x, timely=timely):
        return Choice("none", x, y)
    return Choice(kind, x, y)


def _is_plain(result: Result, others: Sequence[str], x: str, *, timely: bool) -> bool:
    """Whether anybody would draw it: one column of names or days, each of which stands once."""
    at = result.columns.index(x)
    once = len({str(row[at]) for row in result.rows}) == len(result.rows)
    return others == [x] and once and (timely or len(result.rows) <= _FEW)


def drawn(result: Result, choice: Choice, title: str) -> str:
    """The markup of a chart; empty for none."""
    if choice.kind not in KINDS:
        return ""
    at = [result.columns.index(column) for column in (choice.x, *choice.y)]
    rows = [(_label(row[at[0]]), *(_number(row[each]) for each in at[1:])) for row in result.rows]
    chart = Chart.of_rows(title, rows, choice.y, _unit([result.types[each] for each in at[1:]]), choice.x)
    chart = chart.without_totals()  # nobody has said that they add up
    return figure(chart, _DRAW[choice.kind](chart))


def _unit(types: Sequence[str]) -> Unit:
    """Decimals of two places are money here."""
    return "money" if all(kind.startswith("DECIMAL") and kind.endswith(",2)") for kind in types) else "count"


def _label(value: Any) -> Label:  # noqa: ANN401 - whatever a column holds
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else plain(value)
    if value is None:
        return "(none)"
    return value if isinstance(value, date) else plain(value)


def _number(value: Any) -> Decimal | int | float | None:  # noqa: ANN401 - as above
    return value if isinstance(value, Decimal | int | float) else None
