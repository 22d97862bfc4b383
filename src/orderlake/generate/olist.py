"""Olist's nine files, consistent with each other: every reference resolves, payments equal items and freight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from orderlake.generate.draw import stream
from orderlake.generate.files import published
from orderlake.generate.olist_market import (
    Market,
    customer_rows,
    place_rows,
    product_rows,
    seller_rows,
    translation_rows,
)
from orderlake.generate.olist_sale import Reviews, Sale, item_rows, order_row, payment_rows, sale
from orderlake.generate.plan import BATCH, Plan
from orderlake.generate.season import days, second_of_day

_TIMES: Final = "order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,order_delivered_customer_date"
_SIZES: Final = "product_weight_g,product_length_cm,product_height_cm,product_width_cm"

COLUMNS: Final = {
    "olist_orders_dataset.csv": f"order_id,customer_id,order_status,{_TIMES},order_estimated_delivery_date",
    "olist_order_items_dataset.csv": "order_id,order_item_id,product_id,seller_id,shipping_limit_date,"
    "price,freight_value",
    "olist_order_payments_dataset.csv": "order_id,payment_sequential,payment_type,payment_installments,payment_value",
    "olist_order_reviews_dataset.csv": "review_id,order_id,review_score,review_comment_title,review_comment_message,"
    "review_creation_date,review_answer_timestamp",
    "olist_customers_dataset.csv": "customer_id,customer_unique_id,customer_zip_code_prefix,"
    "customer_city,customer_state",
    "olist_products_dataset.csv": "product_id,product_category_name,product_name_lenght,product_description_lenght,"
    f"product_photos_qty,{_SIZES}",
    "olist_sellers_dataset.csv": "seller_id,seller_zip_code_prefix,seller_city,seller_state",
    "olist_geolocation_dataset.csv": "geolocation_zip_code_prefix,geolocation_lat,geolocation_lng,"
    "geolocation_city,geolocation_state",
    "product_category_name_translation.csv": "product_category_name,product_category_name_english",
}
"""Each file's columns in order, with the original's misspellings."""

_TRANSLATION: Final = "product_category_name_translation.csv"
_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"


def write(plan: Plan, out: Path) -> list[Path]:
    """Write the nine files under their original names; give their paths."""
    paths = [out / name for name in COLUMNS]
    market = Market(plan)
    with published(paths) as files:
        for path, file in zip(paths, files, strict=True):
            file.write(_header(path.name).encode())
        orders, items, payments, reviews, *lists = files
        _write_sales((orders, items, payments, reviews), plan, market)
        sources = (customer_rows, product_rows, seller_rows, place_rows, translation_rows)
        for file, rows in zip(lists, sources, strict=True):
            _write_rows(file, rows(market))
    return paths


def _header(name: str) -> str:
    """Give the first line as the original has it: names in quotes, but for the translation, which has a BOM."""
    if name == _TRANSLATION:
        return f"{_BOM}{COLUMNS[name]}\n"
    return ",".join(f'"{column}"' for column in COLUMNS[name].split(",")) + "\n"


def _write_rows(file: BinaryIO, rows: Iterable[str]) -> None:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        file.write(_lines(batch))


def _lines(rows: list[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def _write_sales(files: tuple[BinaryIO, BinaryIO, BinaryIO, BinaryIO], plan: Plan, market: Market) -> None:
    """Write orders, items, payments and reviews in one pass, BATCH orders at a time."""
    draw = stream(plan.seed, "olist")
    reviews = Reviews(plan.seed)
    sales = _sales(plan, market)
    written = 0
    while batch := list(islice(sales, BATCH)):
        rows: tuple[list[str], ...] = ([], [], [], [])
        for number, each in enumerate(batch, written):
            items, total = item_rows(each, number, market, draw)
            rows[0].append(order_row(each, number, market))
            rows[1].extend(items)
            rows[2].extend(payment_rows(each, total, draw))
            rows[3].extend(reviews.rows(each, draw))
        for file, texts in zip(files, rows, strict=True):
            file.write(_lines(texts))
        written += len(batch)
        plan.tell(written)


def _sales(plan: Plan, market: Market) -> Iterator[Sale]:
    """Give every order with its times, by ascending purchase."""
    draw = stream(plan.seed, "olist sales")
    number = 0
    for day, count in days(plan):
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the files hold local time without an offset
        for position in range(count):
            purchased = midnight + timedelta(seconds=second_of_day((position + draw()) / count))
            yield sale(market.id_of("order", number), purchased, draw)
            number += 1
