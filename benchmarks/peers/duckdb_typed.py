"""DuckDB tuned by hand for this one schema: declared columns, rows in any order."""

from __future__ import annotations

import sys

import duckdb

SQL = """
COPY (
    SELECT order_id, order_date, total_amount,
           customer.customer_id, customer.name AS customer_name, customer.email, customer.address,
           product.product_id, product.name AS product_name, product.category, product.price, product.quantity
    FROM (
        SELECT order_id, order_date, total_amount, customer, unnest(products) AS product
        FROM read_json('{source}', format = '{format}', columns = {{
            order_id: 'BIGINT', order_date: 'VARCHAR', total_amount: 'DOUBLE',
            customer: 'STRUCT(customer_id BIGINT, "name" VARCHAR, email VARCHAR, address VARCHAR)',
            products: 'STRUCT(product_id VARCHAR, "name" VARCHAR, category VARCHAR, price DOUBLE, quantity BIGINT)[]'
        }})
    )
) TO '{out}' (FORMAT parquet, COMPRESSION snappy)
"""

if __name__ == "__main__":
    source, out = sys.argv[1:3]
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    layout = "newline_delimited" if source.endswith(".ndjson") else "array"
    connection.execute(SQL.format(source=source, out=out, format=layout))
