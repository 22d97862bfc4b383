"""Saved queries over the bundled Shopify orders, against answers worked out by hand.

Gross less discounts is the subtotal, and less what came back the current subtotal, as Shopify itself tells them:

    #1001 10-12  141.49 - 15.00 = 126.49                        code MENOS15
    #1002 10-23  162.99 - 16.30 = 146.69; less  93.59:  53.10   code BEMVINDO10, one of two lines came back
    #1003 11-02  147.89         = 147.89
    #1004 11-11   43.99         =  43.99; less  31.99:  12.00   one of two lines came back
    #1005 11-19  449.69 - 44.97 = 404.72                        code BEMVINDO10
    #1006 11-27   39.98           voided: it was canceled before it was paid
    #1007 12-02   39.84         =  39.84
    #1008 12-09   31.95         =  31.95
"""


def test_net_sales_by_day(samples):
    assert samples.told("net_sales_by_day") == [
        "2024-10-12 | BRL | 1 | 141.49 | 15.00 | 0.00 | 126.49",
        "2024-10-23 | BRL | 1 | 162.99 | 16.30 | 93.59 | 53.10",
        "2024-11-02 | BRL | 1 | 147.89 | 0.00 | 0.00 | 147.89",
        "2024-11-11 | BRL | 1 | 43.99 | 0.00 | 31.99 | 12.00",
        "2024-11-19 | BRL | 1 | 449.69 | 44.97 | 0.00 | 404.72",
        "2024-12-02 | BRL | 1 | 39.84 | 0.00 | 0.00 | 39.84",
        "2024-12-09 | BRL | 1 | 31.95 | 0.00 | 0.00 | 31.95",
    ]


def test_net_sales_by_month(samples):
    assert samples.told("net_sales_by_month") == [
        "2024-10-01 | BRL | 2 | 304.48 | 31.30 | 93.59 | 179.59",  # 126.49 + 53.10
        "2024-11-01 | BRL | 3 | 641.57 | 44.97 | 31.99 | 564.61",  # 147.89 + 12.00 + 404.72
        "2024-12-01 | BRL | 2 | 71.79 | 0.00 | 0.00 | 71.79",  # 39.84 + 31.95
    ]


def test_top_products(samples):
    figures = ("title", "units_sold", "units_returned", "gross_sales", "discounts", "refunds", "net_sales")
    found = samples.told("top_products", *figures)
    assert found[:4] == [
        "Müntzer Espresso Machine | 1 | 0 | 353.99 | 35.39 | 0.00 | 318.60",
        "Soléa Coffee Grinder | 2 | 0 | 115.00 | 0.00 | 0.00 | 115.00",  # 2 x 57.50
        "Petit Cèdre Slim Jeans | 1 | 0 | 94.50 | 10.02 | 0.00 | 84.48",
        "Casa Lume Wireless Earbuds | 1 | 0 | 58.99 | 5.89 | 0.00 | 53.10",
    ]
    assert sorted(found[-2:]) == [
        "Norrvik Balance Bike | 1 | 1 | 104.00 | 10.41 | 93.59 | 0.00",  # came back
        "Plainsong Night Cream | 1 | 1 | 31.99 | 0.00 | 31.99 | 0.00",  # came back
    ]
    assert len(found) == 17  # the pasta of the voided order is not there


def test_discount_codes(samples):
    assert samples.told("discount_codes") == [
        "BEMVINDO10 | BRL | 2 | 61.27 | 612.68 | 10.0",  # 16.30 + 44.97 of 162.99 + 449.69
        "MENOS15 | BRL | 1 | 15.00 | 141.49 | 10.6",  # 15.00 / 141.49 = 0.1060
    ]


def test_freshness(samples):
    assert samples.told("shopify_freshness", as_of="2024-12-31") == [
        "shopify_discounts | 9 | 2024-11-19 | 42",  # 2 + 2 + 5 lines of the three orders with codes
        "shopify_line_items | 18 | 2024-12-09 | 22",  # 2 + 2 + 3 + 2 + 5 + 1 + 2 + 1
        "shopify_orders | 8 | 2024-12-09 | 22",
        "shopify_refunds | 2 | 2024-12-02 | 29",
        "shopify_shipping_lines | 8 | 2024-12-09 | 22",
    ]


def test_data_quality(samples):
    assert samples.told("shopify_data_quality") == [
        "current subtotal is not what refunds leave | 0 | 8 | 0.0",
        "current total is not what repayments leave | 0 | 8 | 0.0",
        "discounts are not those of lines and shipping | 0 | 8 | 0.0",
        "gross is not the sum of the lines | 0 | 8 | 0.0",
        "line without a price | 0 | 18 | 0.0",
        "line without a quantity above zero | 0 | 18 | 0.0",
        "line without its order | 0 | 18 | 0.0",
        "order without a customer | 0 | 8 | 0.0",
        "order without lines | 0 | 8 | 0.0",
        "subtotal is not gross less discounts | 0 | 8 | 0.0",
        "total is not subtotal, tax and shipping | 0 | 8 | 0.0",
    ]
