"""Says whether two wide tables hold the same rows, in whatever order and in however many files.

Run as a program it prints the fingerprint of one table: `python -m benchmarks.equality GLOB`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.measure import run

COLUMNS: dict[str, str] = {
    "order_id": "BIGINT",
    "order_date": "VARCHAR",
    "total_amount": "DOUBLE",
    "customer_id": "BIGINT",
    "customer_name": "VARCHAR",
    "email": "VARCHAR",
    "address": "VARCHAR",
    "product_id": "VARCHAR",
    "product_name": "VARCHAR",
    "category": "VARCHAR",
    "price": "DOUBLE",
    "quantity": "BIGINT",
}
"""The twelve columns of the wide table, one row per product of an order."""

Fingerprint = Mapping[str, Any]


class UnequalError(Exception):
    """Two ways gave different tables, so their costs cannot be compared."""


def fingerprint(glob: str) -> Fingerprint:
    """Fingerprint the table behind a glob, in a child process that may use all the memory it likes."""
    found: Fingerprint = json.loads(run([sys.executable, "-m", "benchmarks.equality", glob]).out)
    return found


def require_equal(expected: Fingerprint, found: Fingerprint, name: str) -> None:
    """Raise with the figures that differ, if any do."""
    differing = [key for key in expected if expected[key] != found.get(key)]
    if differing:
        shown = "; ".join(f"{key}: {expected[key]} expected, {found.get(key)} found" for key in differing)
        message = f"{name} gave another table: {shown}"
        raise UnequalError(message)


def _total(column: str, kind: str) -> str:
    """Sum a column exactly: money as decimals, text by its length."""
    exact = {"BIGINT": column, "DOUBLE": f"{column}::DECIMAL(18, 4)", "VARCHAR": f"length({column})"}
    return f"sum({exact[kind]})::VARCHAR AS {column}_sum"


def _sql(glob: str) -> str:
    """Count, sum and hash; a sum of hashes does not depend on the order of the rows."""
    path = glob.replace("'", "''")
    cast = ", ".join(f"{column}::{kind} AS {column}" for column, kind in COLUMNS.items())
    totals = ", ".join(_total(column, kind) for column, kind in COLUMNS.items())
    hashes = ", ".join(f"sum(hash({column})::HUGEINT)::VARCHAR AS {column}_hash" for column in COLUMNS)
    row = f"sum(hash({', '.join(COLUMNS)})::HUGEINT)::VARCHAR AS row_hash"
    source = f"SELECT {cast} FROM read_parquet('{path}')"  # noqa: S608  our own paths
    return f"SELECT count(*)::VARCHAR AS rows, {totals}, {hashes}, {row} FROM ({source})"  # noqa: S608


def main() -> None:
    """Print the fingerprint of the table behind the glob."""
    import duckdb

    result = duckdb.connect().execute(_sql(sys.argv[1]))
    names = [column[0] for column in result.description or ()]
    print(json.dumps(dict(zip(names, result.fetchall()[0], strict=True))))


if __name__ == "__main__":
    main()
