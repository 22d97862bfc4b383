"""A stretch of days, the one before it, and the steps that it is shown in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from orderlake.errors import ConfigError

CHOICES: Final[Mapping[str, str]] = {
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "12m": "Last 12 months",
    "year": "This year",
    "all": "All time",
    "custom": "From … to …",
}
"""What can be chosen, counted back from the newest order: a lake of last year's orders is not empty today."""
DEFAULT: Final = "90d"
_DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}
_BY_DAY, _BY_WEEK, _BY_MONTH = 92, 400, 3700
Step = Literal["day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step: its first and last day within the period."""

    first: date
    last: date
    whole: bool


@dataclass(frozen=True, slots=True)
class Period:
    """From `first` to `last`, both included. `choice` is what the user chose."""

    first: date
    last: date
    choice: str = "custom"

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Period | None:
        """As many days right before; None for all time, and where the calendar begins."""
        if self.choice == "all" or self.first.toordinal() <= self.days:
            return None
        return Period(self.first - timedelta(self.days), self.first - timedelta(1))

    @property
    def step(self) -> Step:
        """What it is shown by: days up to three months, weeks up to a year or so, months up to ten, else years."""
        if self.days <= _BY_WEEK:
            return "day" if self.days <= _BY_DAY else "week"
        return "month" if self.days <= _BY_MONTH else "year"

    def buckets(self) -> list[Bucket]:
        """The steps, ascending. Weeks are counted back from the last day; days before the first whole one have none.

        Months and years are the calendar's; the first and the last may be cut short.
        """
        if self.step == "week":
            firsts = [self.last - timedelta(7 * back + 6) for back in reversed(range(self.days // 7))]
            return [Bucket(first, first + timedelta(6), whole=True) for first in firsts]
        made: list[Bucket] = []
        at = self.first
        while at <= self.last:
            begin, end = _around(at, self.step)
            stop = min(end, self.last)
            made.append(Bucket(at, stop, whole=at == begin and stop == end))
            if stop >= self.last:
                break
            at = stop + timedelta(1)
        return made


def chosen(choice: str, bounds: tuple[date, date], start: str = "", end: str = "") -> Period:
    """The period of a choice, in a shop whose first and newest orders are of the days `bounds`.

    ConfigError says what is wrong with a choice, or with the days `start` and `end` (ISO, empty for the bound).

    >>> chosen("7d", (date(2024, 1, 1), date(2025, 3, 10))).first
    datetime.date(2025, 3, 4)
    """
    oldest, newest = bounds
    if choice == "all":
        return Period(oldest, newest, choice)
    if choice == "year":
        return Period(date(newest.year, 1, 1), newest, choice)
    if choice == "12m":
        return Period(_year_before(newest) + timedelta(1), newest, choice)
    if choice in _DAYS:
        return Period(newest - timedelta(_DAYS[choice] - 1), newest, choice)
    if choice != "custom":
        raise ConfigError(f"there is no period {choice!r}: choose one of {', '.join(CHOICES)}")
    first, last = _day(start, oldest), _day(end, newest)
    if first > last:
        raise ConfigError(f"the period ends before it begins: {first} is after {last}")
    return Period(first, last)


def _around(day: date, step: Step) -> tuple[date, date]:
    if step == "day":
        return day, day
    if step == "year":
        return date(day.year, 1, 1), date(day.year, 12, 31)
    after = date.max if (day.year, day.month) == (date.max.year, 12) else None
    if after is None:
        after = date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(1)
    return day.replace(day=1), after


def _year_before(day: date) -> date:
    if day.year == 1:
        return date.min
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap else day.day)


def _day(text: str, otherwise: date) -> date:
    if not text.strip():
        return otherwise
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(f"{text!r} is no day: write it as 2025-03-31") from error
