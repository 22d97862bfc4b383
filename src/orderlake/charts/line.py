"""Lines over time, or over anything that has an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orderlake.charts.chart import Chart, thinned
from orderlake.charts.scale import Scale, label_ticks, places, scale_of
from orderlake.charts.svg import (
    HEIGHT,
    colour_of,
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

MOST: Final = 400
"""Points in a line: more are not to be told apart."""


def line_chart(chart: Chart, height: int = HEIGHT) -> str:
    """A line per series; one alone, but for the past, is filled to zero.

    A gap parts a line, and a point between gaps is a dot.
    """
    if not chart.known:
        return empty("line", chart)
    shown = thinned(chart, MOST)
    scale = scale_of(chart.known, height, whole=_counts(chart))
    where = places(shown, slots=False)
    alone = sum(not one.past for one in shown.series) == 1
    lines: list[str] = []
    dots: list[str] = []
    for number, values in enumerate(shown.numbers):
        for run in _runs(values):
            points = [(1000 * where[at], scale.at(values[at] or 0.0)) for at in run]
            if len(points) == 1:
                dots.append(_dot(where[run[0]], points[0][1], f"dot {colour_of(shown, number)}"))
                continue
            if alone and not shown.series[number].past:
                lines.append(
                    path(area(points, [(x, scale.base) for x, _ in points]), f"area {colour_of(shown, number)}")
                )
            lines.append(path(through(points), f"line {colour_of(shown, number)}"))
    inside = [*grid(chart, scale, label_ticks(shown.labels, where)), stretched(height, *lines), *dots]
    return drawing("line", chart, total_height(scale), *inside, *_hits(shown, scale, where))


def through(points: Sequence[tuple[float, float]]) -> str:
    """The path through points.

    >>> through([(0, 1), (2.5, 3)])
    'M0 1L2.5 3'
    """
    return "M" + "L".join(f"{plain(x)} {plain(y)}" for x, y in points)


def area(above: Sequence[tuple[float, float]], below: Sequence[tuple[float, float]]) -> str:
    """The path around what is between two lines."""
    return through([*above, *reversed(below)]) + "Z"


def _hits(chart: Chart, scale: Scale, where: Sequence[float]) -> list[str]:
    made: list[str] = []
    width = 1 / max(1, len(where) - 1)
    for at, place in enumerate(where):
        values = [(number, values[at]) for number, values in enumerate(chart.numbers)]
        known = [(number, value) for number, value in values if value is not None]
        if known:
            x = percent(place)
            marks = [element("line", x1=x, x2=x, y1=0, y2=scale.height, class_="cross")]
            marks += [_dot(place, scale.at(value), f"mark {colour_of(chart, number)}") for number, value in known]
            made.append(hit(place, width, scale.height, tooltip(chart, at), *marks))
    return made


def _dot(place: float, y: float, class_: str) -> str:
    return element("circle", cx=percent(place), cy=plain(y), r=4, class_=class_)


def _counts(chart: Chart) -> bool:
    """Whether there are no halves to count in."""
    return chart.unit == "count" and all(value == int(value) for value in chart.known)


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """The stretches without a gap, as places.

    >>> _runs([1, None, 2, 3])
    [[0], [2, 3]]
    """
    runs: list[list[int]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(at)
    return [run for run in runs if run]
