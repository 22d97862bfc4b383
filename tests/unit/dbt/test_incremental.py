"""Facts that grow are what a full refresh makes of them, whatever was corrected meanwhile, in whichever file."""

import os
from decimal import Decimal

import pytest

from orderlake import Lake
from tests.bundled_models import SHOPS, load_samples
from tests.reference import NOON, SECOND

pytestmark = pytest.mark.slow

CORRECTIONS = {
    # The order of two items is canceled: neither item was touched, both are no sale any more.
    "olist_orders_dataset_2.csv": (
        "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,"
        "order_delivered_customer_date,order_estimated_delivery_date\n"
        "17b5019fefb835843bfec4fc8984ca9c,84fea1c47c5f5d9f689724e2af9afffc,canceled,2017-02-04 10:20:38,,,,"
        "2017-02-16 00:00:00\n"
    ),
    # A product changes its category, the person behind an order turns out to be another one, a payment is corrected.
    "olist_products_dataset_2.csv": (
        "product_id,product_category_name,product_name_lenght,product_description_lenght,product_photos_qty,"
        "product_weight_g,product_length_cm,product_height_cm,product_width_cm\n"
        "400bf5553c1c955a9fa9ca388f5a6b29,beleza_saude,1,1,1,1,1,1,1\n"
    ),
    "olist_customers_dataset_2.csv": (
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n"
        "59d3829b8459c50560744ddf4181f16d,562d9e95d2e33606e733b6be8dbeb614,38400,uberlandia,MG\n"
    ),
    "olist_order_payments_dataset_2.csv": (
        "order_id,payment_sequential,payment_type,payment_installments,payment_value\n"
        "0549b04a86e1205098f13c590a7bad76,1,voucher,1,100.00\n"
    ),
    # An order loses a line and moves to another day, a new one comes that is older than all.
    "orders_corrected.json": (
        '[{"order_id": 1001, "order_date": "2024-01-06", "total_amount": 50, "customer": {"customer_id": 501},'
        ' "products": [{"product_id": "P001", "name": "Mouse", "category": "Gadgets", "price": 25, "quantity": 2}]},'
        ' {"order_id": 999, "order_date": "2023-12-31", "total_amount": 1, "customer": {"customer_id": 502},'
        ' "products": [{"product_id": "P001", "price": 1, "quantity": 1}]}]'
    ),
}
LINES = "SELECT line_key, ordered_on, customer_key, is_sale, category FROM fct_order_lines WHERE line_key IN "


def rows(lake):
    """All rows of all marts."""
    names = [info.name for info in lake.tables() if info.format == "mart"]
    return {name: sorted(lake.query(f"SELECT * FROM {name}").rows, key=repr) for name in names}


def test_corrections_reach_the_rows_that_they_concern_and_no_refresh_would_change_a_thing(tmp_path):
    with Lake.init(tmp_path, SHOPS) as lake:
        load_samples(lake)
        assert lake.build().full_refresh
        before = rows(lake)
        for number, (name, text) in enumerate(CORRECTIONS.items()):
            (lake.project.raw / name).write_text(text, "utf-8")
            os.utime(lake.project.raw / name, ns=(NOON + (100 + number) * SECOND,) * 2)
        lake.run()
        assert not lake.build().full_refresh
        grown = rows(lake)
        assert lake.build(full_refresh=True).full_refresh
        assert grown == rows(lake)

        assert {name for name in before if before[name] == grown[name]} == {
            "dim_dates", "dim_geography", "fct_discounts", "fct_refunds", "fct_reviews",
        }  # fmt: skip
        two_items = f"{LINES} ('olist:17b5019fefb835843bfec4fc8984ca9c:1', 'olist:17b5019fefb835843bfec4fc8984ca9c:2')"
        assert {(str(row[1]), row[3]) for row in lake.query(two_items).rows} == {("2017-02-04", False)}
        recategorised = f"{LINES} ('olist:0549b04a86e1205098f13c590a7bad76:1')"
        assert lake.query(recategorised).rows[0][4] == "health_beauty"
        other_person = f"{LINES} ('olist:4620c3c74c88bb504ab128e9f960493c:1')"
        assert lake.query(other_person).rows[0][2] == "olist:562d9e95d2e33606e733b6be8dbeb614"
        first = "SELECT customer_order_number FROM fct_orders WHERE order_key = 'orders:1002'"
        assert lake.query(first).rows == ((2,),)
        paid = "SELECT total_amount, reconciles FROM fct_orders WHERE order_id = '0549b04a86e1205098f13c590a7bad76'"
        assert lake.query(paid).rows == ((Decimal("100.00"), False),)
