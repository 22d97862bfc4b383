"""Parts of a whole, one upon the other: as bars, or over many dates as areas."""

from __future__ import annotations

from typing import Final

from orderlake.charts.chart import Chart, thinned
from orderlake.charts.line import MOST, area
from orderlake.charts.scale import label_ticks, places, scale_of
from orderlake.charts.svg import (
    HEIGHT,
    colour,
    drawing,
    element,
    empty,
    grid,
    hit,
    path,
    percent,
    plain,
    stretched,
    total_height,
)
from orderlake.charts.words import tooltip

_BARS: Final = 120
_SLOT: Final = 0.72


def stacked_chart(chart: Chart, *, areas: bool | None = None, height: int = HEIGHT) -> str:
    """The series one upon the other; numbers below zero stack downwards. Areas by default for many dates.

    A gap counts as nothing: what is stacked upon it must stand somewhere.
    """
    if not chart.known:
        return empty("stacked", chart)
    below_zero = min(chart.known) < 0
    if areas is None:
        areas = len(chart.labels) > _BARS
    return _areas(chart, height) if areas and not below_zero and len(chart.labels) > 1 else _bars(chart, height)


def _bars(chart: Chart, height: int) -> str:
    shown = thinned(chart, MOST)
    levels = _levels(shown)
    scale = scale_of([edge for column in levels for bar in column for edge in bar], height)
    where, slot = places(shown, slots=True), 1 / len(shown.labels)
    inside = grid(chart, scale, label_ticks(shown.labels, where))
    for at, (place, column) in enumerate(zip(where, levels, strict=True)):
        bars: list[str] = []
        for number, (foot, top) in enumerate(column):
            upper, lower = sorted((scale.at(foot), scale.at(top)))
            bars.append(
                element(
                    "rect",
                    x=percent(place - slot * _SLOT / 2),
                    width=percent(slot * _SLOT),
                    y=plain(upper),
                    height=plain(lower - upper),
                    class_=f"bar {colour(number)}",
                )
            )
        inside.append(hit(place, slot, height, tooltip(shown, at), *bars))
    return drawing("stacked", chart, total_height(scale), *inside)


def _areas(chart: Chart, height: int) -> str:
    shown = thinned(chart, MOST)
    levels = _levels(shown)
    scale = scale_of([edge for column in levels for bar in column for edge in bar], height)
    where = places(shown, slots=False)
    layers: list[str] = []
    for number in range(len(shown.series)):
        below = [(1000 * x, scale.at(column[number][0])) for x, column in zip(where, levels, strict=True)]
        above = [(1000 * x, scale.at(column[number][1])) for x, column in zip(where, levels, strict=True)]
        layers.append(path(area(above, below), f"layer {colour(number)}"))
    inside = [*grid(chart, scale, label_ticks(shown.labels, where)), stretched(height, *layers)]
    width = 1 / (len(where) - 1)
    for at, place in enumerate(where):
        cross = element("line", x1=percent(place), x2=percent(place), y1=0, y2=height, class_="cross")
        inside.append(hit(place, width, height, tooltip(shown, at), cross))
    return drawing("stacked", chart, total_height(scale), *inside)


def _levels(chart: Chart) -> list[list[tuple[float, float]]]:
    """Foot and top of each series, per label."""
    columns: list[list[tuple[float, float]]] = []
    numbers = chart.numbers
    for at in range(len(chart.labels)):
        up = down = 0.0
        column: list[tuple[float, float]] = []
        for values in numbers:
            value = values[at] or 0.0
            if value < 0:
                column.append((down, down + value))
                down += value
            else:
                column.append((up, up + value))
                up += value
        columns.append(column)
    return columns
