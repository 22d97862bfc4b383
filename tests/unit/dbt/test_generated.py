"""The marts of generated files, against what pandas and plain Python make of the lake's tables."""

from collections import Counter
from datetime import datetime, time
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, pairwise
from statistics import median

import pandas as pd
import pytest

from orderlake import Lake
from tests.bundled_models import SHOPS

pytestmark = pytest.mark.slow

CENT = Decimal("0.01")


@pytest.fixture
def table(generated):
    """A table as a frame, lineage left out."""
    with Lake(generated, "local") as lake:

        def read(name, columns="*"):
            found = lake.query(f"SELECT {columns} FROM {name}")
            frame = pd.DataFrame(list(found.rows), columns=list(found.columns), dtype=object)
            return frame.drop(columns=[column for column in frame if column.startswith("_")])

        yield read


def sales_of_orders(table):
    orders = table("orders")
    units = table("order_lines").groupby("order_id")["quantity"].sum()
    return [
        ("orders", row.order_id, row.order_date, row.order_date, row.customer_id, row.total_amount,
         units.get(row.order_id, 0), None)
        for row in orders.itertuples()
    ]  # fmt: skip


def sales_of_olist(table):
    orders = table("olist_orders_dataset").merge(table("olist_customers_dataset"), on="customer_id")
    items = table("olist_order_items_dataset")
    prices, pieces = items.groupby("order_id")["price"].sum(), items.groupby("order_id").size()
    return [
        ("olist", row.order_id, row.order_purchase_timestamp.date(), row.order_purchase_timestamp,
         row.customer_unique_id, prices.get(row.order_id, Decimal(0)), pieces.get(row.order_id, 0), None)
        for row in orders.itertuples()
        if row.order_status not in {"canceled", "unavailable"}
    ]  # fmt: skip


def sales_of_shopify(table):
    orders = table("shopify_orders", "*, epoch_us(created_at) AS moment")
    units = table("shopify_line_items").groupby("order_id")["quantity"].sum()
    back = table("shopify_refund_transactions")
    back = back[(back["kind"] == "refund") & (back["status"] == "success")].groupby("order_id")["amount"].sum()
    return [
        ("shopify", row.order_id, row.order_date, row.moment, row.customer_id, row.subtotal_price,
         units.get(row.order_id, 0), back.get(row.order_id, Decimal(0)))
        for row in orders.itertuples()
        if not row.test and row.financial_status != "voided"
    ]  # fmt: skip


SALES = {"orders": sales_of_orders, "olist": sales_of_olist, "shopify": sales_of_shopify}


@pytest.mark.parametrize("shop", SHOPS)
def test_daily_sales_are_those_of_a_recount(shop, table):
    sales = sorted(SALES[shop](table), key=lambda sale: (sale[2], sale[3], sale[1]))
    seen: set[object] = set()
    days = {}
    for day, group in groupby(sales, key=lambda sale: sale[2]):
        of_day = list(group)
        customers = {sale[4] for sale in of_day if not pd.isna(sale[4])}
        revenue = sum((sale[5] for sale in of_day), Decimal(0))
        days[day] = (
            len(of_day),
            revenue,
            sum((sale[7] or Decimal(0) for sale in of_day), Decimal(0)),
            sum(sale[6] for sale in of_day),
            len(customers),
            len(customers - seen),
            len(customers & seen),
            (revenue / len(of_day)).quantize(CENT, ROUND_HALF_UP),
        )
        seen |= customers
    found = table("agg_daily_sales")
    found = found[found["shop"] == shop].drop(columns="shop")
    assert {row[0]: tuple(row[1:]) for row in found.itertuples(index=False)} == days
    assert len(days) > 300


@pytest.mark.parametrize("shop", SHOPS)
def test_each_sale_has_its_number_among_its_customers_sales(shop, table):
    sales = sorted(SALES[shop](table), key=lambda sale: (sale[2], sale[3], sale[1]))
    count: Counter[object] = Counter()
    numbers = {}
    for sale in sales:
        count[sale[4]] += 1
        numbers[str(sale[1])] = count[sale[4]]
    found = table("fct_orders", "shop, order_id, customer_order_number, is_first_order, is_sale, customer_key")
    found = found[(found["shop"] == shop) & found["is_sale"] & found["customer_key"].notna()]
    assert dict(zip(found["order_id"], found["customer_order_number"], strict=True)) == numbers
    assert max(numbers.values()) > 1
    assert (found["is_first_order"] == (found["customer_order_number"] == 1)).all()


def sightings(shop, table):
    """What each order says of its customer: customer, moment, order, and what is said."""
    if shop == "orders":
        return [
            (row.customer_id, datetime.combine(row.order_date, time()), row.order_id,
             (row.customer_name, row.email, row.address))
            for row in table("orders").itertuples()
            if not pd.isna(row.customer_id)
        ]  # fmt: skip
    if shop == "olist":
        both = table("olist_orders_dataset").merge(table("olist_customers_dataset"), on="customer_id")
        return [
            (row.customer_unique_id, row.order_purchase_timestamp, row.order_id,
             (row.customer_city, row.customer_state, row.customer_zip_code_prefix))
            for row in both.itertuples()
        ]  # fmt: skip
    shopify = table("shopify_orders", "*, make_timestamp(epoch_us(created_at)) AS moment")
    return [
        (row.customer_id, row.moment, row.order_id,
         (f"{row.first_name} {row.last_name}", row.email, row.ship_city, row.ship_province_code, row.ship_country_code))
        for row in shopify.itertuples()
        if not pd.isna(row.customer_id)
    ]  # fmt: skip


SAID = {
    "orders": ["name", "email", "address"],
    "olist": ["city", "region", "postal_code"],
    "shopify": ["name", "email", "city", "region", "country"],
}


def told(shop, table):
    """Per customer and moment, what is known of them then, and by which orders; what an order leaves out stays."""
    for customer, group in groupby(sorted(sightings(shop, table), key=lambda one: one[:3]), key=lambda one: one[0]):
        known: tuple[object, ...] = (None,) * len(SAID[shop])
        moments: dict[object, tuple[tuple[object, ...], list[str]]] = {}
        for _, moment, order, said in group:
            known = tuple(old if new is None else new for old, new in zip(known, said, strict=True))
            moments[moment] = (known, [*moments.get(moment, (None, []))[1], str(order)])
        yield str(customer), moments


@pytest.mark.parametrize("shop", SHOPS)
def test_customers_have_the_versions_that_their_orders_tell(shop, table):
    versions = set()
    for customer, moments in told(shop, table):
        history = [(moment, known) for moment, (known, _) in moments.items()]
        changes = [one for before, one in pairwise([(None, None), *history]) if before[1] != one[1]]
        ends = [str(moment) for moment, _ in changes[1:]] + [None]
        versions |= {
            (customer, number, str(start), end, known)
            for number, ((start, known), end) in enumerate(zip(changes, ends, strict=True), 1)
        }
    found = table("dim_customers", "*, cast(valid_from AS varchar) AS began, cast(valid_to AS varchar) AS ended")
    found = found[found["shop"] == shop]
    assert {
        (row.customer_id, row.version, row.began, row.ended, tuple(getattr(row, column) for column in SAID[shop]))
        for row in found.itertuples()
    } == versions
    assert len(versions) > len({version[0] for version in versions}), "nobody has a history here"


def test_each_order_knows_its_customer_as_they_were(table):
    known = {
        (shop, order): state
        for shop in SHOPS
        for _, moments in told(shop, table)
        for state, orders in moments.values()
        for order in orders
    }
    both = table("fct_orders", "shop, order_id, customer_version_key").merge(
        table("dim_customers").drop(columns="shop"), on="customer_version_key"
    )
    assert {
        (row.shop, row.order_id): tuple(getattr(row, column) for column in SAID[row.shop]) for row in both.itertuples()
    } == known


def test_revenue_by_category_is_that_of_a_merge(table):
    items = table("olist_order_items_dataset").merge(table("olist_products_dataset"), on="product_id", how="left")
    items = items.merge(table("product_category_name_translation"), on="product_category_name", how="left")
    items = items.merge(table("olist_orders_dataset"), on="order_id")
    items = items[~items["order_status"].isin(["canceled", "unavailable"])]
    english, shops_own = items["product_category_name_english"], items["product_category_name"]
    items["category"] = english.where(english.notna(), shops_own).fillna("uncategorised")
    found = table("agg_daily_category_sales")
    found = found[found["shop"] == "olist"].groupby("category")["revenue"].sum()
    assert found.to_dict() == items.groupby("category")["price"].sum().to_dict()


def test_deliveries_are_on_time_or_late_as_a_recount_says(table):
    orders = table("olist_orders_dataset")
    orders = orders[(orders["order_status"] == "delivered") & orders["order_delivered_customer_date"].notna()]
    days: dict[object, list[tuple[bool, int]]] = {}
    for row in orders.itertuples():
        day = row.order_delivered_customer_date.date()
        late = day > row.order_estimated_delivery_date
        took = (day - row.order_purchase_timestamp.date()).days
        days.setdefault(day, []).append((late, took))
    found = table("agg_daily_delivery")
    assert {row[1]: tuple(row[2:]) for row in found.itertuples(index=False)} == {
        day: (
            len(those), sum(not late for late, _ in those), sum(late for late, _ in those),
            sum(took for _, took in those) / len(those),
        )
        for day, those in days.items()
    }  # fmt: skip


def test_places_are_the_medians_of_their_measurements(table):
    measured: dict[str, list[tuple[float, float]]] = {}
    for row in table("olist_geolocation_dataset").itertuples():
        measured.setdefault(row.geolocation_zip_code_prefix, []).append((row.geolocation_lat, row.geolocation_lng))
    found = {row.postal_code: (row.latitude, row.longitude) for row in table("dim_geography").itertuples()}
    assert found == {
        code: (median(each[0] for each in those), median(each[1] for each in those))
        for code, those in measured.items()
    }  # fmt: skip
