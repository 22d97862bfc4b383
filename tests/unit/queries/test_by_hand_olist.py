"""Saved queries over the bundled Olist files, against answers worked out by hand: January and February 2017.

By the first letters of the order's id (price + freight; delay against the day that was promised):

    0549 01-05 arrived 01-13, promised 01-18 MG  toys 93.30 + 19.50                      card, 2   5 stars
    4620 01-10 arrived 02-28, promised 02-10 RJ  small_appliances 28.40 + 30.62          card, 4   1 star
    b28f 01-15 canceled, no items            RJ                                                    1 star
    d078 01-20 arrived 01-29, promised 02-04 PE  books_technical 12.45 + 22.40           card, 1   5 stars
    8c53 01-25 arrived 02-01, promised 02-16 RS  air_conditioning 14.40 + 24.15          card, 1   5 stars
    4823 01-30 arrived 02-03, promised 02-17 RS  luggage_accessories 12.99 + 24.79       card, 3   4 stars
    17b5 02-03 arrived 02-11, promised 02-16 PE  fashion_bags_accessories 126.00 + 33.31 boleto    1 star
                                                 musical_instruments 12.24 + 29.77
    2d61 02-08 arrived 02-16, promised 03-15 MT  home_construction 17.50 + 28.48         card, 1   3 stars
    cf90 02-13 arrived 02-20, promised 03-07 SP  fashio_female_clothing 32.25 + 13.05    debit     5 stars
    fe39 02-18 arrived 04-04, promised 03-25 SP  musical_instruments 120.50 + 11.90      card, 4   1 star
    d559 02-23 arrived 03-05, promised 03-08 SP  watches_gifts 19.55 + 23.92             card, 2   5 stars
    2a7c 02-28 arrived 03-09, promised 03-21 MG  no category: 540.99 + 25.57             card, 3   4 stars

Customers and sellers are told by the first letters of their ids too.
"""

WINTER = {"start": "2017-01-01", "until": "2017-02-28"}


def test_revenue_by_category(samples):
    assert samples.told("revenue_by_category", **WINTER) == [
        "(none) | 540.99 | 25.57 | 1 | 1",
        "musical_instruments | 132.74 | 41.67 | 2 | 2",  # 12.24 + 120.50; freight 29.77 + 11.90
        "fashion_bags_accessories | 126.00 | 33.31 | 1 | 1",
        "toys | 93.30 | 19.50 | 1 | 1",
        "fashio_female_clothing | 32.25 | 13.05 | 1 | 1",  # as the translation spells it
        "small_appliances | 28.40 | 30.62 | 1 | 1",
        "watches_gifts | 19.55 | 23.92 | 1 | 1",
        "home_construction | 17.50 | 28.48 | 1 | 1",
        "air_conditioning | 14.40 | 24.15 | 1 | 1",
        "luggage_accessories | 12.99 | 24.79 | 1 | 1",
        "books_technical | 12.45 | 22.40 | 1 | 1",
    ]


def test_delivery_performance(samples):
    assert samples.told("delivery_performance", **WINTER) == [
        "On Time | 9 | 81.8",  # of 11 delivered
        "Late | 2 | 18.2",  # 4620 and fe39
    ]


def test_delivery_time_by_state(samples):
    assert samples.told("delivery_time_by_state", **WINTER) == [
        "RJ | 1 | 49.0 | 49 | 31.0 | 100.0",  # 01-10 to 02-28: 21 + 28; the canceled order has no say
        "SP | 3 | 20.7 | 45 | 23.3 | 33.3",  # 7 + 45 + 10 = 62, promised 22 + 35 + 13 = 70
        "MG | 2 | 8.5 | 9 | 17.0 | 0.0",  # 8 + 9, promised 13 + 21
        "PE | 2 | 8.5 | 9 | 14.0 | 0.0",  # 9 + 8, promised 15 + 13
        "MT | 1 | 8.0 | 8 | 35.0 | 0.0",
        "RS | 2 | 5.5 | 7 | 20.0 | 0.0",  # 7 + 4, promised 22 + 18
    ]


def test_seller_ranking(samples):
    rows = samples.ask("seller_ranking", limit=5, **WINTER)
    assert [(row["place"], row["seller_id"][:4], row["seller_city"], row["seller_state"]) for row in rows] == [
        (1, "9cda", "sao bernardo do campo", "SP"),
        (2, "2789", "cuiaba", "MT"),
        (3, "e275", "florianopolis", "SC"),
        (4, "3893", "sao bernardo do campo", "SP"),
        (5, "3b5d", "sao paulo", "SP"),
    ]
    figures = ("orders", "items", "revenue", "reviews", "avg_score")
    assert samples.told("seller_ranking", *figures, limit=5, **WINTER) == [
        "2 | 2 | 661.49 | 2 | 2.50",  # fe39 120.50 with 1 star, 2a7c 540.99 with 4
        "1 | 1 | 126.00 | 1 | 1.00",  # half of 17b5, whose review counts for both of its sellers
        "1 | 1 | 93.30 | 1 | 5.00",
        "1 | 1 | 32.25 | 1 | 5.00",
        "1 | 1 | 28.40 | 1 | 1.00",
    ]


def test_payment_mix(samples):
    assert samples.told("payment_mix", **WINTER) == [
        # 112.80 + 59.02 + 34.85 + 38.55 + 37.78 + 45.98 + 132.40 + 43.47 + 566.56, of 1318.03 in all;
        # 2 + 4 + 1 + 1 + 3 + 1 + 4 + 2 + 3 = 21 instalments of 9 payments
        "credit_card | 9 | 9 | 1071.41 | 81.3 | 2.3",
        "boleto | 1 | 1 | 201.32 | 15.3 | 1.0",
        "debit_card | 1 | 1 | 45.30 | 3.4 | 1.0",
    ]


def test_payment_mix_of_an_order_paid_in_two_ways(samples):
    assert samples.told("payment_mix", start="2017-03-01", until="2017-03-31") == [
        "credit_card | 4 | 4 | 128.74 | 51.3 | 1.0",  # 38.79 + 37.94 + 33.97 + 18.04
        "boleto | 2 | 2 | 85.83 | 34.2 | 1.0",  # 36.69 + 49.14
        "voucher | 1 | 1 | 36.60 | 14.6 | 1.0",  # the rest of the order of 54.64 that paid 18.04 by card
    ]


def test_review_by_delay(samples):
    assert samples.told("review_by_delay", **WINTER) == [
        "more than 7 days early | 5 | 5 | 4.20 | 0.0",  # 8c53 5, 4823 4, 2d61 3, cf90 5, 2a7c 4
        "1 to 7 days early | 4 | 4 | 4.00 | 25.0",  # 0549 5, d078 5, 17b5 1, d559 5
        "more than 7 days late | 2 | 2 | 1.00 | 100.0",  # 4620 by 18 days, fe39 by 10
    ]


def test_monthly_growth(samples):
    assert samples.told("olist_monthly_growth", **WINTER) == [
        "2017-01-01 | 5 | 161.54 | 121.46 | NULL | NULL",  # 93.30 + 28.40 + 12.45 + 14.40 + 12.99, without b28f
        # 126.00 + 12.24 + 17.50 + 32.25 + 120.50 + 19.55 + 540.99; 707.49 / 161.54 = 4.3797
        "2017-02-01 | 6 | 869.03 | 166.00 | 161.54 | 438.0",
    ]


def test_top_customers(samples):
    rows = samples.ask("olist_top_customers", limit=5, **WINTER)
    assert [row["customer_unique_id"][:4] for row in rows] == ["6375", "3e1a", "3d94", "562d", "9faf"]
    assert samples.told("olist_top_customers", "city", "state", "total_orders", "total_spent", limit=5, **WINTER) == [
        "uberlandia | MG | 1 | 566.56",  # 540.99 + 25.57
        "recife | PE | 1 | 201.32",  # 126.00 + 33.31 + 12.24 + 29.77
        "franca | SP | 1 | 132.40",
        "uberlandia | MG | 1 | 112.80",
        "porto alegre | RS | 2 | 76.33",  # 8c53 and 4823, one person with two customer_ids: 38.55 + 37.78
    ]


def test_freshness(samples):
    assert samples.told("olist_freshness", as_of="2018-01-10") == [
        "olist_order_items_dataset | 100 | 2018-01-08 | 2",
        "olist_order_reviews_dataset | 100 | 2018-01-16 | -6",
        "olist_orders_dataset | 100 | 2017-12-31 | 10",
    ]


def test_data_quality(samples):
    found = samples.told("olist_data_quality")
    assert found[:3] == [
        "order without items | 2 | 100 | 2.0",  # b28f is one of them
        "order without payments | 2 | 100 | 2.0",
        "product without a category | 2 | 100 | 2.0",
    ]
    assert len(found) == 13
    assert all(" | 0 | 100 | 0.0" in row for row in found[3:])
