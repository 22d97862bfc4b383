"""pyarrow alone: its JSON reader streams NDJSON; it has none for arrays, so those go through Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

CUSTOMER = pa.struct([("customer_id", pa.int64()), *((n, pa.string()) for n in ("name", "email", "address"))])
PRODUCT = pa.struct(
    [*((n, pa.string()) for n in ("product_id", "name", "category")), ("price", pa.float64()), ("quantity", pa.int64())]
)
SCHEMA = pa.schema(
    [
        ("order_id", pa.int64()),
        ("order_date", pa.string()),
        ("total_amount", pa.float64()),
        ("customer", CUSTOMER),
        ("products", pa.list_(PRODUCT)),
    ]
)
BLOCK_BYTES = 1 << 20
GROUP_ROWS = 120_000


def read(source: str) -> Iterator[pa.RecordBatch]:
    """Stream NDJSON in blocks; load an array and convert it by the schema."""
    if source.endswith(".ndjson"):
        blocks = pj.ReadOptions(block_size=BLOCK_BYTES)
        yield from pj.open_json(source, read_options=blocks, parse_options=pj.ParseOptions(explicit_schema=SCHEMA))
    else:
        with open(source, encoding="utf-8") as stream:
            yield from pa.Table.from_pylist(json.load(stream), schema=SCHEMA).to_batches(max_chunksize=GROUP_ROWS)


def flatten(orders: pa.RecordBatch) -> pa.RecordBatch:
    """Give one row per product."""
    products = orders["products"]
    order = orders.take(products.value_parent_indices())
    customer_id, name, email, address = order["customer"].flatten()
    product_id, product_name, category, price, quantity = products.flatten().flatten()
    return pa.record_batch(
        {
            "order_id": order["order_id"],
            "order_date": order["order_date"],
            "total_amount": order["total_amount"],
            "customer_id": customer_id,
            "customer_name": name,
            "email": email,
            "address": address,
            "product_id": product_id,
            "product_name": product_name,
            "category": category,
            "price": price,
            "quantity": quantity,
        }
    )


def groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Gather small batches into row groups worth writing."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(each.num_rows for each in held) >= GROUP_ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def write(tables: Iterator[pa.Table], out: str) -> None:
    """Write the row groups as they come."""
    first = next(tables)
    with pq.ParquetWriter(out, first.schema, compression="snappy") as writer:
        writer.write_table(first, row_group_size=len(first))
        for table in tables:
            writer.write_table(table, row_group_size=len(table))


if __name__ == "__main__":
    write(groups(map(flatten, read(sys.argv[1]))), sys.argv[2])
