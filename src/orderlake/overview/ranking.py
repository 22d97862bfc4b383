"""What sells most, and how deliveries went: questions to a cube's larger tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal

from orderlake.engine import Engine, quote
from orderlake.overview.days import Days
from orderlake.overview.keeper import Kept
from orderlake.overview.period import Bucket, Period

_PLACES: Final = 12
_LAST_MONTH: Final = date(9999, 12, 1)
"""No month comes after it."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A category or a product with what it brought in; `others` counts what was summed up in a last row."""

    name: str
    amount: Decimal
    units: Decimal | int
    category: str = ""
    others: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Deliveries to one place: how many, the median days on the way, how many came late."""

    name: str
    orders: int
    days: int
    late: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """Deliveries of a period; `course` has on time and late per step, `before` those of the period before."""

    on_time: int
    late: int
    course: tuple[tuple[int, int], ...]
    before: tuple[int, int] | None
    days: int | None
    places: tuple[Place, ...]


def ranked(engine: Engine, kept: Kept, period: Period, by: Literal["category", "product"], most: int) -> list[Ranked]:
    """The first `most` by amount, and the rest in one row; empty where the shop has no lines."""
    if not (kept.folder / "lines.parquet").exists():
        return []
    where = _between(period.first, period.last)
    if by == "category":
        key, rows = "category", f"SELECT * FROM {_table(kept, 'categories')} WHERE {where}"
        named = "SELECT category AS name, * FROM top"
    else:
        key, rows = "number", _by_months(kept, period)
        named = f"SELECT product AS name, * FROM top JOIN {_table(kept, 'products')} USING (number)"
    found = (
        engine.cursor()
        .execute(f"""
        WITH sums AS MATERIALIZED (
            SELECT {key}, sum(amount) AS amount, sum(units) AS units FROM ({rows}) GROUP BY {key}
        ), top AS (
            SELECT * FROM sums ORDER BY amount DESC, {key} LIMIT {most}
        ), whole AS (
            SELECT count(*) AS number_of, sum(amount) AS amount, sum(units) AS units FROM sums
        )
        SELECT n.name, n.category, n.amount, n.units, w.number_of, w.amount, w.units
        FROM ({named}) AS n, whole AS w ORDER BY n.amount DESC, n.{key}""")
        .fetchall()
    )
    first = [Ranked(row[0], row[2], plain(row[3]), row[1]) for row in found]
    others = found[0][4] - len(found) if found else 0
    if others:
        amount = found[0][5] - sum((one.amount for one in first), Decimal(0))
        units = found[0][6] - sum((Decimal(one.units) for one in first), Decimal(0))
        first.append(Ranked(f"{others:,} others", amount, plain(units), others=others))
    return first


def units_by_day(engine: Engine, kept: Kept) -> Days[Decimal] | None:
    """Units per day, None where the shop has no lines."""
    if not (kept.folder / "categories.parquet").exists():
        return None
    rows = engine.cursor().execute(f"SELECT day, sum(units) FROM {_table(kept, 'categories')} GROUP BY day").fetchall()
    return Days.of((row[0], Decimal(row[1])) for row in rows)


def deliveries(
    engine: Engine, kept: Kept, period: Period, before: Period | None, buckets: Sequence[Bucket]
) -> Delivery | None:
    """How deliveries went, by the day of the order; None where the shop has none."""
    if not (kept.folder / "deliveries.parquet").exists():
        return None
    cursor, table = engine.cursor(), _table(kept, "deliveries")
    start = period.first if before is None else before.first
    by_day = cursor.execute(f"""
        SELECT day, CAST(sum(orders) FILTER (NOT late) AS BIGINT), CAST(sum(orders) FILTER (late) AS BIGINT)
        FROM {table} WHERE {_between(start, period.last)} GROUP BY day""").fetchall()
    found = Days.of((day, (on_time or 0, late or 0)) for day, on_time, late in by_day)
    on_time, late = _counted(found, period.first, period.last)
    if on_time + late == 0:
        return None
    # The median of values with counts: the first at which half of the orders is reached.
    places = cursor.execute(f"""
        WITH counts AS (
            SELECT place, days, sum(orders) AS orders, coalesce(sum(orders) FILTER (late), 0) AS late
            FROM {table} WHERE {_between(period.first, period.last)} GROUP BY GROUPING SETS ((place, days), (days))
        ), running AS (
            SELECT *, sum(orders) OVER (PARTITION BY place ORDER BY days) AS reached,
                sum(orders) OVER (PARTITION BY place) AS total, sum(late) OVER (PARTITION BY place) AS lates
            FROM counts
        )
        SELECT place, CAST(any_value(total) AS BIGINT) AS total, min(days) FILTER (2 * reached >= total),
            CAST(any_value(lates) AS BIGINT)
        FROM running GROUP BY place ORDER BY place IS NOT NULL, total DESC, place LIMIT {_PLACES + 1}""").fetchall()
    return Delivery(
        on_time,
        late,
        tuple(_counted(found, bucket.first, bucket.last) for bucket in buckets),
        None if before is None else _counted(found, before.first, before.last),
        places[0][2] if places else None,
        tuple(Place(*row) for row in places[1:]),
    )


def plain(value: Decimal) -> Decimal | int:
    """A whole number as one."""
    return int(value) if value == int(value) else value


def _counted(found: Days[tuple[int, int]], first: date, last: date) -> tuple[int, int]:
    inside = found.between(first, last)
    return sum(on_time for on_time, _ in inside), sum(late for _, late in inside)


def _by_months(kept: Kept, period: Period) -> str:
    """Whole months from their own table, the days at the ends from the days': far fewer rows for the same sums."""
    columns = "number, amount, units"
    by_day = f"SELECT {columns} FROM {_table(kept, 'lines')} WHERE {_between(period.first, period.last)}"
    if period.last >= _LAST_MONTH:
        return by_day
    first = period.first if period.first.day == 1 else _next_month(period.first)
    end = _next_month(period.last) if (period.last + timedelta(1)).day == 1 else period.last.replace(day=1)
    if first >= end:
        return by_day
    edges = f"({_between(period.first, first - timedelta(1))} OR {_between(end, period.last)})"
    return (
        f"SELECT {columns} FROM {_table(kept, 'months')} WHERE {_between(first, end - timedelta(1))} "
        f"UNION ALL SELECT {columns} FROM {_table(kept, 'lines')} WHERE {edges}"
    )


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _table(kept: Kept, part: str) -> str:
    return f"read_parquet({quote(str(kept.folder / f'{part}.parquet'))})"


def _between(first: date, last: date) -> str:
    return f"day BETWEEN DATE '{first}' AND DATE '{last}'"
