"""What a chart shows: for each label a number per series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal, Self

Number = Decimal | int | float | None
"""None is a gap: nothing is drawn there, which is not the same as zero."""
Label = str | date
"""Dates, ascending, make a time axis; anything else is a category."""
_BEYOND: Final = 1e100
Unit = Literal["count", "money", "percent", "days"]


@dataclass(frozen=True, slots=True)
class Series:
    """A name, and a number for each of the chart's labels; `past` is drawn faintly, to compare with.

    What does not `add` up has no total: averages, medians, and numbers of which nobody knows what they are.
    """

    name: str
    values: tuple[Number, ...]
    past: bool = False
    adds: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """A title, labels, and one or more series over them; ValueError when a series is longer or shorter.

    `of` says what the labels are: it heads their column in the table of numbers.
    """

    title: str
    labels: tuple[Label, ...]
    series: tuple[Series, ...]
    unit: Unit = "count"
    of: str = "Label"

    def __post_init__(self) -> None:
        for one in self.series:
            if len(one.values) != len(self.labels):
                raise ValueError(f"{one.name} has {len(one.values)} values for {len(self.labels)} labels")

    @classmethod
    def of_rows(
        cls, title: str, rows: Iterable[Sequence[Any]], names: Sequence[str], unit: Unit = "count", of: str = "Label"
    ) -> Self:
        """A chart of rows: the first value of each is its label, the others are its numbers, `names` theirs.

        >>> Chart.of_rows("Sales", [("Toys", 3), ("Books", None)], ["units"]).series
        (Series(name='units', values=(3, None), past=False, adds=True),)
        """
        kept = [tuple(row) for row in rows]
        labels = tuple(_label(row[0]) for row in kept)
        columns = (tuple(row[at] for row in kept) for at in range(1, len(names) + 1))
        return cls(
            title, labels, tuple(Series(name, values) for name, values in zip(names, columns, strict=True)), unit, of
        )

    def without_totals(self) -> Self:
        """The chart of numbers that do not add up, or may not."""
        return replace(self, series=tuple(replace(one, adds=False) for one in self.series))

    @property
    def numbers(self) -> list[list[float | None]]:
        """The values as they are drawn, a list per series; what is no finite number is a gap."""
        return [[drawn(value) for value in one.values] for one in self.series]

    @property
    def known(self) -> list[float]:
        """All numbers that can be drawn."""
        return [value for values in self.numbers for value in values if value is not None]

    @property
    def is_time(self) -> bool:
        """Whether the labels are dates that ascend."""
        days = [label for label in self.labels if isinstance(label, date)]
        return bool(days) and len(days) == len(self.labels) and days == sorted(set(days))

    def part(self, keep: Sequence[int]) -> Chart:
        """The chart with some of its labels only, by their place."""
        series = tuple(replace(one, values=tuple(one.values[at] for at in keep)) for one in self.series)
        return Chart(self.title, tuple(self.labels[at] for at in keep), series, self.unit, self.of)


def drawn(value: Number) -> float | None:
    """A number as it is drawn, or None: what is not finite, or beyond all measure, has no place in a chart.

    >>> drawn(Decimal("1.5")), drawn(float("nan")), drawn(10**400)
    (1.5, None, None)
    """
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < _BEYOND else None


def thinned(chart: Chart, most: int) -> Chart:
    """The chart with at most about `most` labels: of each stretch, where each series is lowest and highest.

    A line through them looks like the line through all; no peak is lost.
    """
    count, numbers = len(chart.labels), chart.numbers
    if count <= most:
        return chart
    stretches = max(1, most // (2 * max(1, len(numbers))))
    keep = {0, count - 1}
    for stretch in range(stretches):
        places = range(stretch * count // stretches, (stretch + 1) * count // stretches)
        for values in numbers:
            known = [(value, at) for at in places if (value := values[at]) is not None]
            keep |= {min(known)[1], max(known)[1]} if known else {places[0]}
    return chart.part(sorted(keep))


def _label(value: object) -> Label:
    if value is None:
        return "(none)"
    return value if isinstance(value, str | date) else str(value)
