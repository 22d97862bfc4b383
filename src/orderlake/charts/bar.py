"""Bars from zero: upright over time or few categories, lying for names that are long or many."""

from __future__ import annotations

from typing import Final

from orderlake.charts.chart import Chart
from orderlake.charts.line import line_chart
from orderlake.charts.scale import label_ticks, places, scale_of
from orderlake.charts.svg import (
    HEIGHT,
    colour,
    drawing,
    element,
    empty,
    grid,
    hit,
    percent,
    plain,
    text,
    total_height,
)
from orderlake.charts.words import clipped, escaped, exact, label_text, tooltip

_UPRIGHT: Final = 120
"""Upright bars that can be told apart; of more, their tops make a line."""
_LYING: Final = 30
"""Lying bars that are drawn; the rest is in the table of numbers."""
_FEW, _SHORT, _LONGEST = 8, 10, 44
_ROW, _BAR, _THICK, _GAP = 34, 18, 8, 2
_SLOT: Final = 0.72
"""How much of its slot a group of bars fills."""


def bar_chart(chart: Chart, *, lying: bool | None = None, height: int = HEIGHT) -> str:
    """A bar per label and series; `lying` by default when the labels are no dates, and long or many."""
    if not chart.known:
        return empty("bar", chart)
    if lying is None:
        longest = max(len(label_text(label)) for label in chart.labels)
        lying = not chart.is_time and (len(chart.labels) > _FEW or longest > _SHORT)
    if lying:
        return _lying(chart)
    return _upright(chart, height) if len(chart.labels) <= _UPRIGHT else line_chart(chart, height)


def _upright(chart: Chart, height: int) -> str:
    whole = chart.unit == "count" and all(value == int(value) for value in chart.known)
    scale = scale_of(chart.known, height, whole=whole)
    where, slot = places(chart, slots=True), 1 / len(chart.labels)
    width = slot * _SLOT / len(chart.series)
    inside = grid(chart, scale, label_ticks(chart.labels, where))
    for at, place in enumerate(where):
        bars: list[str] = []
        for number, values in enumerate(chart.numbers):
            value = values[at]
            if value is None:
                continue
            top, foot = sorted((scale.at(value), scale.base))
            left = place - slot * _SLOT / 2 + number * width
            bars.append(_bar(left, width, top, foot - top, colour(number)))
        if bars:
            inside.append(hit(place, slot, height, tooltip(chart, at), *bars))
    return drawing("bar", chart, total_height(scale), *inside)


def _lying(chart: Chart) -> str:
    """Each name above its bars, so that it may be long however narrow the page."""
    shown = chart.part(range(min(len(chart.labels), _LYING)))
    low, high = min([0.0, *shown.known]), max([0.0, *shown.known])
    span = (high - low) or 1.0
    row = _ROW + (len(shown.series) - 1) * (_THICK + _GAP)
    inside: list[str] = []
    for at, label in enumerate(shown.labels):
        top = at * row
        single = exact(shown.series[0].values[at], chart.unit) if len(shown.series) == 1 else ""
        marks = [text(clipped(label_text(label), _LONGEST), x=0, y=top + 12, class_="name")]
        marks += [text(single, x="100%", y=top + 12, class_="amount", text_anchor="end")] if single else []
        for number, values in enumerate(shown.numbers):
            y = top + _BAR + number * (_THICK + _GAP)
            marks.append(element("rect", x=0, width="100%", y=y, height=_THICK, rx=3, class_="track"))
            value = values[at]
            if value is not None:
                left, right = sorted(((value - low) / span, -low / span))
                marks.append(_bar(left, right - left, y, _THICK, colour(number)))
        inside.append(element("g", element("title", escaped(tooltip(shown, at))), *marks, class_="hit"))
    height = len(shown.labels) * row
    left_out = len(chart.labels) - len(shown.labels)
    if left_out:
        inside.append(text(f"and {left_out:,} more, in the table", x=0, y=height + 14, class_="tick"))
    return drawing("lying", chart, height + (20 if left_out else 0), *inside)


def _bar(left: float, width: float, top: float, height: float, class_: str) -> str:
    return element(
        "rect", x=percent(left), width=percent(width), y=plain(top), height=plain(height), rx=2, class_=f"bar {class_}"
    )
