"""A line the size of a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orderlake.charts.chart import Chart, Number, Series, Unit, thinned
from orderlake.charts.line import area, through
from orderlake.charts.svg import drawing, path, stretched

_MOST: Final = 120


def sparkline(
    title: str, values: Sequence[Number], unit: Unit = "count", height: int = 32, *, adds: bool = True
) -> str:
    """The course of some numbers, from zero; gaps are passed over. Nothing for fewer than two."""
    chart = Chart(
        title, tuple(str(at + 1) for at in range(len(values))), (Series(title, tuple(values), adds=adds),), unit
    )
    known = [value for value in thinned(chart, _MOST).numbers[0] if value is not None]
    if len(known) <= 1:
        return ""
    tall, low = max(0.0, *known), min(0.0, *known)
    tall = tall or (1.0 if low == 0 else 0.0)  # nothing but zeros lie at the foot
    span = tall - low
    points = [
        (1000 * at / (len(known) - 1), 1 + (height - 2) * (tall - value) / span) for at, value in enumerate(known)
    ]
    foot = [(x, 1 + (height - 2) * tall / span) for x, _ in points]
    return drawing(
        "spark",
        chart,
        height,
        stretched(height, path(area(points, foot), "area series-1"), path(through(points), "line series-1")),
    )
