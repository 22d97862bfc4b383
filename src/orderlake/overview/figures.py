"""The figures of a shop over a period, from its cube; money stays exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from orderlake.engine import Engine, quote
from orderlake.overview.days import Days
from orderlake.overview.keeper import Kept
from orderlake.overview.period import Bucket, Period
from orderlake.overview.ranking import Delivery, Ranked, deliveries, plain, ranked, units_by_day

_CENT: Final = Decimal("0.01")
_AHEAD: Final = timedelta(days=1)
_TOP: Final = 10


@dataclass(frozen=True, slots=True)
class Day:
    """One day's sums; `more` has the shop's further amounts."""

    orders: int
    amount: Decimal
    known: int
    firsts: int
    more: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure: its value, what it was in the period before (None: there was none), and its course.

    `better` says whether more is good news, bad news, or just news; an average does not `add` up over its course.
    """

    name: str
    unit: Literal["count", "money"]
    value: Decimal | int | None
    before: Decimal | int | None
    course: tuple[Decimal | int | None, ...]
    better: Literal["more", "less", ""] = "more"
    adds: bool = True

    @property
    def change(self) -> Decimal | None:
        """By how many percent it has changed; None where nothing was before."""
        if self.value is None or not self.before:
            return None
        return (Decimal(100) * (Decimal(self.value) - Decimal(self.before)) / abs(Decimal(self.before))).quantize(
            Decimal("0.1")
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the overview shows of a period. `revenue_before` is the course of the period before, step by step."""

    period: Period
    buckets: tuple[Bucket, ...]
    measures: tuple[Measure, ...]
    revenue_before: tuple[Decimal, ...] | None
    firsts: tuple[int, ...]
    repeats: tuple[int, ...]
    unknown: int
    categories: tuple[Ranked, ...]
    products: tuple[Ranked, ...]
    delivery: Delivery | None

    def measure(self, name: str) -> Measure:
        """The measure of a name."""
        return next(one for one in self.measures if one.name == name)


def days_of(engine: Engine, kept: Kept) -> Days[Day]:
    """The days on which there were orders."""
    read = f"read_parquet({quote(str(kept.folder / 'daily.parquet'))})"
    columns = ", ".join(["day, orders, amount, known, firsts", *(f'"{each}"' for each in kept.amounts)])
    rows = engine.cursor().execute(f"SELECT {columns} FROM {read} ORDER BY day").fetchall()
    return Days.of((row[0], Day(row[1], _money(row[2]), row[3], row[4], tuple(map(_money, row[5:])))) for row in rows)


def bounds_of(days: Sequence[date], today: date) -> tuple[date, date] | None:
    """The first day, and the newest that has come: an order of the year 2205 moves nothing. None without orders."""
    if not days:
        return None
    come = [day for day in days if day <= today + _AHEAD]
    return days[0], (come or list(days))[-1]


def figures_of(engine: Engine, kept: Kept, days: Days[Day], period: Period) -> Figures:
    """The figures of a period; `days` are the cube's own (`days_of`)."""
    before = _before(days, period)
    buckets = tuple(period.buckets())
    cells = [_sum(days, bucket.first, bucket.last, kept) for bucket in buckets]
    now, then = _sum(days, period.first, period.last, kept), None
    if before is not None:
        then = _sum(days, before.first, before.last, kept)
    sold = units_by_day(engine, kept)

    def measure(
        name: str,
        unit: Literal["count", "money"],
        of: Callable[[Day], Decimal | int | None],
        better: Literal["more", "less", ""] = "more",
        *,
        adds: bool = True,
    ) -> Measure:
        return Measure(name, unit, of(now), None if then is None else of(then), tuple(map(of, cells)), better, adds)

    measures = [
        measure("Revenue", "money", lambda day: day.amount),
        measure("Orders", "count", lambda day: day.orders),
        measure("Average basket", "money", _basket, adds=False),
        *([] if sold is None else [_units(sold, period, before, buckets)]),
        measure("New customers", "count", lambda day: day.firsts),
    ]
    for at, name in enumerate(kept.amounts):
        label = name.replace("_", " ").capitalize()
        better: Literal["less", ""] = "less" if name in {"refunds", "discounts"} else ""
        measures.append(measure(label, "money", lambda day, at=at: day.more[at], better))  # type: ignore[misc]
    shift = timedelta(period.days)
    past = (
        None
        if before is None
        else tuple(_sum(days, bucket.first - shift, bucket.last - shift, kept).amount for bucket in buckets)
    )
    return Figures(
        period,
        buckets,
        tuple(measures),
        past,
        tuple(cell.firsts for cell in cells),
        tuple(cell.known - cell.firsts for cell in cells),
        now.orders - now.known,
        tuple(ranked(engine, kept, period, "category", _TOP)),
        tuple(ranked(engine, kept, period, "product", _TOP)),
        deliveries(engine, kept, period, before, buckets),
    )


def _before(days: Days[Day], period: Period) -> Period | None:
    """The period before, when the shop had begun by then: else there is nothing to compare with."""
    before = period.before
    return before if before is not None and days.dates and days.dates[0] <= before.first else None


def _sum(days: Days[Day], first: date, last: date, kept: Kept) -> Day:
    found = days.between(first, last)
    more = tuple(sum((day.more[at] for day in found), Decimal(0)) for at in range(len(kept.amounts)))
    return Day(
        sum(day.orders for day in found),
        sum((day.amount for day in found), Decimal(0)),
        sum(day.known for day in found),
        sum(day.firsts for day in found),
        more,
    )


def _units(sold: Days[Decimal], period: Period, before: Period | None, buckets: Sequence[Bucket]) -> Measure:
    def of(first: date, last: date) -> Decimal | int:
        return plain(sum(sold.between(first, last), Decimal(0)))

    past = None if before is None else of(before.first, before.last)
    course = tuple(of(bucket.first, bucket.last) for bucket in buckets)
    return Measure("Units", "count", of(period.first, period.last), past, course)


def _basket(day: Day) -> Decimal | None:
    return (day.amount / day.orders).quantize(_CENT) if day.orders else None


def _money(value: Any) -> Decimal:  # noqa: ANN401 - whatever DuckDB gives for a decimal of any width
    return Decimal(value)
