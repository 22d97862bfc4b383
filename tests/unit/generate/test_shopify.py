"""Generated Shopify orders: every amount ties out, at every grain."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from orderlake.generate import generate
from orderlake.samples import sample_paths

N = 3_000


@pytest.fixture(scope="module", params=["generated", "shipped"])
def orders(request, tmp_path_factory):
    if request.param == "shipped":
        envelope, update = sample_paths("shopify")
        return [*read(envelope)["orders"], read(update)]
    (path,) = generate("shopify", N, 5, tmp_path_factory.mktemp("shopify"))
    assert path.name == "shopify_orders_3000_seed5.json"
    return read(path)["orders"]


def read(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def amount(order, *keys):
    value = order
    for key in keys:
        value = value[key]
    return Decimal(value)


def test_the_total_is_lines_less_discounts_plus_tax_plus_shipping(orders):
    for order in orders:
        shipping = amount(order, "total_shipping_price_set", "shop_money", "amount")
        assert shipping == sum(Decimal(line["price"]) for line in order["shipping_lines"])
        net = amount(order, "total_line_items_price") - amount(order, "total_discounts")
        assert amount(order, "subtotal_price") == net
        assert amount(order, "total_price") == net + amount(order, "total_tax") + shipping


def test_lines_sum_to_the_header(orders):
    for order in orders:
        lines = order["line_items"]
        assert amount(order, "total_line_items_price") == sum(Decimal(li["price"]) * li["quantity"] for li in lines)
        parts = [Decimal(part["amount"]) for li in lines for part in li["discount_allocations"]]
        assert amount(order, "total_discounts") == sum(parts)
        assert amount(order, "total_discounts") == sum(Decimal(code["amount"]) for code in order["discount_codes"])
        taxes = [Decimal(tax["price"]) for li in lines for tax in li["tax_lines"]]
        assert amount(order, "total_tax") == sum(taxes) == sum(Decimal(tax["price"]) for tax in order["tax_lines"])


def test_a_refund_gives_back_no_more_than_was_paid_and_its_transactions_match(orders):
    for order in orders:
        back = Decimal(0)
        pieces = {line["id"]: line["quantity"] for line in order["line_items"]}
        for refund in order["refunds"]:
            lines = refund["refund_line_items"]
            given = sum(line["subtotal"] + line["total_tax"] for line in lines)
            given -= sum(Decimal(adjusted["amount"]) for adjusted in refund["order_adjustments"])
            assert given == sum(Decimal(each["amount"]) for each in refund["transactions"])
            assert all(0 < line["quantity"] <= pieces[line["line_item_id"]] for line in lines)
            assert refund["created_at"] >= order["created_at"]
            back += given
        assert amount(order, "current_total_price") == amount(order, "total_price") - back >= 0
        assert (order["financial_status"] == "refunded") == (back == amount(order, "total_price"))
        assert (order["financial_status"] == "partially_refunded") == (0 < back < amount(order, "total_price"))


def test_ids_are_beyond_what_a_double_holds(orders):
    ids = {order["id"] for order in orders}
    assert all(len(str(order_id)) == 18 for order_id in ids)
    assert sum(int(float(order_id)) != order_id for order_id in ids) > 0.9 * len(ids)


def test_times_carry_the_shops_offset_and_never_run_backwards(orders):
    for order in orders:
        created, updated = (datetime.fromisoformat(order[key]) for key in ("created_at", "updated_at"))
        assert created.utcoffset() == timedelta(hours=-3)
        assert order["processed_at"] == order["created_at"]
        assert updated > created
        assert order["cancelled_at"] in {None, order["updated_at"]}


def test_some_orders_fall_on_another_day_in_utc(orders):
    created = [datetime.fromisoformat(order["created_at"]) for order in orders]
    assert any((time + timedelta(hours=3)).date() != time.date() for time in created)


def test_generated_orders_have_every_fate_and_both_kinds_of_discount(tmp_path):
    (path,) = generate("shopify", N, 5, tmp_path, "ndjson")
    orders = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    statuses = Counter(order["financial_status"] for order in orders)
    assert set(statuses) == {"paid", "pending", "partially_refunded", "refunded", "voided"}
    codes = {code["type"] for order in orders for code in order["discount_codes"]}
    assert codes == {"percentage", "fixed_amount"}
    assert any(order["test"] for order in orders)
    assert [order["order_number"] for order in orders] == list(range(1001, 1001 + N))
    assert [order["created_at"] for order in orders] == sorted(order["created_at"] for order in orders)
    lines = [line["id"] for order in orders for line in order["line_items"]]
    assert len(lines) == len(set(lines))
    assert len({order["id"] for order in orders}) == N
