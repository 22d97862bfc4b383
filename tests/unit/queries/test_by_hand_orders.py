"""Saved queries over the bundled orders, against answers worked out by hand.

The thirteen orders, once the second file has corrected order 1010 (72.00 instead of 118.00, its scarf gone):

    1001 01-05 Emma   200.50 (the shop's own figure: its lines are only 95.00)
                             Electronics 2 x 25.00, Home & Kitchen 45.00
    1002 01-05 Jürgen  79.90  Home & Kitchen 32.00, Food & Drink 3 x 14.50, Home & Kitchen 4.40
    1003 01-17 Zoé    139.00  Fashion 139.00
    1004 01-29 Emma    64.95  Sports & Outdoors 34.95, Sports & Outdoors 2 x 15.00
    1005 02-02 Iñigo    0.00  no lines
    1006 02-14 Łukasz  93.00  Beauty 75.00, Food & Drink 4 x 4.50
    1007 02-14 João    51.00  Toys & Games 42.00, Fashion 9.00
    1008 02-20 Siân     1.00  Books & Stationery 10 x 0.10
    1009 03-01 佐藤    248.99  Electronics 229.99, Electronics 2 x 9.50
    1010 03-08 Jürgen  72.00  Fashion 3 x 19.00, Sports & Outdoors 15.00
    1011 03-19 Ayşe    33.00  Books & Stationery 9.00, Books & Stationery 24.00
    1012 03-31 Zoé     70.00  Electronics 25.00, Home & Kitchen 45.00
    1013 04-02 Björn   57.50  Home & Kitchen 32.00, Food & Drink 3 x 8.50
"""


def test_sales_by_category(samples):
    assert samples.told("sales_by_category") == [
        "Electronics | 323.99 | 3",  # 50.00 + 229.99 + 19.00 + 25.00, in 1001, 1009, 1012
        "Fashion | 205.00 | 3",  # 139.00 + 9.00 + 57.00
        "Home & Kitchen | 158.40 | 4",  # 45.00 + (32.00 + 4.40) + 45.00 + 32.00: 1002 counts once
        "Food & Drink | 87.00 | 3",  # 43.50 + 18.00 + 25.50
        "Sports & Outdoors | 79.95 | 2",  # (34.95 + 30.00) + 15.00
        "Beauty | 75.00 | 1",
        "Toys & Games | 42.00 | 1",
        "Books & Stationery | 34.00 | 2",  # 1.00 + 9.00 + 24.00
    ]


def test_sales_by_category_of_some_days(samples):
    assert samples.told("sales_by_category", start="2024-01-17", until="2024-01-29") == [
        "Fashion | 139.00 | 1",
        "Sports & Outdoors | 64.95 | 1",
    ]


def test_top_customers(samples):
    assert samples.told("top_customers") == [
        "501 | Emma Larsson | 2 | 265.45",  # 200.50 + 64.95: the orders' totals, not their lines'
        "508 | 佐藤 陽子 | 1 | 248.99",
        "503 | Zoé Lefèvre | 2 | 209.00",  # 139.00 + 70.00
        "502 | Jürgen Weiß | 2 | 151.90",  # 79.90 + 72.00
        "505 | Łukasz Wiśniewski | 1 | 93.00",
        "510 | Björn Ólafsson | 1 | 57.50",
        "506 | João Conceição | 1 | 51.00",
        "509 | Ayşe Öztürk | 1 | 33.00",
        "507 | Siân O'Brien | 1 | 1.00",
        "504 | Iñigo Núñez | 1 | 0.00",
    ]
    assert samples.told("top_customers", limit=1, start="2024-02-01") == ["508 | 佐藤 陽子 | 1 | 248.99"]


def test_product_performance(samples):
    assert samples.told("product_performance", limit=9) == [
        "27-inch Monitor | Electronics | 1 | 229.99 | 229.99",
        "Chelsea Boots | Fashion | 1 | 139.00 | 139.00",
        "Desk Lamp | Home & Kitchen | 2 | 45.00 | 90.00",  # one each in 1001 and 1012
        "Eau de Parfum | Beauty | 1 | 75.00 | 75.00",  # as much as the mouse: E comes before W
        "Wireless Mouse | Electronics | 3 | 25.00 | 75.00",  # 2 in 1001, 1 in 1012
        "French Press | Home & Kitchen | 2 | 32.00 | 64.00",  # in 1002 and 1013
        "Cotton T-Shirt | Fashion | 3 | 19.00 | 57.00",
        "Water Bottle | Sports & Outdoors | 3 | 15.00 | 45.00",  # 2 in 1004, 1 in 1010
        "Single-Origin Coffee | Food & Drink | 3 | 14.50 | 43.50",
    ]
    assert len(samples.told("product_performance")) == 19  # the scarf went with the correction


def test_daily_orders_count_each_total_once(samples):
    assert samples.told("daily_orders") == [
        "2024-01-05 | 2 | 280.40",  # 200.50 + 79.90; added up per line it would be 2 x 200.50 + 3 x 79.90 = 640.70
        "2024-01-17 | 1 | 139.00",
        "2024-01-29 | 1 | 64.95",
        "2024-02-02 | 1 | 0.00",  # an order without lines is an order
        "2024-02-14 | 2 | 144.00",  # 93.00 + 51.00
        "2024-02-20 | 1 | 1.00",
        "2024-03-01 | 1 | 248.99",
        "2024-03-08 | 1 | 72.00",
        "2024-03-19 | 1 | 33.00",
        "2024-03-31 | 1 | 70.00",
        "2024-04-02 | 1 | 57.50",
    ]


def test_basket_size(samples):
    assert samples.told("basket_size") == [
        "0 | 1 | 7.7 | 0.00 | 0.00",  # 1005; 1 of 13 is 7.69 %
        "1 | 1 | 7.7 | 139.00 | 139.00",  # 1003
        "2 | 3 | 23.1 | 154.00 | 51.33",  # 1007, 1011, 1012: 51.00 + 33.00 + 70.00; a third is 51.333
        "3 | 3 | 23.1 | 514.44 | 171.48",  # 1001, 1004, 1009: 200.50 + 64.95 + 248.99
        "4 | 2 | 15.4 | 129.50 | 64.75",  # 1010, 1013: 72.00 + 57.50
        "5 | 2 | 15.4 | 172.90 | 86.45",  # 1002, 1006: 79.90 + 93.00
        "10 | 1 | 7.7 | 1.00 | 1.00",  # 1008, ten stickers
    ]


def test_repeat_customers(samples):
    assert samples.told("repeat_customers") == [
        "1 | 7 | 70.0 | 484.49 | 69.21",  # 0.00 + 93.00 + 51.00 + 1.00 + 248.99 + 33.00 + 57.50; a seventh is 69.213
        "2 | 3 | 30.0 | 626.35 | 208.78",  # 265.45 + 209.00 + 151.90; a third is 208.783
    ]


def test_new_and_returning_customers(samples):
    assert samples.told("new_and_returning") == [
        "2024-01-01 | 3 | 0 | 484.35 | 0.00",  # Emma (twice: 265.45), Jürgen 79.90, Zoé 139.00
        "2024-02-01 | 4 | 0 | 145.00 | 0.00",  # 0.00 + 93.00 + 51.00 + 1.00
        "2024-03-01 | 2 | 2 | 281.99 | 142.00",  # new 248.99 + 33.00; Jürgen 72.00 and Zoé 70.00 come back
        "2024-04-01 | 1 | 0 | 57.50 | 0.00",
    ]
    # Who came first is asked of all orders, whatever days are shown.
    assert samples.told("new_and_returning", start="2024-03-05", until="2024-03-10") == [
        "2024-03-01 | 0 | 1 | 0.00 | 72.00"
    ]


def test_customer_cohorts(samples):
    assert samples.told("customer_cohorts") == [
        "2024-01-01 | 0 | 3 | 3 | 100.0 | 4 | 484.35",  # four orders of three customers
        "2024-01-01 | 2 | 3 | 2 | 66.7 | 2 | 142.00",  # Jürgen and Zoé in March; nobody in February, so no row
        "2024-02-01 | 0 | 4 | 4 | 100.0 | 4 | 145.00",
        "2024-03-01 | 0 | 2 | 2 | 100.0 | 2 | 281.99",
        "2024-04-01 | 0 | 1 | 1 | 100.0 | 1 | 57.50",
    ]


def test_monthly_growth(samples):
    assert samples.told("monthly_growth") == [
        "2024-01-01 | 4 | 484.35 | NULL | NULL",  # 200.50 + 79.90 + 139.00 + 64.95
        "2024-02-01 | 4 | 145.00 | 484.35 | -70.1",  # -339.35 / 484.35 = -0.7006
        "2024-03-01 | 4 | 423.99 | 145.00 | 192.4",  # 278.99 / 145.00 = 1.9241
        "2024-04-01 | 1 | 57.50 | 423.99 | -86.4",  # -366.49 / 423.99 = -0.8644
    ]


def test_freshness(samples):
    assert samples.told("orders_freshness", as_of="2024-04-12") == [
        "order_lines | 23 | 2024-04-02 | 10",  # 2 + 3 + 1 + 2 + 0 + 2 + 2 + 1 + 2 + 2 + 2 + 2 + 2
        "orders | 13 | 2024-04-02 | 10",
    ]


def test_data_quality(samples):
    assert samples.told("orders_data_quality") == [
        "order total is not the sum of its lines | 1 | 13 | 7.7",  # 1001: 200.50 against 95.00
        "order without lines | 1 | 13 | 7.7",  # 1005, and 0.00 is the sum of none
        "line without a category | 0 | 23 | 0.0",
        "line without a price | 0 | 23 | 0.0",
        "line without a quantity above zero | 0 | 23 | 0.0",
        "line without its order | 0 | 23 | 0.0",
        "order total below zero | 0 | 13 | 0.0",
        "order without a customer | 0 | 13 | 0.0",
        "order without a total | 0 | 13 | 0.0",
        "order without an e-mail address | 0 | 13 | 0.0",
    ]
