"""The life of two tables by hand in DuckDB: `load FILE FOLDER`, `merge FILE FOLDER`, `compact FOLDER`, `ask FOLDER`.

Tables are folders of Parquet files, one per month and write. A merge rewrites the months that the changed orders were
in and are in. There is no history, no check, no account of what was read, and nobody else may write meanwhile.
"""

# ruff: noqa: S608 - paths and months are the benchmark's own
from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import duckdb

from benchmarks.ask import asked

RECORDS = """
SELECT order_id, order_date, total_amount, customer, products
FROM read_json('{source}', format = '{format}', columns = {{
    order_id: 'BIGINT', order_date: 'DATE', total_amount: 'DECIMAL(18,2)',
    customer: 'STRUCT(customer_id BIGINT, "name" VARCHAR, email VARCHAR, address VARCHAR)',
    products: 'STRUCT(product_id VARCHAR, "name" VARCHAR, category VARCHAR, price DECIMAL(18,2), quantity BIGINT)[]'
}})
"""
FLAT = {
    "orders": (
        "SELECT order_id, order_date, total_amount, customer.customer_id AS customer_id, "
        "customer.name AS customer_name, customer.email AS email, customer.address AS address FROM ({records})"
    ),
    "order_lines": (
        "SELECT order_id, number AS line_number, products[number].product_id AS product_id, "
        "products[number].name AS product_name, products[number].category AS category, "
        "products[number].price AS price, products[number].quantity AS quantity, order_date "
        "FROM (SELECT *, unnest(range(1, len(products) + 1)) AS number FROM ({records}))"
    ),
}
OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (month), OVERWRITE_OR_IGNORE"
MONTH = "strftime(order_date, '%Y-%m') AS month"


def connect() -> duckdb.DuckDBPyConnection:
    """Open it with all cores, rows in any order."""
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    return connection


def records(source: str) -> str:
    """SQL of a file's records."""
    return RECORDS.format(source=source, format="newline_delimited" if source.endswith(".ndjson") else "array")


def load(source: str, folder: str) -> None:
    """Read once per table."""
    connection = connect()
    for table, flat in FLAT.items():
        select = f"SELECT *, {MONTH} FROM ({flat.format(records=records(source))})"
        connection.execute(f"COPY ({select}) TO '{folder}/{table}' ({OPTIONS}, FILENAME_PATTERN 'load_{{i}}')")


def merge(changes: str, folder: str) -> None:
    """Rewrite the months that hold a changed order, without it, and with the changes."""
    connection = connect()
    connection.execute(f"CREATE TABLE changed AS {records(changes)}")
    for table, flat in FLAT.items():
        lake = f"read_parquet('{folder}/{table}/*/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
        new = f"SELECT *, {MONTH} FROM ({flat.format(records='FROM changed')})"
        months = f"SELECT DISTINCT month FROM {lake} SEMI JOIN changed USING (order_id) UNION SELECT month FROM ({new})"
        hit = [month for (month,) in connection.execute(months).fetchall()]
        old = f"SELECT * FROM {lake} ANTI JOIN changed USING (order_id) WHERE month IN ({', '.join(map(repr, hit))})"
        aside = Path(folder) / f"{table}.new"
        connection.execute(
            f"COPY ({old} UNION ALL BY NAME {new}) TO '{aside}' ({OPTIONS}, FILENAME_PATTERN 'merge_{{i}}')"
        )
        swap(aside, Path(folder) / table)


def compact(folder: str) -> None:
    """Make one sorted file of each month."""
    connection = connect()
    connection.execute("SET preserve_insertion_order = true")
    for table in FLAT:
        for month in sorted((Path(folder) / table).glob("month=*")):
            target = month / "compact.parquet.new"
            connection.execute(
                f"COPY (SELECT * FROM read_parquet('{month}/*.parquet', hive_partitioning = false) "
                f"ORDER BY order_date, order_id) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            )
            for file in month.glob("*.parquet"):
                file.unlink()
            target.rename(month / "compact.parquet")


def swap(new: Path, table: Path) -> None:
    """Put rewritten months in the places of the old ones."""
    for month in new.iterdir():
        shutil.rmtree(table / month.name, ignore_errors=True)
        month.rename(table / month.name)
    new.rmdir()


def ask(folder: str) -> None:
    """Ask the questions."""
    connection = duckdb.connect()
    for table in FLAT:
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/{table}/*/*.parquet')")
    print(json.dumps(asked(lambda sql: connection.execute(sql).fetchall())))


if __name__ == "__main__":
    {"load": load, "merge": merge, "compact": compact, "ask": ask}[sys.argv[1]](*sys.argv[2:])
