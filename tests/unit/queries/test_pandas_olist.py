"""Saved queries over 3,000 generated Olist orders, against pandas over the CSV files themselves, in whole cents."""

import pandas as pd
import pytest

from tests.unit.queries.exact import cents, money, ratio

DEAD = ("canceled", "unavailable")


@pytest.fixture(scope="session")
def frames(generated_files):
    """Each file by its first words, all text."""
    return {
        file.stem.removeprefix("olist_").removesuffix("_dataset"): pd.read_csv(
            file, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
        for file in (generated_files / "olist").iterdir()
    }


@pytest.fixture(scope="session")
def orders(frames):
    """One row per order; days and months as such."""
    orders = frames["orders"].copy()
    for column in ("purchase_timestamp", "delivered_customer_date", "estimated_delivery_date"):
        orders[column] = pd.to_datetime(orders.pop(f"order_{column}")).astype("datetime64[us]")
    orders["month"] = orders["purchase_timestamp"].dt.to_period("M")
    return orders


@pytest.fixture(scope="session")
def items(frames):
    """One row per piece, in cents."""
    items = frames["order_items"].copy()
    items["price"], items["freight"] = items["price"].map(cents), items["freight_value"].map(cents)
    return items


@pytest.fixture(scope="session")
def alive(orders):
    """Orders that were neither canceled nor unavailable."""
    return orders[~orders["order_status"].isin(DEAD)]


@pytest.fixture(scope="session")
def delivered(orders):
    """Delivered orders: `late` is in calendar days, below zero for early ones."""
    some = orders[(orders["order_status"] == "delivered") & orders["delivered_customer_date"].notna()].copy()
    arrived = some["delivered_customer_date"].dt.floor("D")
    some["late"] = (arrived - some["estimated_delivery_date"]).dt.days
    some["days"] = (arrived - some["purchase_timestamp"].dt.floor("D")).dt.days
    some["promised"] = some["days"] - some["late"]
    return some


def test_the_files_are_worth_the_trouble(orders, frames, delivered):
    assert len(orders) == 3000
    assert orders["order_status"].nunique() > 3
    assert (delivered["late"] > 0).sum() > 50
    assert (delivered["late"] == 0).any()  # where a day and a time part
    assert frames["order_payments"]["order_id"].duplicated().any()
    assert frames["customers"]["customer_unique_id"].duplicated().any()
    assert (frames["products"]["product_category_name"] == "").any()


def test_revenue_by_category(generated, alive, items, frames):
    english = dict(frames["product_category_name_translation"].itertuples(index=False))
    category = dict(frames["products"][["product_id", "product_category_name"]].itertuples(index=False))
    some = items[items["order_id"].isin(set(alive["order_id"]))].copy()
    names = some["product_id"].map(category)
    some["category"] = [english.get(name, name) or "(none)" for name in names]
    expected = sorted(
        (-int(group["price"].sum()), name, int(group["freight"].sum()), len(group), group["order_id"].nunique())
        for name, group in some.groupby("category")
    )
    assert [tuple(row.values()) for row in generated.ask("revenue_by_category")] == [
        (name, money(-price), money(freight), pieces, count) for price, name, freight, pieces, count in expected
    ]


def test_delivery_performance(generated, delivered):
    late = int(delivered["late"].gt(0).sum())
    total = len(delivered)
    assert generated.ask("delivery_performance") == [
        {"status": "On Time", "orders": total - late, "pct": ratio(100 * (total - late), total, 1)},
        {"status": "Late", "orders": late, "pct": ratio(100 * late, total, 1)},
    ]


def test_delivery_time_by_state(generated, delivered, frames):
    state = frames["customers"].set_index("customer_id")["customer_state"]
    expected = []
    for name, group in delivered.groupby(delivered["customer_id"].map(state)):
        count = len(group)
        expected.append(
            (
                name,
                count,
                ratio(group["days"].sum(), count, 1),
                group["days"].max(),
                ratio(group["promised"].sum(), count, 1),
                ratio(100 * (group["late"] > 0).sum(), count, 1),
            )
        )
    expected.sort(key=lambda row: (-row[2], row[0]))
    assert [tuple(row.values()) for row in generated.ask("delivery_time_by_state")] == expected


def test_seller_ranking(generated, alive, items, frames):
    some = items[items["order_id"].isin(set(alive["order_id"]))]
    sellers = frames["sellers"].set_index("seller_id")
    stars = frames["order_reviews"].assign(score=lambda one: one["review_score"].astype(int))
    rows = []
    for seller, group in some.groupby("seller_id"):
        scores = stars[stars["order_id"].isin(set(group["order_id"]))]["score"]
        rows.append(
            (
                -int(group["price"].sum()),
                seller,
                sellers.loc[seller, "seller_city"],
                sellers.loc[seller, "seller_state"],
                group["order_id"].nunique(),
                len(group),
                len(scores),
                ratio(scores.sum(), len(scores), 2) if len(scores) else None,
            )
        )
    rows.sort(key=lambda row: row[:2])
    expected = [(1 + sum(other[0] < row[0] for other in rows), *row[1:6], money(-row[0]), *row[6:]) for row in rows]
    assert [tuple(row.values()) for row in generated.ask("seller_ranking", limit=10_000)] == expected


def test_payment_mix(generated, frames):
    payments = frames["order_payments"].assign(
        cents=lambda one: one["payment_value"].map(cents), parts=lambda one: one["payment_installments"].astype(int)
    )
    total = int(payments["cents"].sum())
    expected = []
    for kind, group in payments.groupby("payment_type"):
        value, count = int(group["cents"].sum()), len(group)
        share, parts = ratio(100 * value, total, 1), ratio(group["parts"].sum(), count, 1)
        expected.append((kind, count, group["order_id"].nunique(), money(value), share, parts))
    expected.sort(key=lambda row: (-row[3], row[0]))
    assert [tuple(row.values()) for row in generated.ask("payment_mix")] == expected


def test_review_by_delay(generated, delivered, frames):
    reviews = frames["order_reviews"].merge(delivered[["order_id", "late"]], on="order_id")
    score = reviews["review_score"].astype(int)
    edges = [-10_000, -8, -1, 0, 3, 7, 10_000]
    names = [
        "more than 7 days early",
        "1 to 7 days early",
        "on the day",
        "1 to 3 days late",
        "4 to 7 days late",
        "more than 7 days late",
    ]
    expected = []
    for name, group in reviews.groupby(pd.cut(reviews["late"], edges, labels=names), observed=True):
        stars, count = score[group.index], len(group)
        ones = ratio(100 * (stars == 1).sum(), count, 1)
        expected.append((name, group["order_id"].nunique(), count, ratio(stars.sum(), count, 2), ones))
    assert [tuple(row.values()) for row in generated.ask("review_by_delay")] == expected
    assert [row[0] for row in expected] == names


def test_monthly_growth(generated, alive, items):
    worth = items.groupby("order_id")[["price", "freight"]].sum().reindex(alive["order_id"], fill_value=0)
    months = worth.groupby(alive["month"].to_numpy()).agg(["sum", "size"])
    expected, before = [], None
    for month, row in months.iterrows():
        revenue = int(row[("price", "sum")])
        growth = None if before is None else ratio(100 * (revenue - before), before, 1)
        previous = None if before is None else money(before)
        expected.append(
            (
                month.start_time.date(),
                row[("price", "size")],
                money(revenue),
                money(row[("freight", "sum")]),
                previous,
                growth,
            )
        )
        before = revenue
    assert [tuple(row.values()) for row in generated.ask("olist_monthly_growth")] == expected


def test_top_customers(generated, alive, items, frames):
    spent = items.assign(cents=items["price"] + items["freight"]).groupby("order_id")["cents"].sum()
    bought = alive.merge(frames["customers"], on="customer_id").sort_values(["purchase_timestamp", "order_id"])
    bought["cents"] = bought["order_id"].map(spent).fillna(0).astype(int)
    people = bought.groupby("customer_unique_id").agg(
        city=("customer_city", "last"),
        state=("customer_state", "last"),
        total_orders=("cents", "size"),
        cents=("cents", "sum"),
    )
    best = people.reset_index().sort_values(["cents", "customer_unique_id"], ascending=[False, True]).head(200)
    best["total_spent"] = best.pop("cents").map(money)
    assert generated.ask("olist_top_customers", limit=200) == best.to_dict("records")


def test_data_quality(generated, orders, items, frames):
    paid = frames["order_payments"].assign(c=lambda one: one["payment_value"].map(cents)).groupby("order_id")["c"].sum()
    due = items.assign(c=items["price"] + items["freight"]).groupby("order_id")["c"].sum()
    both = due.index.intersection(paid.index)
    products = frames["products"]["product_category_name"]
    known = set(frames["product_category_name_translation"]["product_category_name"])
    found = {row["check_name"]: (row["failing"], row["total"]) for row in generated.ask("olist_data_quality")}
    count = len(orders)
    status, arrived = orders["order_status"], orders["delivered_customer_date"]
    expected = {
        "order is not paid what its items cost": (int((due[both] != paid[both]).sum()), count),
        "order without items": (int((~orders["order_id"].isin(due.index)).sum()), count),
        "order without payments": (int((~orders["order_id"].isin(paid.index)).sum()), count),
        "order without its customer": (0, count),
        "delivered order without a day of delivery": (int(((status == "delivered") & arrived.isna()).sum()), count),
        "order delivered before it was placed": (0, count),
        "item without its order": (0, len(items)),
        "item without its product": (0, len(items)),
        "item without its seller": (0, len(items)),
        "item without a price": (0, len(items)),
        "product without a category": (int((products == "").sum()), len(products)),
        "category without a translation": (int((~products.isin(known | {""})).sum()), len(products)),
        "review without its order": (0, len(frames["order_reviews"])),
    }
    assert found == expected
