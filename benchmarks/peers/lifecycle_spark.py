"""The life of two tables by hand in Spark, local mode: `load FILE FOLDER`, `merge FILE FOLDER`, `compact`, `ask`.

Folders and limits are those of lifecycle_duckdb. It is given NDJSON, which Spark splits over its cores.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from benchmarks.ask import asked
from benchmarks.peers.lifecycle_duckdb import swap

PRODUCT = "STRUCT<product_id: STRING, name: STRING, category: STRING, price: DECIMAL(18,2), quantity: BIGINT>"
SCHEMA = (
    "order_id BIGINT, order_date DATE, total_amount DECIMAL(18,2), "
    f"customer STRUCT<customer_id: BIGINT, name: STRING, email: STRING, address: STRING>, products ARRAY<{PRODUCT}>"
)
TABLES = ("orders", "order_lines")
MEMORY = os.environ.get("LIFECYCLE_SPARK_MEMORY", "6g")


def session() -> SparkSession:
    """Start it on this machine's cores."""
    return (
        SparkSession.builder.master("local[*]")
        .config("spark.driver.memory", MEMORY)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", str(4 * (os.cpu_count() or 1)))
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )


def flat(records: DataFrame, table: str) -> DataFrame:
    """Give a table's rows, with their month."""
    month = f.date_format("order_date", "yyyy-MM").alias("month")
    if table == "orders":
        return records.select(
            "order_id",
            "order_date",
            "total_amount",
            f.col("customer.customer_id"),
            f.col("customer.name").alias("customer_name"),
            f.col("customer.email"),
            f.col("customer.address"),
            month,
        )
    lines = records.select("order_id", "order_date", f.posexplode("products").alias("at", "product"))
    return lines.select(
        "order_id",
        (f.col("at") + 1).alias("line_number"),
        f.col("product.product_id"),
        f.col("product.name").alias("product_name"),
        f.col("product.category"),
        f.col("product.price"),
        f.col("product.quantity"),
        "order_date",
        month,
    )


def write(rows: DataFrame, folder: Path) -> None:
    """Write files per month, each month by one task."""
    rows.repartition("month").write.partitionBy("month").mode("append").parquet(str(folder))


def load(source: str, folder: str) -> None:
    """Read once per table."""
    spark = session()
    for table in TABLES:
        write(flat(spark.read.schema(SCHEMA).json(source), table), Path(folder) / table)


def merge(changes: str, folder: str) -> None:
    """Rewrite the months that hold a changed order, without it, and with the changes."""
    spark = session()
    changed = spark.read.schema(SCHEMA).json(changes).cache()
    keys = changed.select("order_id").distinct()
    for table in TABLES:
        place, aside = Path(folder) / table, Path(folder) / f"{table}.new"
        old, new = spark.read.parquet(str(place)), flat(changed, table)
        hit = old.join(f.broadcast(keys), "order_id", "left_semi").select("month").union(new.select("month")).distinct()
        months = [row.month for row in hit.collect()]
        kept = old.where(f.col("month").isin(months)).join(f.broadcast(keys), "order_id", "left_anti")
        write(kept.unionByName(new), aside)
        (aside / "_SUCCESS").unlink(missing_ok=True)
        (aside / "._SUCCESS.crc").unlink(missing_ok=True)
        swap(aside, place)


def compact(folder: str) -> None:
    """Make one sorted file of each month."""
    spark = session()
    for table in TABLES:
        place, aside = Path(folder) / table, Path(folder) / f"{table}.new"
        rows = (
            spark.read.parquet(str(place)).repartition("month").sortWithinPartitions("month", "order_date", "order_id")
        )
        rows.write.partitionBy("month").parquet(str(aside))
        shutil.rmtree(place)
        aside.rename(place)


def ask(folder: str) -> None:
    """Ask the questions."""
    spark = session()
    for table in TABLES:
        spark.read.parquet(str(Path(folder) / table)).createOrReplaceTempView(table)
    print(json.dumps(asked(lambda sql: [tuple(row) for row in spark.sql(sql).collect()])))


def end() -> None:
    """End the JVM and wait for it: what it used counts once it is waited for."""
    spark = SparkSession.getActiveSession()
    if spark is not None:
        gateway = spark.sparkContext._gateway  # noqa: SLF001 - pyspark has no other name for it
        spark.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()


if __name__ == "__main__":
    try:
        {"load": load, "merge": merge, "compact": compact, "ask": ask}[sys.argv[1]](*sys.argv[2:])
    finally:
        end()
