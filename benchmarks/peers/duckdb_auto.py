"""DuckDB as one first writes it: detect the schema, unnest, copy; every setting at its default."""

from __future__ import annotations

import sys

import duckdb

SQL = """
COPY (
    SELECT order_id, order_date::VARCHAR AS order_date, total_amount,
           customer.customer_id, customer.name AS customer_name, customer.email, customer.address,
           product.product_id, product.name AS product_name, product.category, product.price, product.quantity
    FROM (SELECT *, unnest(products) AS product FROM read_json_auto('{source}'))
) TO '{out}' (FORMAT parquet, COMPRESSION snappy)
"""

if __name__ == "__main__":
    duckdb.execute(SQL.format(source=sys.argv[1], out=sys.argv[2]))
