"""A shop's facts summed per day, as Parquet files: from them every figure of any period is answered at once.

`daily` has a row per day: orders, amount, orders with a known customer, customers whose first order ever it saw, and
the shop's further amounts. All of these add up over days, first orders too, because a customer has one first day.
`lines` and `months` have amount and units per product, which `products` names; `categories` per category and day;
`deliveries` counts orders by place, lateness and days on the way, from which medians follow.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import name, quote
from orderlake.errors import ConfigError, QueryError
from orderlake.overview.shop import LAYOUT, PARTS, Facts, Shop
from orderlake.storage.raised import raised_in_engine

if TYPE_CHECKING:
    import duckdb

_ABOUT: Final = "cube.json"
_NUMBERS: Final = ("DECIMAL", "FLOAT", "DOUBLE", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_MONEY: Final = "DECIMAL(18,2)"
_PIECES: Final = "DECIMAL(18,3)"
"""Units are pieces, or pounds of cheese."""


def build(cursor: duckdb.DuckDBPyConnection, shop: Shop, done: Path, made: Path) -> None:
    """Sum the shop's facts into the folder `done`, which appears when it is complete; one that is there already stays.

    `cursor` knows the shop's tables by name, `made` is where to work. QueryError names the file whose SELECT is wrong.
    """
    made.mkdir(parents=True)
    done.parent.mkdir(parents=True, exist_ok=True)
    try:
        extras = _daily(cursor, shop.facts["orders"], made / "daily.parquet")
        if "lines" in shop.facts:
            _lines(cursor, shop.facts["lines"], made)
        if "deliveries" in shop.facts:
            _deliveries(cursor, shop.facts["deliveries"], made)
        about = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "amounts": extras, "layout": LAYOUT}
        (made / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        try:
            made.rename(done)
        except OSError:
            if not is_complete(done):  # else another process was faster, with the same sums
                shutil.rmtree(done)  # what a power cut has left
                made.rename(done)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def about(folder: Path) -> tuple[str, tuple[str, ...]]:
    """When a cube was made (ISO, UTC), and which further amounts it has."""
    said = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    return str(said["at"]), tuple(said["amounts"])


def complete(folder: Path) -> list[Path]:
    """The cubes in a shop's folder that can be read, oldest first: those of another release are none."""
    found = [cube for cube in folder.glob("*") if is_complete(cube)]
    return sorted(found, key=lambda cube: ((cube / _ABOUT).stat().st_mtime_ns, cube.name))


def is_complete(cube: Path) -> bool:
    """Whether there is a whole cube of this release."""
    try:
        return bool(json.loads((cube / _ABOUT).read_text(encoding="utf-8")).get("layout") == LAYOUT)
    except (OSError, ValueError):
        return False


def _daily(cursor: duckdb.DuckDBPyConnection, facts: Facts, target: Path) -> list[str]:
    columns = _described(cursor, facts, PARTS["orders"])
    extras = [column for column, kind in columns.items() if column not in PARTS["orders"] and kind.startswith(_NUMBERS)]
    amounts = ", ".join(
        f"coalesce(sum({_exact(column, columns[column])}), 0) AS {name(column)}" for column in ("amount", *extras)
    )
    select = f"""
        WITH facts AS NOT MATERIALIZED ({facts.sql}
        ), firsts AS (
            SELECT first AS day, count(*) AS firsts
            FROM (SELECT min(CAST(day AS DATE)) AS first FROM facts WHERE customer IS NOT NULL GROUP BY customer)
            GROUP BY first
        ), days AS (
            SELECT CAST(day AS DATE) AS day, count(*) AS orders, count(customer) AS known, {amounts}
            FROM facts WHERE day IS NOT NULL GROUP BY 1
        )
        SELECT days.*, coalesce(firsts.firsts, 0) AS firsts FROM days LEFT JOIN firsts USING (day) ORDER BY day"""
    _copy(cursor, facts, select, target)
    return extras


def _lines(cursor: duckdb.DuckDBPyConnection, facts: Facts, folder: Path) -> None:
    columns = _described(cursor, facts, PARTS["lines"])
    sold, products, lines = folder / "sold.parquet", folder / "products.parquet", folder / "lines.parquet"
    select = f"""
        SELECT CAST(day AS DATE) AS day, coalesce(CAST(category AS VARCHAR), '(none)') AS category,
            coalesce(CAST(product AS VARCHAR), '(none)') AS product,
            coalesce(sum({_exact("amount", columns["amount"])}), 0) AS amount,
            coalesce(sum({_exact("units", columns["units"], _PIECES)}), 0) AS units
        FROM ({facts.sql}
        ) WHERE day IS NOT NULL GROUP BY ALL"""
    _copy(cursor, facts, select, sold)
    # Products are numbered in the order of their names: a million of them are then quick to sum and to rank.
    numbered = f"""
        SELECT row_number() OVER (ORDER BY product, category) AS number, product, category
        FROM (SELECT DISTINCT product, category FROM {_read(sold)}) ORDER BY number"""
    _copy(cursor, facts, numbered, products)
    # By day, so that a question about some days reads their row groups only.
    by_day = f"""
        SELECT day, number, amount, units FROM {_read(sold)} JOIN {_read(products)} USING (product, category)
        ORDER BY day"""
    _copy(cursor, facts, by_day, lines)
    sums = "sum(amount) AS amount, sum(units) AS units"
    by_category = f"SELECT day, category, {sums} FROM {_read(sold)} GROUP BY ALL ORDER BY day, category"
    _copy(cursor, facts, by_category, folder / "categories.parquet")
    month = "CAST(date_trunc('month', day) AS DATE) AS day"
    by_month = f"SELECT {month}, number, {sums} FROM {_read(lines)} GROUP BY ALL ORDER BY 1"
    _copy(cursor, facts, by_month, folder / "months.parquet")
    sold.unlink()


def _deliveries(cursor: duckdb.DuckDBPyConnection, facts: Facts, folder: Path) -> None:
    _described(cursor, facts, PARTS["deliveries"])
    select = f"""
        SELECT CAST(day AS DATE) AS day, coalesce(CAST(place AS VARCHAR), '(none)') AS place,
            coalesce(CAST(late AS BOOLEAN), false) AS late, CAST(days AS INTEGER) AS days, count(*) AS orders
        FROM ({facts.sql}
        ) WHERE day IS NOT NULL GROUP BY ALL ORDER BY day"""
    _copy(cursor, facts, select, folder / "deliveries.parquet")


def _described(cursor: duckdb.DuckDBPyConnection, facts: Facts, wanted: Sequence[str]) -> Mapping[str, str]:
    """The columns of a SELECT with their types; it must have those that are wanted."""
    rows = _ask(cursor, facts, f"DESCRIBE SELECT * FROM ({facts.sql}\n)")
    columns = {str(row[0]): str(row[1]) for row in rows}
    missing = [column for column in wanted if column not in columns]
    if missing:
        raise ConfigError(f"{facts.file}: its SELECT has no column {', '.join(missing)}: give it as … AS {missing[0]}")
    return columns


def _exact(column: str, kind: str, otherwise: str = _MONEY) -> str:
    """A column as a sum may take it, which is exact and Parquet can hold: sums of integers are too wide for it."""
    return name(column) if kind.startswith("DECIMAL") else f"CAST({name(column)} AS {otherwise})"


def _copy(cursor: duckdb.DuckDBPyConnection, facts: Facts, select: str, target: Path) -> None:
    _ask(cursor, facts, f"COPY ({select}) TO {quote(str(target))} (FORMAT parquet)")


def _read(file: Path) -> str:
    return f"read_parquet({quote(str(file))})"


def _ask(cursor: duckdb.DuckDBPyConnection, facts: Facts, sql: str) -> list[tuple[object, ...]]:
    import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

    try:
        return cursor.execute(sql).fetchall()
    except duckdb.Error as error:
        stored = raised_in_engine(error)
        if stored is not None:
            raise stored from error
        raise QueryError(f"{facts.file}: {error}") from error
