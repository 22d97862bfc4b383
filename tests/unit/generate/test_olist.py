"""Generated Olist files: the original's shape, and references that resolve."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from decimal import Decimal

import pytest

from orderlake.generate import generate
from orderlake.generate.olist import COLUMNS
from orderlake.samples import sample_paths

N = 4_000


def tables_of(paths):
    tables = {}
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            tables[path.stem.removeprefix("olist_").removesuffix("_dataset")] = list(csv.DictReader(file))
    return tables


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return generate("olist", N, 11, tmp_path_factory.mktemp("olist"))


@pytest.fixture(scope="module", params=["generated", "shipped"])
def tables(request, paths):
    return tables_of(paths if request.param == "generated" else sample_paths("olist"))


def test_the_nine_files_have_the_original_headers_in_order(paths):
    assert len(paths) == 9
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            assert next(csv.reader(file)) == COLUMNS[path.name].split(",")
    products = next(path for path in paths if "products" in path.name)
    assert "product_name_lenght,product_description_lenght" in COLUMNS[products.name]


def test_only_the_translation_starts_with_a_byte_order_mark(paths):
    marked = [path.name for path in paths if path.read_bytes().startswith(b"\xef\xbb\xbf")]
    assert marked == ["product_category_name_translation.csv"]


def test_every_reference_resolves(tables):
    keys = {
        name: {row[column] for row in tables[name]}
        for name, column in (
            ("orders", "order_id"),
            ("customers", "customer_id"),
            ("products", "product_id"),
            ("sellers", "seller_id"),
            ("geolocation", "geolocation_zip_code_prefix"),
            ("product_category_name_translation", "product_category_name"),
        )
    }
    for name in ("order_items", "order_payments", "order_reviews"):
        assert {row["order_id"] for row in tables[name]} <= keys["orders"]
    assert {row["customer_id"] for row in tables["orders"]} == keys["customers"]
    assert {row["product_id"] for row in tables["order_items"]} <= keys["products"]
    assert {row["seller_id"] for row in tables["order_items"]} <= keys["sellers"]
    assert {row["customer_zip_code_prefix"] for row in tables["customers"]} <= keys["geolocation"]
    assert {row["seller_zip_code_prefix"] for row in tables["sellers"]} <= keys["geolocation"]
    categories = {row["product_category_name"] for row in tables["products"]} - {""}
    assert categories <= keys["product_category_name_translation"]


def test_payments_sum_to_items_and_freight_of_every_order(tables):
    paid: dict[str, Decimal] = defaultdict(Decimal)
    due: dict[str, Decimal] = defaultdict(Decimal)
    for row in tables["order_payments"]:
        paid[row["order_id"]] += Decimal(row["payment_value"])
        assert Decimal(row["payment_value"]) > 0
    for row in tables["order_items"]:
        due[row["order_id"]] += Decimal(row["price"]) + Decimal(row["freight_value"])
    assert paid == due


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("orders", ["order_id"]),
        ("customers", ["customer_id"]),
        ("products", ["product_id"]),
        ("sellers", ["seller_id"]),
        ("order_items", ["order_id", "order_item_id"]),
        ("order_payments", ["order_id", "payment_sequential"]),
        ("order_reviews", ["review_id", "order_id"]),
        ("product_category_name_translation", ["product_category_name"]),
    ],
)
def test_keys_are_unique(tables, table, key):
    keys = [tuple(row[column] for column in key) for row in tables[table]]
    assert len(keys) == len(set(keys))


def test_a_few_reviews_stand_for_two_orders(tables):
    reviews = Counter(row["review_id"] for row in tables["order_reviews"])
    assert 0 < sum(count > 1 for count in reviews.values()) < 0.03 * len(reviews)


def test_review_messages_hold_line_breaks_commas_and_quotes(tables):
    messages = [row["review_comment_message"] for row in tables["order_reviews"]]
    for sign in ("\r\n", ",", '"'):
        assert any(sign in message for message in messages)
    assert any(message == "" for message in messages)


def test_geolocation_has_true_duplicate_rows(tables):
    rows = Counter(tuple(row.values()) for row in tables["geolocation"])
    assert 0.1 < sum(count - 1 for count in rows.values()) / len(tables["geolocation"]) < 0.35


def test_ids_are_32_hex_digits_and_zip_prefixes_keep_their_zeros(tables):
    assert all(re.fullmatch("[0-9a-f]{32}", row["order_id"]) for row in tables["orders"])
    zips = [row["customer_zip_code_prefix"] for row in tables["customers"]]
    assert all(re.fullmatch("[0-9]{5}", each) for each in zips)
    assert any(each.startswith("0") for each in zips)
    cities: dict[str, str] = {}
    for row in tables["geolocation"]:
        assert (
            cities.setdefault(row["geolocation_zip_code_prefix"], row["geolocation_state"]) == row["geolocation_state"]
        )


def test_most_orders_are_delivered_some_late_and_times_ascend(tables):
    statuses = Counter(row["order_status"] for row in tables["orders"])
    assert 0.95 < statuses["delivered"] / len(tables["orders"]) < 0.99
    late = 0
    for row in tables["orders"]:
        steps = ("purchase_timestamp", "approved_at", "delivered_carrier_date", "delivered_customer_date")
        times = [row[f"order_{step}"] for step in steps if row[f"order_{step}"] != ""]
        assert times == sorted(times)
        assert (row["order_delivered_customer_date"] != "") == (row["order_status"] == "delivered")
        late += row["order_delivered_customer_date"] > row["order_estimated_delivery_date"]
    assert 0.04 < late / len(tables["orders"]) < 0.12


def test_some_products_lack_category_and_sizes_and_some_orders_have_no_items(tables):
    products = tables["products"]
    assert any(row["product_category_name"] == "" and row["product_name_lenght"] == "" for row in products)
    assert any(row["product_weight_g"] == "" for row in products)
    assert {row["order_id"] for row in tables["order_items"]} < {row["order_id"] for row in tables["orders"]}


def test_a_few_people_order_again_under_a_new_customer_id(tables):
    people = {row["customer_unique_id"] for row in tables["customers"]}
    assert 0.93 < len(people) / len(tables["customers"]) < 1
