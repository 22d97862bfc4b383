"""The handler of an order ETL as it is usually written for Lambda: get, load, loop, pandas, Parquet, put, crawl."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from typing import Any

import boto3
import pandas as pd

s3 = boto3.client("s3")
glue = boto3.client("glue")


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


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Turn the one announced file into one Parquet file; nothing is checked, remembered or committed."""
    bucket = event["Records"][0]["s3"]["bucket"]["name"]
    key = event["Records"][0]["s3"]["object"]["key"]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8")
    frame = flatten(json.loads(body))
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False, engine="pyarrow")
    stamp = datetime.now().strftime("%Y%m%d_%H%M%S")  # noqa: DTZ005 - as it is usually written
    target = f"orders_parquet_datalake/orders_ETL_{stamp}.parquet"
    s3.put_object(Bucket=bucket, Key=target, Body=buffer.getvalue())
    with suppress(glue.exceptions.CrawlerRunningException):  # or a second file within a minute would fail
        glue.start_crawler(Name=os.environ["CRAWLER"])
    return {"statusCode": 200, "rows": len(frame)}
