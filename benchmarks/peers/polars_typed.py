"""Polars with a declared schema: streamed for NDJSON, read whole for an array."""

from __future__ import annotations

import sys

import polars as pl

CUSTOMER = pl.Struct({"customer_id": pl.Int64, "name": pl.String, "email": pl.String, "address": pl.String})
PRODUCT = pl.Struct(
    {"product_id": pl.String, "name": pl.String, "category": pl.String, "price": pl.Float64, "quantity": pl.Int64}
)
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "order_id": pl.Int64,
    "order_date": pl.String,
    "total_amount": pl.Float64,
    "customer": CUSTOMER,
    "products": pl.List(PRODUCT),
}


def read(source: str) -> pl.LazyFrame:
    """Scan what can be scanned."""
    if source.endswith(".ndjson"):
        return pl.scan_ndjson(source, schema=SCHEMA)
    return pl.read_json(source, schema=SCHEMA).lazy()


def flatten(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Give one row per product."""
    customer, product = pl.col("customer").struct, pl.col("products").struct
    return orders.explode("products").select(
        "order_id",
        "order_date",
        "total_amount",
        customer.field("customer_id"),
        customer.field("name").alias("customer_name"),
        customer.field("email"),
        customer.field("address"),
        product.field("product_id"),
        product.field("name").alias("product_name"),
        product.field("category"),
        product.field("price"),
        product.field("quantity"),
    )


if __name__ == "__main__":
    flatten(read(sys.argv[1])).sink_parquet(sys.argv[2], compression="snappy", maintain_order=False)
