"""Values by day, ascending, for sums over any stretch of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Days(Generic[T]):
    """A value for each of some days, which ascend.

    >>> Days.of([(date(2025, 1, 2), "b"), (date(2025, 1, 1), "a")]).between(date(2025, 1, 2), date(2025, 1, 9))
    ('b',)
    """

    dates: tuple[date, ...]
    values: tuple[T, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[date, T]]) -> Self:
        """Put in order; no day may come twice."""
        ordered = sorted(pairs, key=lambda pair: pair[0])
        return cls(tuple(day for day, _ in ordered), tuple(value for _, value in ordered))

    def between(self, first: date, last: date) -> Sequence[T]:
        """The values of a stretch, both ends included."""
        return self.values[bisect_left(self.dates, first) : bisect_right(self.dates, last)]
