"""When orders come: a growing shop with a weekly rhythm and a November and December peak."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from orderlake.generate.draw import stream
from orderlake.generate.plan import Plan

# All weights are integers in percent, so that the split over days is exact.
_WEEKDAYS: Final = (108, 102, 98, 97, 101, 82, 112)
_MONTHS: Final = (90, 86, 91, 94, 98, 96, 90, 87, 97, 104, 138, 152)
_HOURS: Final = (14, 8, 5, 4, 4, 6, 12, 22, 36, 48, 56, 58, 54, 56, 56, 54, 54, 56, 60, 68, 76, 74, 58, 34)
_GROWTH_PER_YEAR: Final = 40
_NOVEMBER, _DECEMBER, _FRIDAY = 11, 12, 4
_LAST_SHIPPING_DAY: Final = 23
# The day after the fourth Thursday; Cyber Monday follows three days later.
_BLACK_FRIDAYS: Final = range(23, 30)
_BLACK_FRIDAY_GAP: Final = 3


def days(plan: Plan) -> Iterator[tuple[date, int]]:
    """Give each day of the plan, ascending, with its number of orders; the numbers sum to `plan.orders`."""
    noise = stream(plan.seed, "season")
    calendar = [plan.start + timedelta(days=index) for index in range(plan.days)]
    weights = [
        weight(day) * (100 + _GROWTH_PER_YEAR * index // 365) * (90 + int(21 * noise()))
        for index, day in enumerate(calendar)
    ]
    total, reached, before = sum(weights), 0, 0
    for day, share in zip(calendar, weights, strict=True):
        reached += share
        after = plan.orders * reached // total
        yield day, after - before
        before = after


def weight(day: date) -> int:
    """Give the relative demand of a day in the year: week, month, Black Friday, Cyber Monday, Christmas.

    >>> weight(date(2025, 11, 28)) > 2 * weight(date(2025, 11, 21))
    True
    """
    demand = _WEEKDAYS[day.weekday()] * _MONTHS[day.month - 1]
    if _is_black_friday(day):
        return demand * 26 // 10
    if day.toordinal() > _BLACK_FRIDAY_GAP and _is_black_friday(day - timedelta(_BLACK_FRIDAY_GAP)):
        return demand * 17 // 10
    if day.month == _DECEMBER and day.day > _LAST_SHIPPING_DAY:
        return demand * 5 // 10
    return demand


def _is_black_friday(day: date) -> bool:
    return day.month == _NOVEMBER and day.weekday() == _FRIDAY and day.day in _BLACK_FRIDAYS


def _quantiles(steps: int) -> list[int]:
    """Give the second of the day by which 0/steps, 1/steps, … steps/steps of a day's orders have come."""
    total = sum(_HOURS)
    seconds: list[int] = []
    hour, passed = 0, 0
    for step in range(steps):
        wanted = step * total
        while (passed + _HOURS[hour]) * steps <= wanted:
            passed += _HOURS[hour]
            hour += 1
        seconds.append(3600 * hour + 3600 * (wanted - passed * steps) // (_HOURS[hour] * steps))
    return [*seconds, 86_400]


_STEPS: Final = 2_880
_SECONDS: Final = _quantiles(_STEPS)


def second_of_day(fraction: float) -> int:
    """Give the second, 0 to 86399, by which that fraction (below 1) of a day's orders have come.

    >>> second_of_day(0.0), 15 <= second_of_day(0.5) // 3600 <= 16
    (0, True)
    """
    place = fraction * _STEPS
    step = int(place)
    return int(_SECONDS[step] + (place - step) * (_SECONDS[step + 1] - _SECONDS[step]))
