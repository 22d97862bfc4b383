"""Generated nested orders: exact totals and a shop worth looking at."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from orderlake.generate import generate
from orderlake.generate.catalogue import SLOTS, catalogue, demand

N = 6_000


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    (path,) = generate("orders", N, 42, tmp_path_factory.mktemp("orders"))
    assert path.name == "orders_6000_seed42.json"
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def orders(text):
    return json.loads(text, parse_float=Decimal)


def test_every_total_is_the_sum_of_its_lines_to_the_cent(orders):
    for order in orders:
        assert order["total_amount"] == sum(line["price"] * line["quantity"] for line in order["products"])


def test_amounts_are_written_with_two_decimals(orders):
    assert all(order["total_amount"].as_tuple().exponent == -2 for order in orders)
    assert all(line["price"].as_tuple().exponent == -2 for order in orders for line in order["products"])


def test_ids_count_from_1001_and_dates_ascend(orders):
    assert [order["order_id"] for order in orders] == list(range(1001, 1001 + N))
    dates = [order["order_date"] for order in orders]
    assert dates == sorted(dates)
    assert dates[0] == "2025-01-01"
    assert dates[-1] == "2025-12-31"


def test_an_order_has_one_to_five_lines_of_different_products_about_two_on_average(orders):
    counts = [len(order["products"]) for order in orders]
    assert set(counts) == {1, 2, 3, 4, 5}
    assert 2.1 < sum(counts) / N < 2.3
    assert all(len({line["product_id"] for line in order["products"]}) == len(order["products"]) for order in orders)


def test_a_customer_and_a_product_are_the_same_wherever_they_appear(orders):
    customers = {order["customer"]["customer_id"]: order["customer"] for order in orders}
    assert all(order["customer"] == customers[order["customer"]["customer_id"]] for order in orders)
    products: dict[str, tuple] = {}
    for order in orders:
        for line in order["products"]:
            fact = (line["name"], line["category"], line["price"])
            assert products.setdefault(line["product_id"], fact) == fact


def test_customers_come_back_but_none_dominates(orders):
    times = Counter(order["customer"]["customer_id"] for order in orders)
    assert len(times) < 0.7 * N
    assert max(times.values()) < 0.02 * N


def test_text_is_utf8_with_letters_of_many_languages_and_mail_goes_nowhere(text, orders):
    assert "\\u" not in text
    assert {"ü", "é", "ł", "ã", "ō"} <= set(text)
    mails = {order["customer"]["email"] for order in orders}
    assert {mail.partition("@")[2] for mail in mails} == {"example.com", "example.org", "example.net"}
    assert all(mail.isascii() and " " not in mail for mail in mails)


def test_november_and_december_peak_and_the_shop_grows(orders):
    months = Counter(order["order_date"][5:7] for order in orders)
    assert min(months["11"], months["12"]) > 1.25 * months["10"]
    assert months["06"] > months["02"]


def test_ndjson_and_json_hold_the_same_records(orders, tmp_path):
    (path,) = generate("orders", N, 42, tmp_path, "ndjson")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line, parse_float=Decimal) for line in lines] == orders


def test_the_catalogue_has_two_thousand_differing_products_all_in_demand():
    products = catalogue(1)
    assert len({item.product_id for item in products}) == len({item.name for item in products}) == 2_000
    assert len({item.category for item in products}) == 8
    slots = Counter(demand(2_000))
    assert sum(slots.values()) == SLOTS
    assert min(slots.values()) >= 1
    assert len(slots) == 2_000
    assert slots[0] > 50 * slots[1_999]
