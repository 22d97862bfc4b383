"""Numbers and labels as people read them, and any text as markup."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Final

from orderlake.charts.chart import Chart, Label, Number, Unit, drawn

_STEPS: Final = ((1_000_000_000, "bn"), (1_000_000, "M"), (1_000, "k"))
_WHOLE: Final = 100
_TENS: Final = 10
_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML document may hold, not even escaped."""


def escaped(text: str) -> str:
    """Text that is markup for itself, in elements and in attributes.

    >>> escaped("<b> & 'you'")
    '&lt;b&gt; &amp; &#x27;you&#x27;'
    """
    return escape(_NO_XML.sub("\ufffd", text))


def short(value: Number, unit: Unit = "count") -> str:
    """A number in the width of an axis.

    >>> [short(n) for n in (0, 950, 1_234, 12_345, 2_000_000, -0.25)]
    ['0', '950', '1.2k', '12k', '2M', '-0.25']
    """
    number = drawn(value)
    if number is None:
        return "–"
    if unit == "percent":
        return f"{_trimmed(number, 1)}%"
    for step, letter in _STEPS:
        if abs(number) >= step * 0.9995:
            return f"{_trimmed(number / step, 0 if abs(number) >= _TENS * step else 1)}{letter}"
    return _trimmed(number, 0 if abs(number) >= _WHOLE else 2)


def exact(value: Number, unit: Unit = "count") -> str:
    """A number with all that matters of it.

    >>> exact(Decimal("1234.5"), "money"), exact(1234), exact(12.345, "percent"), exact(None)
    ('1,234.50', '1,234', '12.3%', '–')
    """
    if value is None or drawn(value) is None:
        return "–"
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "percent":
        return f"{value:.1f}%"
    if unit == "days":
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    whole, _, rest = f"{value:,.4f}".partition(".")
    return whole + (f".{rest.rstrip('0')}" if rest.strip("0") else "")


def label_text(label: Label) -> str:
    """A label in full.

    >>> label_text(date(2025, 3, 1)), label_text("Toys")
    ('1 Mar 2025', 'Toys')
    """
    if isinstance(label, datetime):
        return f"{label.day} {label:%b %Y %H:%M}"
    if isinstance(label, date):
        return f"{label.day} {label:%b %Y}"
    return label


def clipped(text: str, most: int) -> str:
    """Text in at most so many characters.

    >>> clipped("Electronics", 6)
    'Elect…'
    """
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def summary(chart: Chart) -> str:
    """What the chart says, in a sentence per series: for those who cannot see it."""
    if not chart.known:
        return "No data."
    return " ".join(_said(chart, at) for at in range(len(chart.series)))


def tooltip(chart: Chart, at: int) -> str:
    """What stands at one label, a line per series."""
    name = label_text(chart.labels[at])
    if len(chart.series) == 1:
        return f"{name}: {exact(chart.series[0].values[at], chart.unit)}"
    return "\n".join([name, *(f"{one.name}: {exact(one.values[at], chart.unit)}" for one in chart.series)])


def _said(chart: Chart, at: int) -> str:
    one = chart.series[at]
    known = [(number, place) for place, number in enumerate(chart.numbers[at]) if number is not None]
    if not known:
        return f"{one.name}: no data."
    high, low = max(known, key=lambda pair: pair[0])[1], min(known, key=lambda pair: pair[0])[1]
    values = [one.values[place] for _, place in known]
    said = f"{one.name}: highest {exact(one.values[high], chart.unit)} ({label_text(chart.labels[high])})"
    said += f", lowest {exact(one.values[low], chart.unit)} ({label_text(chart.labels[low])})"
    if one.adds and chart.unit in {"count", "money"}:
        said += f", total {exact(_total(values), chart.unit)}"
    return f"{said}."


def _total(values: list[Number]) -> Number:
    """Exact where all are exact; a float makes it one."""
    some = [value for value in values if value is not None]
    if any(isinstance(value, float) for value in some):
        return sum(float(value) for value in some)
    return sum((Decimal(value) for value in some), Decimal(0))


def _trimmed(number: float, places: int) -> str:
    text = f"{number:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text
