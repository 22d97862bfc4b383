"""What the bundled pipelines say of their tables, and small lakes whose sums tell how often each row was counted.

Each row's measure is another power of 256, so the bytes of a sum are counts: 0x020001 is one row twice and another
once.
"""

import random
from functools import cache

import duckdb
import yaml

from orderlake.model.pipeline import Pipeline, parse_pipeline
from orderlake.query.grain import Grains, grains_of
from orderlake.wiring import bundled_pipelines

COLUMNS = {
    "orders": "order_id BIGINT, order_date DATE, total_amount HUGEINT, customer_id BIGINT",
    "order_lines": "order_id BIGINT, line_number INT, product_id VARCHAR, category VARCHAR, price HUGEINT, "
    "quantity BIGINT, order_date DATE",
    "olist_orders_dataset": "order_id VARCHAR, customer_id VARCHAR, order_status VARCHAR",
    "olist_order_items_dataset": "order_id VARCHAR, order_item_id INT, product_id VARCHAR, seller_id VARCHAR, "
    "price HUGEINT, freight_value HUGEINT",
    "olist_order_payments_dataset": "order_id VARCHAR, payment_sequential INT, payment_type VARCHAR, "
    "payment_value HUGEINT",
    "olist_order_reviews_dataset": "review_id VARCHAR, order_id VARCHAR, review_score INT",
}
WIDE = (
    "CREATE TABLE orders_parquet_datalake AS SELECT o.order_id, o.order_date, o.total_amount, o.customer_id, "
    "l.product_id, l.category, l.price, l.quantity FROM orders o JOIN order_lines l USING (order_id)"
)


@cache
def pipelines() -> tuple[Pipeline, ...]:
    files = bundled_pipelines().values()
    return tuple(parse_pipeline(yaml.safe_load(file.read_text("utf-8")), str(file)) for file in files)


@cache
def known() -> Grains:
    return grains_of(pipelines())


@cache
def small_lake(seed: int, least: int = 0) -> duckdb.DuckDBPyConnection:
    """Five orders per shop, each with `least` to 3 lines, few categories: whatever can be repeated is."""
    draw = random.Random(seed)
    connection = duckdb.connect()
    for table, columns in COLUMNS.items():
        connection.execute(f"CREATE TABLE {table} ({columns})")
    pieces = [(number, piece) for number in range(5) for piece in range(1, draw.randint(least, 3) + 1)]
    payments = 0
    for number in range(5):
        day, customer = f"2024-01-0{draw.randint(1, 2)}", draw.randint(1, 2)
        own = 256**number
        connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", [number, day, own, customer])
        connection.execute("INSERT INTO olist_orders_dataset VALUES (?, ?, ?)", [f"o{number}", f"c{number}", "ok"])
        for sequence in range(1, draw.randint(1, 2) + 1):
            value, payments = 256**payments, payments + 1
            kind = draw.choice(["card", "voucher"])
            connection.execute(
                "INSERT INTO olist_order_payments_dataset VALUES (?, ?, ?, ?)", [f"o{number}", sequence, kind, value]
            )
        for review in range(draw.randint(0, 2)):
            row = [f"r{number}{review}", f"o{number}", draw.randint(1, 5)]
            connection.execute("INSERT INTO olist_order_reviews_dataset VALUES (?, ?, ?)", row)
    for at, (number, piece) in enumerate(pieces):
        measure = 256**at
        product, category = draw.choice(["p1", "p2"]), draw.choice(["A", "B"])
        connection.execute(
            "INSERT INTO order_lines SELECT ?, ?, ?, ?, ?, 1, order_date FROM orders WHERE order_id = ?",
            [number, piece, product, category, measure, number],
        )
        connection.execute(
            "INSERT INTO olist_order_items_dataset VALUES (?, ?, ?, ?, ?, ?)",
            [f"o{number}", piece, product, draw.choice(["s1", "s2"]), measure, measure],
        )
    connection.execute(WIDE)
    return connection


def counts(cell: object) -> list[int]:
    """How often each row is in a sum."""
    return list(cell.to_bytes(16)) if isinstance(cell, int) else []


def once(cell: object) -> object:
    """The sum with each row once."""
    return int.from_bytes(bytes(min(count, 1) for count in counts(cell))) if isinstance(cell, int) else cell
