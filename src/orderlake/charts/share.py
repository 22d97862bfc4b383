"""Shares of a whole, as one bar that is all of it."""

from __future__ import annotations

from typing import Final

from orderlake.charts.chart import Chart
from orderlake.charts.svg import colour, drawing, element, empty, percent, text
from orderlake.charts.words import clipped, escaped, exact, label_text

_THICK, _TOP, _ROW = 22, 30, 24
_MOST: Final = 8
_LONGEST: Final = 32


def share_bar(chart: Chart) -> str:
    """What part of the sum each label of the first series has; beyond eight labels, the last one is the rest.

    Numbers below zero have no share, and are left out.
    """
    if not chart.series:
        return empty("share", chart)
    parts = _parts(chart)
    whole = sum(value for _, value, _ in parts)
    if whole <= 0:
        return empty("share", chart)
    inside: list[str] = []
    reached = 0.0
    for at, (name, value, said) in enumerate(parts):
        share = value / whole
        tip = f"{name}: {said} ({100 * share:.1f}%)"
        bar = element("rect", x=percent(reached), width=percent(share), y=0, height=_THICK, class_=f"bar {colour(at)}")
        y = _TOP + at * _ROW + 14
        key = element("rect", x=0, y=y - 10, width=11, height=11, rx=2, class_=f"bar {colour(at)}")
        words = text(clipped(name, _LONGEST), x=18, y=y, class_="name")
        amount = text(f"{said} · {100 * share:.1f}%", x="100%", y=y, class_="amount", text_anchor="end")
        inside.append(element("g", element("title", escaped(tip)), bar, key, words, amount, class_="hit"))
        reached += share
    return drawing("share", chart, _TOP + len(parts) * _ROW, *inside)


def _parts(chart: Chart) -> list[tuple[str, float, str]]:
    one = chart.series[0]
    known = [
        (label_text(label), number, exact(value, chart.unit))
        for label, value, number in zip(chart.labels, one.values, chart.numbers[0], strict=True)
        if number is not None and number > 0
    ]
    if len(known) <= _MOST:
        return known
    rest = sum(number for _, number, _ in known[_MOST - 1 :])
    return [*known[: _MOST - 1], (f"{len(known) - _MOST + 1} others", rest, exact(rest, chart.unit))]
