"""The shipped samples: the facts that documentation and other tests lean on."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal

import pytest

from orderlake.errors import NotFoundError
from orderlake.generate import generate
from orderlake.samples import sample_paths


def read(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def lines_total(order):
    return sum((line["price"] * line["quantity"] for line in order["products"]), Decimal(0))


@pytest.fixture(scope="module")
def sample():
    return {order["order_id"]: order for order in read(sample_paths("orders")[0])}


def test_every_sample_is_there_and_another_kind_is_refused_with_the_known_ones():
    for kind, count in (("orders", 2), ("olist", 9), ("shopify", 2)):
        assert sum(path.is_file() for path in sample_paths(kind)) == count
    with pytest.raises(NotFoundError, match="orders, olist, shopify"):
        sample_paths("magento")


def test_the_orders_sample_has_twelve_orders_over_three_months_of_2024(sample):
    assert len(sample) == 12
    assert {order["order_date"][:7] for order in sample.values()} == {"2024-01", "2024-02", "2024-03"}


def test_order_1001_keeps_its_header_of_200_50_over_lines_of_95(sample):
    assert sample[1001]["total_amount"] == Decimal("200.50")
    assert lines_total(sample[1001]) == Decimal("95.00")


def test_every_other_order_of_the_sample_ties_out_and_one_has_no_products(sample):
    wrong = [number for number, order in sample.items() if order["total_amount"] != lines_total(order)]
    assert wrong == [1001]
    assert [number for number, order in sample.items() if order["products"] == []] == [1005]


def test_the_sample_has_names_beyond_ascii_and_mail_that_goes_nowhere(sample):
    assert any(not order["customer"]["name"].isascii() for order in sample.values())
    domains = {order["customer"]["email"].partition("@")[2] for order in sample.values()}
    assert domains <= {"example.com", "example.org", "example.net"}


def test_the_increment_brings_a_new_order_a_correction_and_a_duplicate(sample):
    new, correction, duplicate = read(sample_paths("orders")[1])
    assert new["order_id"] not in sample
    before = sample[correction["order_id"]]
    assert all(line in before["products"] for line in correction["products"])
    assert len(correction["products"]) == len(before["products"]) - 1
    assert correction["total_amount"] == lines_total(correction) < before["total_amount"]
    assert duplicate == sample[duplicate["order_id"]]


def test_the_olist_sample_has_100_rows_each_and_71_categories():
    for path in sample_paths("olist"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == (71 if "translation" in path.name else 100)


def test_the_olist_sample_is_what_generate_writes_today(tmp_path):
    # Also the proof that another Python or machine gives the same bytes.
    written = generate("olist", 100, 22188, tmp_path, start=date(2017, 1, 1))
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in sample_paths("olist")]


def test_the_shopify_sample_has_eight_orders_with_a_refund_a_discount_and_a_cancellation():
    envelope, _ = sample_paths("shopify")
    orders = read(envelope)["orders"]
    assert len(orders) == 8
    assert any(order["refunds"] for order in orders)
    assert any(order["discount_codes"] for order in orders)
    assert any(order["cancelled_at"] is not None for order in orders)


def test_the_shopify_update_is_a_later_version_of_an_order_of_the_sample():
    envelope, path = sample_paths("shopify")
    update = read(path)
    (before,) = [order for order in read(envelope)["orders"] if order["id"] == update["id"]]
    assert update["updated_at"] > before["updated_at"]
    assert before["refunds"] == []
    assert len(update["refunds"]) == 1
    assert update["line_items"] == before["line_items"]
