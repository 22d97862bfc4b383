"""The marts of the samples of all shops, against rows worked out by hand."""

from datetime import date, datetime
from decimal import Decimal

import pytest

pytestmark = pytest.mark.slow

ORDERS = [  # the increment has a newer 1010, and 1013; 1001 has always had a total that its lines do not explain
    ("1001", "2024-01-05", "orders:501", 1, "200.50", 2, 3, "95.00", False),
    ("1002", "2024-01-05", "orders:502", 1, "79.90", 3, 5, "79.90", True),
    ("1003", "2024-01-17", "orders:503", 1, "139.00", 1, 1, "139.00", True),
    ("1004", "2024-01-29", "orders:501", 2, "64.95", 2, 3, "64.95", True),
    ("1005", "2024-02-02", "orders:504", 1, "0.00", 0, 0, "0.00", True),
    ("1006", "2024-02-14", "orders:505", 1, "93.00", 2, 5, "93.00", True),
    ("1007", "2024-02-14", "orders:506", 1, "51.00", 2, 2, "51.00", True),
    ("1008", "2024-02-20", "orders:507", 1, "1.00", 1, 10, "1.00", True),
    ("1009", "2024-03-01", "orders:508", 1, "248.99", 2, 3, "248.99", True),
    ("1010", "2024-03-08", "orders:502", 2, "72.00", 2, 4, "72.00", True),
    ("1011", "2024-03-19", "orders:509", 1, "33.00", 2, 2, "33.00", True),
    ("1012", "2024-03-31", "orders:503", 2, "70.00", 2, 2, "70.00", True),
    ("1013", "2024-04-02", "orders:510", 1, "57.50", 2, 4, "57.50", True),
]


def money(*amounts):
    return tuple(None if amount is None else Decimal(amount) for amount in amounts)


def test_orders_of_the_nested_files(lake):
    found = lake.query(
        "SELECT order_id, ordered_on, customer_key, customer_order_number, total_amount, line_count, units,"
        " lines_total, reconciles FROM fct_orders WHERE shop = 'orders' ORDER BY order_id"
    ).rows
    assert found == tuple(
        (number, date.fromisoformat(day), customer, nth, Decimal(total), lines, units, Decimal(sums), ties)
        for number, day, customer, nth, total, lines, units, sums, ties in ORDERS
    )
    assert lake.query("SELECT count(*) FROM fct_orders WHERE shop = 'orders' AND is_first_order").rows == ((10,),)


def test_a_shopify_order_with_a_discount_and_a_refund(lake):
    sql = (
        "SELECT ordered_on, ordered_at, status, is_sale, currency, customer_order_number, gross_amount,"
        " discount_amount, net_amount, shipping_amount, tax_amount, total_amount, refund_amount, revenue, lines_total,"
        " reconciles FROM fct_orders WHERE order_key = 'shopify:820982911947154511'"
    )
    assert lake.query(sql).rows == (
        (
            date(2024, 10, 23), datetime(2024, 10, 23, 16, 22, 45), "partially_refunded", True, "BRL", 1,  # noqa: DTZ001
            *money("162.99", "16.30", "146.69", "14.90", "26.41", "188.00", "110.44", "146.69", "162.99"), True,
        ),
    )  # fmt: skip
    lines = "SELECT product_name, gross_amount, discount_amount, net_amount FROM fct_order_lines"
    assert lake.query(f"{lines} WHERE order_id = '820982911947154511' ORDER BY line_number").rows == (
        ("Casa Lume Wireless Earbuds", *money("58.99", "5.89", "53.10")),
        ("Norrvik Balance Bike", *money("104.00", "10.41", "93.59")),
    )
    assert lake.query(
        "SELECT code, amount FROM fct_discounts WHERE order_id = '820982911947154511' ORDER BY amount"
    ).rows == (("BEMVINDO10", Decimal("5.89")), ("BEMVINDO10", Decimal("10.41")))
    assert lake.query(
        "SELECT refunded_on, refunded_at, units, goods_amount, tax_amount, adjustment_amount, refund_amount"
        " FROM fct_refunds ORDER BY refunded_on"
    ).rows == (
        (date(2024, 11, 6), datetime(2024, 11, 7, 2, 41, 9), 1, *money("93.59", "16.85", "0.00", "110.44")),  # noqa: DTZ001
        (date(2024, 12, 2), datetime(2024, 12, 2, 13, 3, 30), 1, *money("31.99", "5.76", "0.00", "37.75")),  # noqa: DTZ001
    )


def test_a_voided_order_is_no_sale_and_an_order_late_at_night_is_of_the_shops_own_day(lake):
    sql = "SELECT is_sale, customer_order_number, is_first_order FROM fct_orders WHERE order_id = '820982911951154523'"
    assert lake.query(sql).rows == ((False, None, False),)
    assert lake.query("SELECT count(*) FROM agg_daily_sales WHERE day = '2024-11-27'").rows == ((0,),)
    sql = "SELECT ordered_on, ordered_at FROM fct_orders WHERE order_id = '820982911950154520'"
    assert lake.query(sql).rows == ((date(2024, 11, 19), datetime(2024, 11, 20, 2, 54, 33)),)  # noqa: DTZ001


def test_an_olist_order_of_two_items(lake):
    order = "order_id = '17b5019fefb835843bfec4fc8984ca9c'"
    sql = "SELECT gross_amount, shipping_amount, total_amount, revenue, line_count, reconciles FROM fct_orders"
    assert lake.query(f"{sql} WHERE {order}").rows == ((*money("138.24", "63.08", "201.32", "138.24"), 2, True),)
    items = "SELECT item_number, price, freight_amount FROM fct_order_items"
    assert lake.query(f"{items} WHERE {order} ORDER BY item_number").rows == (
        (1, *money("126.00", "33.31")),
        (2, *money("12.24", "29.77")),
    )
    sql = "SELECT payment_type, installments, amount FROM fct_payments"
    assert lake.query(f"{sql} WHERE {order}").rows == (("boleto", 1, Decimal("201.32")),)
    sql = "SELECT delivered_on, promised_on, days_to_deliver, days_late, is_late FROM fct_deliveries"
    assert lake.query(f"{sql} WHERE {order}").rows == ((date(2017, 2, 11), date(2017, 2, 16), 8, -5, False),)


def test_deliveries_on_time_and_late(lake):
    sql = "SELECT days_to_deliver, days_late, is_late FROM fct_deliveries"
    assert lake.query(f"{sql} WHERE order_id = '4620c3c74c88bb504ab128e9f960493c'").rows == ((49, 18, True),)
    assert lake.query(f"{sql} WHERE order_id = 'b28fc3d271e9bf3d284e4bd48c3f3d5f'").rows == ((None, None, None),)
    assert lake.query("SELECT sum(delivered), sum(on_time), sum(late) FROM agg_daily_delivery").rows == ((96, 89, 7),)


@pytest.mark.parametrize(
    ("shop", "day", "row"),
    [
        ("orders", "2024-01-05", (2, *money("280.40", "0"), 8, 2, 2, 0, Decimal("140.20"))),
        ("orders", "2024-02-14", (2, *money("144.00", "0"), 7, 2, 2, 0, Decimal("72.00"))),
        ("orders", "2024-03-08", (1, *money("72.00", "0"), 4, 1, 0, 1, Decimal("72.00"))),
        ("shopify", "2024-10-23", (1, *money("146.69", "110.44"), 2, 1, 1, 0, Decimal("146.69"))),
        ("shopify", "2024-11-11", (1, *money("43.99", "37.75"), 2, 1, 0, 1, Decimal("43.99"))),
    ],
)
def test_daily_sales(lake, shop, day, row):
    sql = (
        "SELECT order_count, revenue, refund_amount, units, customers, new_customers, returning_customers,"
        f" average_basket FROM agg_daily_sales WHERE shop = '{shop}' AND day = '{day}'"
    )
    assert lake.query(sql).rows == (row,)


def test_daily_sales_by_category_count_an_order_once_for_each_of_its_categories(lake):
    sql = (
        "SELECT category, order_count, line_count, units, revenue FROM agg_daily_category_sales"
        " WHERE shop = 'orders' AND day = '2024-01-05' ORDER BY category"
    )
    assert lake.query(sql).rows == (
        ("Electronics", 1, 1, 2, Decimal("50.00")),
        ("Food & Drink", 1, 1, 3, Decimal("43.50")),
        ("Home & Kitchen", 2, 3, 3, Decimal("81.40")),
    )
    sql = "SELECT DISTINCT category FROM agg_daily_category_sales WHERE shop = 'shopify'"
    assert lake.query(sql).rows == (("uncategorised",),)


def test_products_are_those_that_orders_have_now(lake):
    sql = (
        "SELECT product_id, product_name, category, first_sold_on, last_sold_on FROM dim_products WHERE shop = 'orders'"
    )
    found = {row[0]: row[1:] for row in lake.query(sql).rows}
    assert len(found) == 19
    assert found["P001"] == ("Wireless Mouse", "Electronics", date(2024, 1, 5), date(2024, 3, 31))
    assert found["P008"] == ("Water Bottle", "Sports & Outdoors", date(2024, 1, 29), date(2024, 3, 8))
    assert "P017" not in found  # the newer 1010 has none


def test_places_are_where_most_measurements_say_and_called_as_most_call_them(lake):
    sql = "SELECT city, region, latitude, longitude, measurements FROM dim_geography WHERE postal_code = "
    assert lake.query(f"{sql} '01001'").rows == (("sao paulo", "SP", -23.526255, -46.6491438, 5),)
    assert lake.query(f"{sql} '29010'").rows[0][:3] == ("vitoria", "ES", -20.2962)


def test_the_calendar_has_whole_months_and_weeks_by_iso(lake):
    assert lake.query("SELECT min(date_day), max(date_day), count(*) FROM dim_dates").rows == (
        (date(2017, 1, 1), date(2024, 12, 31), 2922),
    )
    sql = (
        "SELECT year, quarter, month, day_of_month, first_of_year, first_of_quarter, first_of_month, first_of_week,"
        " year_month, iso_year, iso_week, weekday, weekday_name, is_weekend"
        " FROM dim_dates WHERE date_day = '2021-01-03'"
    )
    assert lake.query(sql).rows == (
        (
            2021, 1, 1, 3, date(2021, 1, 1), date(2021, 1, 1), date(2021, 1, 1), date(2020, 12, 28),
            "2021-01", 2020, 53, 7, "Sunday", True,
        ),
    )  # fmt: skip
