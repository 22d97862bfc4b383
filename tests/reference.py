"""What the tables must hold, in plain Python: of every order its newest version, whole, once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from orderlake import Lake

Order = Mapping[str, Any]
Tables = dict[str, list[tuple[Any, ...]]]
SECOND = 1_000_000_000
NOON = 1_700_000_000 * SECOND

_CUSTOMER = ("customer_id", "name", "email", "address")
QUERIES = {
    "orders": "SELECT order_id, order_date, total_amount, customer_id, customer_name, email, address FROM orders",
    "order_lines": (
        "SELECT order_id, line_number, product_id, product_name, category, price, quantity, order_date FROM order_lines"
    ),
    "orders_parquet_datalake": "SELECT * FROM orders_parquet_datalake",
}


@dataclass(frozen=True)
class Written:
    """One version of one file, as it was observed."""

    uri: str
    mtime: int
    records: tuple[Order, ...]


def newest(files: Iterable[Written], sequence: str | None = None) -> list[Order]:
    """The winner of each order: the maximum by (version, mtime, uri, position)."""
    best: dict[int, tuple[tuple[int, int, str, int], Order]] = {}
    for file in files:
        for position, order in enumerate(file.records, 1):
            version = file.mtime if sequence is None else order[sequence]
            rank = (version, file.mtime, file.uri, position)
            if order["order_id"] not in best or rank > best[order["order_id"]][0]:
                best[order["order_id"]] = (rank, order)
    return [order for _, order in best.values()]


def expected(files: Iterable[Written], sequence: str | None = None) -> Tables:
    """The rows of the three tables of the bundled pipeline, sorted."""
    orders, lines, flat = [], [], []
    for order in newest(files, sequence):
        number, day, total = order["order_id"], order["order_date"], order["total_amount"]
        customer = tuple((order.get("customer") or {}).get(name) for name in _CUSTOMER)
        orders.append((number, date.fromisoformat(day), Decimal(total), *customer))
        for line, product in enumerate(order.get("products") or (), 1):
            what = (product["product_id"], product.get("name"), product.get("category"))
            price, count = product["price"], product["quantity"]
            lines.append((number, line, *what, Decimal(price), count, date.fromisoformat(day)))
            flat.append((number, day, float(total), *customer, *what, float(price), count))
    return {"orders": by_text(orders), "order_lines": by_text(lines), "orders_parquet_datalake": by_text(flat)}


def by_text(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Sort rows that may hold None."""
    return sorted(rows, key=repr)


def found(lake: Lake) -> Tables:
    """The rows the lake's tables hold, the lineage columns left out, sorted."""
    return {table: by_text(lake.query(sql).rows) for table, sql in QUERIES.items()}


def order(number: int, *products: str, day: str = "2024-01-05", total: str = "10.00", **more: Any) -> dict[str, Any]:
    """An order with one line per product id."""
    lines = [{"product_id": product, "price": "2.50", "quantity": 2} for product in products]
    return {"order_id": number, "order_date": day, "total_amount": total, "products": lines, **more}


def put(path: Path, records: Sequence[Order], mtime: int) -> Path:
    """Write a file of orders, complete at once, with a modification time (ns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(list(records)), encoding="utf-8")
    os.utime(part, ns=(mtime, mtime))
    part.replace(path)
    return path


def written(lake: Lake, path: Path, records: Sequence[Order], mtime: int) -> Written:
    """Write a file of orders, and say what the reference has to know of it."""
    put(path, records, mtime)
    return Written(path.relative_to(lake.project.root).as_posix(), mtime, tuple(records))


def new_lake(folder: Path, change: Callable[[str], str] = lambda text: text) -> Lake:
    """A lake with the bundled orders pipeline, its file changed."""
    lake = Lake.init(folder, ["orders"])
    pipeline = lake.project.pipelines / "orders.yaml"
    pipeline.write_text(change(pipeline.read_text("utf-8")), "utf-8")
    return lake


def visible_parquet(lake: Lake) -> list[str]:
    """The names of the plain Parquet files any tool would see."""
    return sorted(file.name for file in (lake.project.lake / "orders_parquet_datalake").glob("*.parquet"))
