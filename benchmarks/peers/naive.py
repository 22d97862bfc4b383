"""The handler of an order ETL as it is usually written: load, loop, pandas, Parquet."""

from __future__ import annotations

import json
import sys
from typing import Any

import pandas as pd


def read(source: str) -> list[dict[str, Any]]:
    """Read an array whole, or NDJSON line by line."""
    with open(source, encoding="utf-8") as stream:
        if source.endswith(".ndjson"):
            return [json.loads(line) for line in stream]
        orders: list[dict[str, Any]] = json.load(stream)
        return orders


def flatten(orders: list[dict[str, Any]]) -> pd.DataFrame:
    """Give one row per product."""
    rows = []
    for order in orders:
        for product in order["products"]:
            row = {
                "order_id": order["order_id"],
                "order_date": order["order_date"],
                "total_amount": order["total_amount"],
                "customer_id": order["customer"]["customer_id"],
                "customer_name": order["customer"]["name"],
                "email": order["customer"]["email"],
                "address": order["customer"]["address"],
                "product_id": product["product_id"],
                "product_name": product["name"],
                "category": product["category"],
                "price": product["price"],
                "quantity": product["quantity"],
            }
            rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    flatten(read(sys.argv[1])).to_parquet(sys.argv[2], engine="pyarrow", compression="snappy", index=False)
