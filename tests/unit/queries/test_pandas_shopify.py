"""Saved queries over 3,000 generated Shopify orders, against pandas over the file itself, in whole cents."""

import json
from decimal import Decimal

import pandas as pd
import pytest

from tests.unit.queries.exact import cents, money, ratio


@pytest.fixture(scope="session")
def records(generated_files):
    (file,) = (generated_files / "shopify").iterdir()
    return json.loads(file.read_text("utf-8"), parse_float=Decimal)["orders"]


@pytest.fixture(scope="session")
def sold(records):
    """Orders that count, as Shopify itself sums them up."""
    orders = pd.DataFrame([each for each in records if not each["test"] and each["financial_status"] != "voided"])
    orders["day"] = orders["created_at"].str[:10]
    for column in ("total_line_items_price", "total_discounts", "current_subtotal_price"):
        orders[column] = orders[column].map(cents)
    return orders


@pytest.fixture(scope="session")
def lines(records):
    """One row per line of an order that counts, with what was taken off and what came back."""
    rows = []
    for order in records:
        if order["test"] or order["financial_status"] == "voided":
            continue
        back = [each for refund in order["refunds"] for each in refund["refund_line_items"]]
        for line in order["line_items"]:
            mine = [each for each in back if each["line_item_id"] == line["id"]]
            rows.append(
                {
                    "product": line["product_id"],
                    "title": line["title"],
                    "units": line["quantity"],
                    "returned": sum(each["quantity"] for each in mine),
                    "gross": line["quantity"] * cents(line["price"]),
                    "off": sum(cents(each["amount"]) for each in line["discount_allocations"]),
                    "back": sum(cents(each["subtotal"]) for each in mine),
                }
            )
    return pd.DataFrame(rows)


def test_the_file_is_worth_the_trouble(records, sold, lines):
    assert len(sold) < len(records) == 3000
    assert (lines["back"] > 0).sum() > 50
    assert (lines["off"] > 0).sum() > 500
    assert sold["cancelled_at"].notna().any()


@pytest.mark.parametrize(("query", "letters"), [("net_sales_by_day", 10), ("net_sales_by_month", 7)])
def test_net_sales_tie_out_with_what_shopify_says_is_left(generated, sold, query, letters):
    """Refunds are not added up here: they are what is missing from the subtotal that Shopify keeps."""
    expected = []
    for name, group in sold.groupby(sold["day"].str[:letters]):
        gross, off, left = (
            int(group[column].sum())
            for column in ("total_line_items_price", "total_discounts", "current_subtotal_price")
        )
        expected.append((name, "BRL", len(group), *map(money, (gross, off, gross - off - left, left))))
    found = [(str(row[0])[:letters], *row[1:]) for row in (tuple(each.values()) for each in generated.ask(query))]
    assert found == expected


def test_net_sales_is_what_the_other_columns_leave(generated):
    for row in generated.ask("net_sales_by_day"):
        assert row["gross_sales"] - row["discounts"] - row["refunds"] == row["net_sales"]


def test_top_products(generated, lines):
    sums = lines.groupby(["product", "title"])[["units", "returned", "gross", "off", "back"]].sum().reset_index()
    sums["net"] = sums["gross"] - sums["off"] - sums["back"]
    sums = sums.sort_values(["net", "product", "title"], ascending=[False, True, True])
    assert [tuple(row.values()) for row in generated.ask("top_products", limit=10_000)] == [
        (row.product, row.title, "BRL", row.units, row.returned, *map(money, (row.gross, row.off, row.back, row.net)))
        for row in sums.itertuples()
    ]


def test_products_add_up_to_days(generated):
    products = sum(row["net_sales"] for row in generated.ask("top_products", limit=10_000))
    assert products == sum(row["net_sales"] for row in generated.ask("net_sales_by_day"))


def test_discount_codes(generated, sold):
    used = sold[sold["discount_codes"].str.len() == 1].copy()
    used["code"] = used["discount_codes"].map(lambda codes: codes[0]["code"])
    used["off"] = used["discount_codes"].map(lambda codes: cents(codes[0]["amount"]))
    expected = []
    for code, group in used.groupby("code"):
        off, gross = int(group["off"].sum()), int(group["total_line_items_price"].sum())
        expected.append((code, "BRL", len(group), money(off), money(gross), ratio(100 * off, gross, 1)))
    expected.sort(key=lambda row: (-row[3], row[0]))
    assert [tuple(row.values()) for row in generated.ask("discount_codes")] == expected
    assert len(expected) > 1


def test_freshness(generated, records):
    days = [each["created_at"][:10] for each in records]
    refunds = [refund["created_at"][:10] for each in records for refund in each["refunds"]]
    discounted = [
        each["created_at"][:10] for each in records for line in each["line_items"] for _ in line["discount_allocations"]
    ]
    tables = {
        "shopify_discounts": discounted,
        "shopify_line_items": [each["created_at"][:10] for each in records for _ in each["line_items"]],
        "shopify_orders": days,
        "shopify_refunds": refunds,
        "shopify_shipping_lines": [each["created_at"][:10] for each in records for _ in each["shipping_lines"]],
    }
    found = generated.ask("shopify_freshness", as_of="2025-01-31")
    assert [(row["table_name"], row["row_count"], str(row["newest"])) for row in found] == [
        (name, len(some), max(some)) for name, some in tables.items()
    ]
    assert [row["days_behind"] for row in found] == [
        (pd.Timestamp("2025-01-31") - pd.Timestamp(max(some))).days for some in tables.values()
    ]


def test_generated_orders_have_nothing_to_complain_of(generated, records):
    found = generated.ask("shopify_data_quality")
    assert {row["failing"] for row in found} == {0}
    assert max(row["total"] for row in found) == sum(len(each["line_items"]) for each in records)
