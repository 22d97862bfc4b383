"""Where things stand: ticks in steps that people count in, and labels that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from orderlake.charts.chart import Chart, Label
from orderlake.charts.words import clipped, label_text

_LONG: Final = 62
"""Days from which on a time axis names months."""
_YEARS: Final = 365 * 4
_EDGE: Final = 0.02
_CLIP: Final = 12


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of numbers over `height` pixels, the highest at the top."""

    low: float
    high: float
    ticks: tuple[float, ...]
    height: int

    def at(self, value: float) -> float:
        """How far down a value stands."""
        # Halves first: the difference of two numbers that a float can hold may be more than it can.
        return self.height * (self.high / 2 - value / 2) / (self.high / 2 - self.low / 2)

    @property
    def base(self) -> float:
        """How far down zero stands, or the end that is nearest to it."""
        return self.at(min(max(0.0, self.low), self.high))


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on the axis: where (0 to 1), what, and whether it goes when space is short."""

    place: float
    text: str
    minor: bool

    @property
    def anchor(self) -> str:
        """The end of the text that stands at its place, so that none sticks out at the sides."""
        return "start" if self.place < _EDGE else "end" if self.place > 1 - _EDGE else "middle"


def scale_of(values: Sequence[float], height: int, *, whole: bool = False) -> Scale:
    """A scale that holds all values and zero, with about four ticks, one, two or five of a power of ten apart.

    >>> scale_of([3, 870], 100).ticks
    (0.0, 200.0, 400.0, 600.0, 800.0, 1000.0)
    """
    low, high = min([0.0, *values]), max([0.0, *values])
    if low == high:
        high = 1.0
    step = _step((high / 4 - low / 4), whole=whole)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(place * step for place in range(first, last + 1))
    return Scale(min(low, ticks[0]), max(high, ticks[-1]), ticks, height)


def _step(wanted: float, *, whole: bool) -> float:
    power = 10.0 ** math.floor(math.log10(max(wanted, 1e-300)))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted * 0.75)
    return max(1.0, step) if whole else step


def places(chart: Chart, *, slots: bool) -> list[float]:
    """Where each label stands, from 0 to 1: in the middle of a slot of its own, or by its time, or evenly."""
    count = len(chart.labels)
    if slots:
        return [(at + 0.5) / count for at in range(count)]
    if count == 1:
        return [0.5]
    times = [_days(label) for label in chart.labels if isinstance(label, date)]
    if chart.is_time and times[-1] > times[0]:
        return [(time - times[0]) / (times[-1] - times[0]) for time in times]
    return [at / (count - 1) for at in range(count)]


def label_ticks(labels: Sequence[Label], where: Sequence[float], most: int = 8) -> list[Tick]:
    """Labels for at most `most` places; half of them are minor."""
    days = [label for label in labels if isinstance(label, date)]
    if days and len(days) == len(labels):
        chosen = _date_texts(days)
    else:
        chosen = [(at, clipped(label_text(label), _CLIP)) for at, label in enumerate(labels)]
    step = max(1, math.ceil(len(chosen) / most))
    kept = chosen[::step]
    thin = len(kept) > most // 2
    return [Tick(where[at], text, minor=thin and number % 2 == 1) for number, (at, text) in enumerate(kept)]


def _date_texts(days: Sequence[date]) -> list[tuple[int, str]]:
    span = (days[-1].toordinal() - days[0].toordinal()) if len(days) > 1 else 0
    if span < _LONG:
        same_day = span == 0 and len(days) > 1
        return [
            (at, f"{day:%H:%M}" if same_day and isinstance(day, datetime) else f"{day.day} {day:%b}")
            for at, day in enumerate(days)
        ]
    firsts: list[tuple[int, str]] = []
    seen: tuple[int, int] | None = None
    for at, day in enumerate(days):
        period = (day.year, day.month) if span < _YEARS else (day.year, 1)
        # A first month that begins in its second half would crowd the next one's name.
        if period != seen and not (at == 0 and day.day > _LONG // 4 and span < _YEARS):
            firsts.append((at, f"{day:%Y}" if span >= _YEARS else f"{day:%b}" if day.month > 1 else f"{day:%b %Y}"))
        seen = period
    return firsts


def _days(moment: date) -> float:
    if isinstance(moment, datetime):
        return moment.toordinal() + (moment.hour * 3600 + moment.minute * 60 + moment.second) / 86_400
    return float(moment.toordinal())
