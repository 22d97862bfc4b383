"""Saved queries over rows that no shop should have, put into the tables by hand; alike on both engines."""

import duckdb
import pytest

from orderlake.lake import Lake
from orderlake.query.athena_values import conformed
from orderlake.query.dialect import translate
from orderlake.query.saved import bundled_folders, saved_queries
from orderlake.querying import declared
from orderlake.values import plain
from tests.emulators.trino_on_duckdb import MACROS, on_duckdb
from tests.unit.queries.conftest import KINDS, TODAY

DAY = "2024-05-31"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The rows of an answer as text, over tables with these rows and no others."""
    with Lake.init(tmp_path_factory.mktemp("declared"), KINDS) as lake:
        tables = declared(lake._backends)
    bundled = saved_queries(bundled_folders())

    def ask(name, **rows):
        sql = bundled[name].bound({}, TODAY)
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for macro in MACROS:
                connection.execute(macro)
            for table in bundled[name].tables:
                columns = ", ".join(f'"{column}" {kind}' for column, kind in tables[table].items())
                connection.execute(f"CREATE TABLE {table} ({columns})")
                for row in rows.pop(table, []):
                    into, marks = ", ".join(row), ", ".join("?" * len(row))
                    connection.execute(f"INSERT INTO {table} ({into}) VALUES ({marks})", list(row.values()))
            assert rows == {}
            here = connection.execute(sql).fetchall()
            there = translate(sql, tables)
            found = connection.execute(on_duckdb(there.sql, tables)).fetchall()
        assert [tuple(conformed(v, k) for v, k in zip(row, there.types, strict=True)) for row in found] == here
        return [" | ".join("NULL" if value is None else plain(value) for value in row) for row in here]

    return ask


def failing(rows):
    """The checks that found something, with how often, of how many."""
    parts = [row.split(" | ") for row in rows]
    return {check: f"{found} of {total}" for check, found, total, _ in parts if found != "0"}


def order(number, total=0, who=1, email="a@example.org", day=DAY):
    return {"order_id": number, "order_date": day, "total_amount": total, "customer_id": who, "email": email}


def line(number, price=1, quantity=1, category="Home"):
    return {"order_id": number, "price": price, "quantity": quantity, "category": category, "order_date": DAY}


def test_the_quality_of_orders(told):
    rows = told(
        "orders_data_quality",
        orders=[
            order(1, 10),
            order(2, 7),
            order(3),
            order(4, None, None, None),
            order(5, None, None, ""),
            order(6, -1),
            order(7, -2),
        ],
        order_lines=[
            *(line(1, 4), line(1, 5)),
            *(line(4, None), line(5, None, category=None), line(5, None, category="")),
            *(line(6, -1), line(7, -2), line(7, 5, 0), line(7, 5, None)),
            *(line(98, category=None), line(99)),
        ],
    )
    assert failing(rows) == {
        "order total is not the sum of its lines": "2 of 7",  # 1: 10 against 9; 2: 7 against nothing
        "order without lines": "2 of 7",  # 2 and 3
        "order without a total": "2 of 7",
        "order total below zero": "2 of 7",
        "order without a customer": "2 of 7",
        "order without an e-mail address": "2 of 7",
        "line without its order": "2 of 11",
        "line without a price": "3 of 11",
        "line without a quantity above zero": "2 of 11",
        "line without a category": "3 of 11",
    }


def test_the_quality_of_olist(told):
    def one(number, customer="c", status="shipped", **more):
        bought = {"order_purchase_timestamp": "2018-01-05 10:00:00"}
        return {"order_id": number, "customer_id": customer, "order_status": status} | bought | more

    def item(number, product="p", seller="s", price=5):
        keys = {"order_id": number, "product_id": product, "seller_id": seller}
        return keys | {"price": price, "freight_value": 1}

    early = {"order_delivered_customer_date": "2018-01-05 09:59:59"}
    rows = told(
        "olist_data_quality",
        olist_orders_dataset=[
            *(one("a"), one("b"), one("c", "x"), one("d", "y")),
            *(one("e", status="delivered"), one("f", status="delivered")),
            *(one("g", status="delivered", **early), one("h", **early)),
        ],
        olist_order_items_dataset=[
            *(item("a"), item("a"), item("b"), item("c"), item("d"), item("e"), item("f")),
            *(item("y", "q", "t", None), item("z", "r", "u", None)),
        ],
        olist_order_payments_dataset=[
            {"order_id": number, "payment_value": value}
            for number, value in [("a", 11), ("a", 1), ("b", 7), ("c", 6), ("d", 5), ("g", 3)]
        ],
        olist_customers_dataset=[{"customer_id": "c"}],
        olist_products_dataset=[
            {"product_id": name, "product_category_name": category}
            for name, category in [("p", "pcs"), ("p2", None), ("p3", None), ("p4", "ovos"), ("p5", "queijo")]
        ],
        product_category_name_translation=[{"product_category_name": "pcs"}],
        olist_sellers_dataset=[{"seller_id": "s"}],
        olist_order_reviews_dataset=[{"order_id": "a"}, {"order_id": "y"}, {"order_id": "z"}],
    )
    assert failing(rows) == {
        "order is not paid what its items cost": "2 of 8",  # b and d; a is paid in two parts
        "order without items": "2 of 8",  # g and h
        "order without payments": "3 of 8",  # e, f and h
        "order without its customer": "2 of 8",
        "delivered order without a day of delivery": "2 of 8",
        "order delivered before it was placed": "2 of 8",
        "item without its order": "2 of 9",
        "item without its product": "2 of 9",
        "item without its seller": "2 of 9",
        "item without a price": "2 of 9",
        "product without a category": "2 of 5",
        "category without a translation": "2 of 5",
        "review without its order": "2 of 3",
    }


SHOPIFY = {"order_date": DAY, "currency": "EUR", "customer_id": 1}
RIGHT = {
    "total_line_items_price": 20,
    "total_discounts": 5,
    "subtotal_price": 17,
    "total_tax": 2,
    "total_shipping": 4,
    "total_price": 23,
    "current_subtotal_price": 10,
    "current_total_price": 15,
}
"""Of an order with two lines of 10, 3 off them and 2 off shipping, 7 of goods sent back and 8 paid back."""
BARE = dict.fromkeys(RIGHT, 0)


def shopify(*orders):
    """Orders that each have what makes RIGHT right, in two parts where there can be two."""
    numbers = [each["order_id"] for each in orders]

    def of(**columns):
        return [{"order_id": number, **columns} for number in numbers]

    paid = {"kind": "refund", "status": "success"}
    return {
        "shopify_orders": list(orders),
        "shopify_line_items": [*of(price=5, quantity=2), *of(price=10, quantity=1)],
        "shopify_discounts": [*of(amount=1), *of(amount=2)],
        "shopify_shipping_lines": [*of(price=3, discounted_price=2), *of(price=3, discounted_price=2)],
        "shopify_refund_lines": [*of(subtotal=3), *of(subtotal=4)],
        "shopify_refund_transactions": [
            *(*of(amount=3, **paid), *of(amount=5, **paid)),
            *of(amount=99, kind="refund", status="failure"),
            *of(amount=99, kind="void", status="success"),
        ],
    }


def test_shopify_orders_that_add_up(told):
    taxed = RIGHT | {"total_price": 21, "current_total_price": 13, "taxes_included": True}
    orders = [{"order_id": 1} | SHOPIFY | RIGHT, {"order_id": 2} | SHOPIFY | taxed]
    assert failing(told("shopify_data_quality", **shopify(*orders))) == {}


@pytest.mark.parametrize(
    ("column", "check", "beside"),
    [
        ("total_line_items_price", "gross is not the sum of the lines", ()),
        ("total_discounts", "discounts are not those of lines and shipping", ()),
        ("subtotal_price", "subtotal is not gross less discounts", ("total is not", "current subtotal is not")),
        ("total_tax", "total is not subtotal, tax and shipping", ()),
        ("total_shipping", "total is not subtotal, tax and shipping", ()),
        ("current_subtotal_price", "current subtotal is not what refunds leave", ()),
        ("current_total_price", "current total is not what repayments leave", ()),
    ],
)
def test_shopify_orders_that_do_not(told, column, check, beside):
    wrong = RIGHT | {column: RIGHT[column] + 1}
    orders = [{"order_id": number} | SHOPIFY | figures for number, figures in enumerate((RIGHT, wrong, wrong))]
    found = failing(told("shopify_data_quality", **shopify(*orders)))
    assert found[check] == "2 of 3"
    assert all(name == check or name.startswith(beside) for name in found)
    assert len(found) == 1 + len(beside)


def test_shopify_orders_with_nothing_in_them(told):
    bare = {**BARE, "total_tax": None, "total_shipping": None, "customer_id": None}
    orders = [{"order_id": number} | SHOPIFY | bare for number in (1, 2)]
    strays = [{"order_id": 8, "price": None, "quantity": 0}, {"order_id": 9, "price": None, "quantity": None}]
    found = failing(told("shopify_data_quality", shopify_orders=orders, shopify_line_items=strays))
    assert found == {
        "order without lines": "2 of 2",
        "order without a customer": "2 of 2",
        "line without its order": "2 of 2",
        "line without a price": "2 of 2",
        "line without a quantity above zero": "2 of 2",
    }


def test_of_two_orders_of_a_day_the_later_number_has_the_newest_name(told):
    orders = [order(1, 5) | {"customer_name": "Old"}, order(2, 5) | {"customer_name": "Aged"}]
    assert told("top_customers", orders=[*orders, order(3, 1, 2)]) == ["1 | Aged | 2 | 10.00", "2 | NULL | 1 | 1.00"]


def test_products_of_one_name_and_revenue_are_in_the_order_of_their_categories(told):
    lines = [line(1, category=category) | {"product_name": "Mug"} for category in "BDAC"]
    assert [row[6] for row in told("product_performance", order_lines=lines)] == ["A", "B", "C", "D"]


BOUGHT = {"order_purchase_timestamp": "2018-01-05 10:00:00"}


def test_olist_orders_without_a_status_count_and_unavailable_ones_do_not(told):
    orders = [
        {"order_id": "a", "customer_id": "c1", "order_status": None} | BOUGHT,
        {"order_id": "b", "customer_id": "c2", "order_status": "shipped"} | BOUGHT,
        {"order_id": "c", "customer_id": "c3", "order_status": "unavailable"} | BOUGHT,
        {"order_id": "d", "customer_id": "?", "order_status": "shipped"} | BOUGHT,
    ]
    items = [
        {"order_id": number, "seller_id": "s", "price": 10, "freight_value": 1} for number in ("a", "b", "c", "d", "?")
    ]
    people = [
        {"customer_id": f"c{number}", "customer_unique_id": "u", "customer_city": city, "customer_state": "SP"}
        for number, city in ((1, "santos"), (2, "franca"), (3, "recife"))
    ]
    some = {"olist_orders_dataset": orders, "olist_order_items_dataset": items}
    assert told("revenue_by_category", **some) == ["(none) | 30.00 | 3.00 | 3 | 3"]
    assert told("seller_ranking", **some) == ["1 | s | NULL | NULL | 3 | 3 | 30.00 | 0 | NULL"]
    assert told("olist_monthly_growth", **some) == ["2018-01-01 | 3 | 30.00 | 3.00 | NULL | NULL"]
    # Both at one second: b is the later by its id. Order d is nobody's.
    assert told("olist_top_customers", olist_customers_dataset=people, **some) == ["u | franca | SP | 2 | 22.00"]


def test_an_order_paid_in_two_parts_is_one_order(told):
    payments = [
        {"order_id": number, "payment_type": "voucher", "payment_value": 5, "payment_installments": parts}
        for number, parts in (("a", 1), ("a", 2), ("?", 9))
    ]
    orders = [{"order_id": "a"} | BOUGHT]
    assert told("payment_mix", olist_orders_dataset=orders, olist_order_payments_dataset=payments) == [
        "voucher | 2 | 1 | 10.00 | 100.0 | 1.5"
    ]


def test_an_order_to_nowhere_has_taken_its_time_too(told):
    arrived = {"order_delivered_customer_date": "2018-01-09 10:00:00", "order_estimated_delivery_date": "2018-01-10"}
    orders = [{"order_id": "a", "customer_id": "?", "order_status": "delivered"} | BOUGHT | arrived]
    assert told("delivery_time_by_state", olist_orders_dataset=orders) == ["(none) | 1 | 4.0 | 4 | 5.0 | 0.0"]


def test_shopify_orders_of_which_little_is_known_count(told):
    """No word of `test` or of a status: some exports leave them out."""
    known = {"order_id": 1, "order_date": DAY, "total_line_items_price": 20, "subtotal_price": 17}
    lines = [{"order_id": number, "line_item_id": 1, "price": 10, "quantity": 2} for number in (1, 9)]
    discounts = [
        {"order_id": 1, "line_item_id": 1, "application_index": index, "amount": amount}
        for index, amount in ((0, 1), (0, 1), (5, 1))
    ]
    discounts.append({"order_id": 9, "line_item_id": 1, "application_index": 0, "amount": 1})
    applied = [{"order_id": 1, "application_number": 1, "type": "manual", "code": None}]
    assert told("net_sales_by_day", shopify_orders=[known]) == [f"{DAY} | NULL | 1 | 20.00 | 3.00 | 0.00 | 17.00"]
    assert told("net_sales_by_month", shopify_orders=[known]) == ["2024-05-01 | NULL | 1 | 20.00 | 3.00 | 0.00 | 17.00"]
    assert told("top_products", shopify_orders=[known], shopify_line_items=lines, shopify_discounts=discounts) == [
        "NULL | NULL | NULL | 2 | 0 | 20.00 | 3.00 | 0.00 | 17.00"
    ]
    assert told(
        "discount_codes",
        shopify_orders=[known],
        shopify_discounts=discounts,
        shopify_discount_applications=applied,
    ) == ["(manual) | NULL | 1 | 2.00 | 20.00 | 10.0", "(none) | NULL | 1 | 1.00 | 20.00 | 5.0"]


def test_products_that_bring_in_the_same_are_in_the_order_of_their_numbers(told):
    orders = [{"order_id": 1, "order_date": DAY, "currency": "EUR"}]
    lines = [
        {"order_id": 1, "line_item_id": number, "product_id": number, "price": 1, "quantity": 1}
        for number in (3, 1, 4, 2)
    ]
    assert [row[0] for row in told("top_products", shopify_orders=orders, shopify_line_items=lines)] == list("1234")


def test_reasons_are_told_with_the_newest_day(told):
    def record(day, field="total", reason="is not a number"):
        return {"pipeline": "orders", "source": "a", "field": field, "reason": reason, "quarantined_at": day}

    rows = [
        *(record("2024-01-02 23:59:59+00"), record("2024-01-01 00:00:00+00")),
        *(record("2024-01-01", field=None), record("2024-01-01", reason="is missing")),
    ]
    assert told("quarantine_reasons", quarantine=rows) == [
        "orders | total | is not a number | 2 | 1 | 2024-01-02",
        "orders |  | is not a number | 1 | 1 | 2024-01-01",
        "orders | total | is missing | 1 | 1 | 2024-01-01",
    ]
