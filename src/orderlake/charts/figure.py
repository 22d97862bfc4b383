"""A chart in a page: its title, its drawing, what its colours mean, and its numbers as a table."""

from __future__ import annotations

from typing import Final

from orderlake.charts.chart import Chart
from orderlake.charts.svg import colour_of, element
from orderlake.charts.words import escaped, exact, label_text

_MOST: Final = 400
"""Rows of a table of numbers; it is for reading, not for moving data."""


def figure(chart: Chart, drawn: str, note: str = "", *, legend: bool | None = None) -> str:
    """A figure around what `line_chart` and its like have drawn; `note` says how the numbers are defined.

    A legend stands where there are several series, unless told otherwise.
    """
    wanted = len(chart.series) > 1 if legend is None else legend
    caption = element("figcaption", escaped(chart.title))
    below = element("p", escaped(note), class_="note") if note else ""
    return element("figure", caption, _legend(chart) if wanted else "", drawn, below, data_table(chart), class_="chart")


def data_table(chart: Chart) -> str:
    """The numbers, for those who cannot see the drawing and for copying."""
    head = element("th", escaped(chart.of), scope="col")
    head += "".join(element("th", escaped(one.name), scope="col", class_="number") for one in chart.series)
    rows: list[str] = []
    for at, label in enumerate(chart.labels[:_MOST]):
        cells = [element("td", exact(one.values[at], chart.unit), class_="number") for one in chart.series]
        name = label_text(label)
        rows.append(element("tr", element("th", escaped(name) or "&#160;", scope="row"), *cells))
    more = len(chart.labels) - _MOST
    left_out = element("p", f"and {more:,} more", class_="muted") if more > 0 else ""
    table = element(
        "table",
        element("caption", escaped(chart.title), class_="unseen"),
        element("thead", element("tr", head)),
        element("tbody", *rows) if rows else "<tbody></tbody>",
    )
    wrap = element("div", table, class_="table-wrap", tabindex="0", role="group", aria_label=f"Numbers: {chart.title}")
    return element("details", element("summary", "Numbers"), wrap, left_out, class_="numbers")


def _legend(chart: Chart) -> str:
    keys = [
        element("li", element("i", " ", class_=f"key {colour_of(chart, at)}"), escaped(one.name))
        for at, one in enumerate(chart.series)
    ]
    return element("ul", *keys, class_="legend")
