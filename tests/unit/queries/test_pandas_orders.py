"""Saved queries over 3,000 generated orders, against pandas over the file itself, in whole cents."""

import json
from decimal import Decimal

import pandas as pd
import pytest

from tests.unit.queries.exact import cents, money, ratio


@pytest.fixture(scope="session")
def frames(generated_files):
    """Orders, and their lines."""
    (file,) = (generated_files / "orders").iterdir()
    records = json.loads(file.read_text("utf-8"), parse_float=Decimal)
    orders = pd.json_normalize(records, sep="_").drop(columns="products")
    orders["date"] = pd.to_datetime(orders["order_date"])
    orders["month"] = orders["date"].dt.to_period("M")
    orders["cents"] = orders["total_amount"].map(cents)
    lines = pd.json_normalize(records, "products", ["order_id", "order_date"])
    lines["cents"] = lines["price"].map(cents) * lines["quantity"]
    return orders, lines


@pytest.fixture
def orders(frames):
    return frames[0]


@pytest.fixture
def lines(frames):
    return frames[1]


def test_the_file_is_worth_the_trouble(orders, lines):
    assert len(orders) == 3000
    assert len(lines) > 6000
    assert orders["month"].nunique() == 14
    assert orders["customer_customer_id"].value_counts().max() > 20


def test_sales_by_category(generated, lines):
    pivot = lines.pivot_table(index="category", values="cents", aggfunc="sum")
    pairs = lines.drop_duplicates(["category", "order_id"]).value_counts("category")
    expected = sorted(((-total, name) for name, total in pivot["cents"].items()))
    assert generated.ask("sales_by_category") == [
        {"category": name, "total_sales": money(-total), "order_count": pairs[name]} for total, name in expected
    ]


def test_sales_by_category_of_a_quarter(generated, lines):
    some = lines[lines["order_date"].between("2024-04-01", "2024-06-30")]
    found = generated.ask("sales_by_category", start="2024-04-01", until="2024-06-30")
    assert {row["category"]: row["total_sales"] for row in found} == {
        name: money(group["cents"].sum()) for name, group in some.groupby("category")
    }


def test_top_customers(generated, orders):
    best = (
        orders.groupby("customer_customer_id")
        .agg(customer_name=("customer_name", "last"), total_orders=("cents", "size"), spent=("cents", "sum"))
        .reset_index(names="customer_id")
        .sort_values(["spent", "customer_id"], ascending=[False, True])
    )
    best["total_spent"] = best.pop("spent").map(money)
    assert generated.ask("top_customers", limit=100) == best.head(100).to_dict("records")
    assert len(generated.ask("top_customers", limit=10_000)) == len(best)


def test_product_performance(generated, lines):
    rows = []
    for (product, category), group in lines.groupby(["name", "category"]):
        units, revenue = int(group["quantity"].sum()), int(group["cents"].sum())
        rows.append((-revenue, product, category, units, ratio(revenue, units * 100, 2)))
    assert [tuple(row.values()) for row in generated.ask("product_performance", limit=10_000)] == [
        (product, category, units, price, money(-revenue)) for revenue, product, category, units, price in sorted(rows)
    ]


def test_daily_orders(generated, orders):
    daily = orders.set_index("date")["cents"].resample("D").agg(["size", "sum"])
    daily = daily[daily["size"] > 0]
    assert generated.ask("daily_orders") == [
        {"order_date": day.date(), "order_count": count, "daily_revenue": money(total)}
        for day, count, total in daily.itertuples()
    ]
    assert sum(row["daily_revenue"] for row in generated.ask("daily_orders")) == money(orders["cents"].sum())


def test_basket_size(generated, orders, lines):
    pieces = orders["order_id"].map(lines.groupby("order_id")["quantity"].sum()).fillna(0).astype(int)
    expected = []
    for size, group in orders.groupby(pieces):
        total, count = int(group["cents"].sum()), len(group)
        share = ratio(100 * count, len(orders), 1)
        expected.append((size, count, share, money(total), ratio(total, count * 100, 2)))
    assert [tuple(row.values()) for row in generated.ask("basket_size")] == expected


def test_repeat_customers(generated, orders):
    spent = orders.groupby("customer_customer_id")["cents"].sum()
    often = orders["customer_customer_id"].value_counts()
    expected = []
    for placed in sorted(often.unique()):
        who = often.index[often == placed]
        total = int(spent[who].sum())
        share = ratio(100 * len(who), len(often), 1)
        expected.append((placed, len(who), share, money(total), ratio(total, len(who) * 100, 2)))
    assert [tuple(row.values()) for row in generated.ask("repeat_customers")] == expected


def test_new_and_returning(generated, orders):
    seen: set[int] = set()
    expected = []
    for month, group in orders.groupby("month"):
        was_seen = group["customer_customer_id"].isin(seen)
        expected.append(
            {
                "month": month.start_time.date(),
                "new_customers": group[~was_seen]["customer_customer_id"].nunique(),
                "returning_customers": group[was_seen]["customer_customer_id"].nunique(),
                "new_revenue": money(group[~was_seen]["cents"].sum()),
                "returning_revenue": money(group[was_seen]["cents"].sum()),
            }
        )
        seen |= set(group["customer_customer_id"])
    assert generated.ask("new_and_returning") == expected


def test_customer_cohorts(generated, orders):
    first = orders.drop_duplicates("customer_customer_id").set_index("customer_customer_id")["month"]
    cohort = orders["customer_customer_id"].map(first)
    months = orders["month"].astype("int64") - cohort.astype("int64")
    expected = []
    for (start, since), group in orders.groupby([cohort, months]):
        size, active = int((first == start).sum()), group["customer_customer_id"].nunique()
        share = ratio(100 * active, size, 1)
        expected.append((start.start_time.date(), since, size, active, share, len(group), money(group["cents"].sum())))
    assert [tuple(row.values()) for row in generated.ask("customer_cohorts")] == expected
    assert len(expected) > 60


def test_monthly_growth(generated, orders):
    revenue = orders.groupby("month")["cents"].sum()
    count = orders["month"].value_counts()
    expected, before = [], None
    for month, total in revenue.items():
        growth = None if before is None else ratio(100 * (total - before), before, 1)
        previous = None if before is None else money(before)
        expected.append((month.start_time.date(), count[month], money(total), previous, growth))
        before = int(total)
    assert [tuple(row.values()) for row in generated.ask("monthly_growth")] == expected


def test_freshness(generated, orders, lines):
    newest = orders["date"].max()
    behind = (pd.Timestamp("2025-06-30") - newest).days
    assert generated.ask("orders_freshness", as_of="2025-06-30") == [
        {"table_name": name, "row_count": rows, "newest": newest.date(), "days_behind": behind}
        for name, rows in (("order_lines", len(lines)), ("orders", len(orders)))
    ]


def test_data_quality(generated, orders, lines):
    sums = orders["order_id"].map(lines.groupby("order_id")["cents"].sum())
    failing = {
        "order total is not the sum of its lines": int((sums.fillna(0) != orders["cents"]).sum()),
        "order without lines": int(sums.isna().sum()),
    }
    found = {row["check_name"]: (row["failing"], row["total"]) for row in generated.ask("orders_data_quality")}
    assert found == {
        name: (failing.get(name, 0), len(lines) if name.startswith("line ") else len(orders)) for name in found
    }
