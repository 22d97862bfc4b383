"""The life of two tables by hand in Polars: `load FILE FOLDER`, `merge FILE FOLDER`, `compact FOLDER`, `ask FOLDER`.

Folders and limits are those of lifecycle_duckdb. Only NDJSON is streamed, so that is what it is given.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl

from benchmarks.ask import asked
from benchmarks.peers.lifecycle_duckdb import swap
from benchmarks.peers.polars_typed import SCHEMA

MONEY = pl.Decimal(18, 2)
TABLES = ("orders", "order_lines")


def flat(records: pl.LazyFrame, table: str) -> pl.LazyFrame:
    """Give a table's rows, with their month."""
    day = pl.col("order_date").str.to_date().alias("order_date")
    month = pl.col("order_date").str.slice(0, 7).alias("month")
    customer, product = pl.col("customer").struct, pl.col("products").struct
    if table == "orders":
        return records.select(
            "order_id",
            day,
            pl.col("total_amount").cast(MONEY),
            customer.field("customer_id"),
            customer.field("name").alias("customer_name"),
            customer.field("email"),
            customer.field("address"),
            month,
        )
    numbered = records.with_columns(line_number=pl.int_ranges(1, pl.col("products").list.len() + 1))
    return numbered.explode("products", "line_number").select(
        "order_id",
        "line_number",
        product.field("product_id"),
        product.field("name").alias("product_name"),
        product.field("category"),
        product.field("price").cast(MONEY),
        product.field("quantity"),
        day,
        month,
    )


def write(rows: pl.LazyFrame, folder: Path) -> None:
    """Write a file per month, into folders of their names."""
    target = pl.PartitionBy(folder, key="month", include_key=False, approximate_bytes_per_file=1 << 40)
    rows.sink_parquet(target, compression="zstd", compression_level=1, maintain_order=False, mkdir=True)


def read(folder: Path, pattern: str = "*/*.parquet") -> pl.LazyFrame:
    """Scan a table's files."""
    return pl.scan_parquet(folder / pattern, hive_partitioning=True, hive_schema={"month": pl.String})


def load(source: str, folder: str) -> None:
    """Read once per table."""
    for table in TABLES:
        write(flat(pl.scan_ndjson(source, schema=SCHEMA), table), Path(folder) / table)


def merge(changes: str, folder: str) -> None:
    """Rewrite the months that hold a changed order, without it, and with the changes."""
    changed = pl.scan_ndjson(changes, schema=SCHEMA)
    keys = changed.select("order_id").unique().collect().lazy()
    for table in TABLES:
        place, aside = Path(folder) / table, Path(folder) / f"{table}.new"
        new, old = flat(changed, table), read(place)
        hit = pl.concat([old.join(keys, on="order_id", how="semi").select("month"), new.select("month")])
        months = sorted(hit.unique().collect()["month"])
        for month in months:
            kept = read(place, f"month={month}/*.parquet") if (place / f"month={month}").exists() else old.head(0)
            kept = kept.join(keys, on="order_id", how="anti")
            rows = pl.concat([kept.select(new.collect_schema().names()), new.filter(pl.col("month") == month)])
            write(rows, aside)
        swap(aside, place)


def compact(folder: str) -> None:
    """Make one sorted file of each month."""
    for table in TABLES:
        for month in sorted((Path(folder) / table).glob("month=*")):
            rows = pl.scan_parquet(month / "*.parquet", hive_partitioning=False).sort("order_date", "order_id")
            target = month / "compact.parquet.new"
            rows.sink_parquet(target, compression="zstd", compression_level=1)
            for file in month.glob("*.parquet"):
                file.unlink()
            target.rename(month / "compact.parquet")


def ask(folder: str) -> None:
    """Ask the questions."""
    context = pl.SQLContext({table: read(Path(folder) / table) for table in TABLES})
    print(json.dumps(asked(lambda sql: context.execute(sql).collect().rows())))


if __name__ == "__main__":
    {"load": load, "merge": merge, "compact": compact, "ask": ask}[sys.argv[1]](*sys.argv[2:])
