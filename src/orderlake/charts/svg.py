"""SVG text, piece by piece.

Widths are in percent, heights in pixels: a chart fits any width, and its text stays text-sized.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orderlake.charts.chart import Chart
from orderlake.charts.scale import Scale, Tick
from orderlake.charts.words import escaped, short, summary

HEIGHT: Final = 220
"""Pixels of the plot; labels stand below it."""
_AXIS: Final = 26
COLOURS: Final = 8
"""Series have the classes series-1 to series-8, and then from the first again."""


def element(tag: str, *inside: str, **attributes: str | float) -> str:
    """An element; `_` in a name stands for `-`, and ends one that is a word of Python (`class_`)."""
    given = "".join(f' {_attribute(key)}="{_value(value)}"' for key, value in attributes.items())
    return f"<{tag}{given}>{''.join(inside)}</{tag}>" if inside else f"<{tag}{given}/>"


def text(words: str, **attributes: str | float) -> str:
    """A text element."""
    return element("text", escaped(words), **attributes)


def percent(share: float) -> str:
    """A share of the width.

    >>> percent(0.123456)
    '12.346%'
    """
    return f"{plain(100 * share, 3)}%"


def plain(number: float, digits: int = 2) -> str:
    """A coordinate, short and the same on every machine.

    >>> plain(12.50), plain(-0.0001)
    ('12.5', '0')
    """
    shown = f"{number:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if shown in {"-0", ""} else shown


def colour(at: int) -> str:
    """The class of a series by its place."""
    return f"series-{at % COLOURS + 1}"


def colour_of(chart: Chart, at: int) -> str:
    """The class of one of the chart's series: of those that are past there is one colour."""
    return "past" if chart.series[at].past else colour(at)


def drawing(kind: str, chart: Chart, height: int, *inside: str) -> str:
    """The whole drawing, as it stands in a page, with what it says for those who cannot see it."""
    said = (element("title", escaped(chart.title)), element("desc", escaped(summary(chart))))
    return element(
        "svg",
        *said,
        *inside,
        class_=f"chart-{kind}",
        role="img",
        aria_label=f"{chart.title}. {summary(chart)}",
        width="100%",
        height=height,
        overflow="visible",
    )


def empty(kind: str, chart: Chart) -> str:
    """The drawing of a chart without data."""
    return drawing(kind, chart, 80, text("No data", x="50%", y=44, class_="none", text_anchor="middle"))


def grid(chart: Chart, scale: Scale, ticks: Sequence[Tick]) -> list[str]:
    """Lines across with their numbers on the left, and labels below."""
    made: list[str] = []
    for value in scale.ticks:
        y = scale.at(value)
        zero = "zero" if value == 0 else "rule"
        made.append(element("line", x1=0, x2="100%", y1=plain(y), y2=plain(y), class_=zero))
        made.append(text(short(value, chart.unit), x=-8, y=plain(y + 4), class_="tick", text_anchor="end"))
    below, kinds = scale.height + _AXIS - 8, {True: "tick minor", False: "tick"}
    made += [
        text(tick.text, x=percent(tick.place), y=below, class_=kinds[tick.minor], text_anchor=tick.anchor)
        for tick in ticks
    ]
    return made


def total_height(scale: Scale) -> int:
    """The drawing's height: the plot, and the labels below."""
    return scale.height + _AXIS


def stretched(height: int, *inside: str) -> str:
    """What is drawn in thousandths of the width: paths, which know no percent."""
    return element(
        "svg", *inside, viewBox=f"0 0 1000 {height}", preserveAspectRatio="none", height=height, width="100%"
    )


def path(commands: str, class_: str) -> str:
    """A path whose line stays as thin as it is, however wide the chart."""
    return element("path", d=commands, class_=class_, vector_effect="non-scaling-stroke")


def hit(place: float, width: float, height: int, said: str, *marks: str) -> str:
    """A column that answers a pointer: with its tooltip, and with marks that CSS shows on hover."""
    left, right = max(0.0, place - width / 2), min(1.0, place + width / 2)  # what sticks out makes a page scroll
    target = element("rect", x=percent(left), width=percent(right - left), y=0, height=height, class_="target")
    return element("g", element("title", escaped(said)), target, *marks, class_="hit")


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return escaped(value) if isinstance(value, str) else plain(value, 3)
