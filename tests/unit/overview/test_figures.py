"""The figures of the overview are those that plain Python counts from the files, to the cent."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal

import pytest

from orderlake import Lake
from orderlake.generate import generate
from orderlake.overview import Period, bounds_of, chosen, days_of, figures_of
from orderlake.samples import sample_paths
from tests.reference import NOON, new_lake, order, written
from tests.unit.overview.recount import of_olist, of_orders, of_shopify

TODAY = date(2030, 1, 1)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A lake with a year of each shop, and the same facts by hand."""
    root = tmp_path_factory.mktemp("overview") / "lake"
    lake = Lake.init(root)
    files = {
        "orders": generate("orders", 1500, 3, root / "raw", None, date(2024, 3, 1), 400),
        "olist": generate("olist", 800, 3, root / "raw", None, date(2024, 3, 1), 400),
        "shopify": generate("shopify", 600, 3, root / "raw", None, date(2024, 3, 1), 400),
    }
    assert {report.status for report in lake.run()} == {"loaded"}
    hand = {
        "orders": of_orders(files["orders"]),
        "olist": of_olist(root / "raw"),
        "shopify": of_shopify(files["shopify"]),
    }
    yield lake, hand
    lake.close()


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """The same of the samples, corrections and all."""
    root = tmp_path_factory.mktemp("samples") / "lake"
    lake = Lake.init(root)
    for kind in ("orders", "olist", "shopify"):
        for path in sample_paths(kind):
            shutil.copy(path, root / "raw")
            lake.run([root / "raw" / path.name])
    hand = {
        "orders": of_orders(sample_paths("orders")),
        "olist": of_olist(root / "raw"),
        "shopify": of_shopify(sample_paths("shopify")),
    }
    yield lake, hand
    lake.close()


def shown(lake, name, choose):
    with lake.session() as session:
        keeper = lake.overview(session)
        kept = keeper.counted(next(shop for shop in keeper.shops() if shop.name == name))
        days = days_of(keeper.engine, kept)
        period = choose(bounds_of(days.dates, TODAY))
        figures = figures_of(keeper.engine, kept, days, period)
        keeper.close()
        return figures


PERIODS = {
    "month": lambda bounds: chosen("30d", bounds),
    "quarter": lambda bounds: chosen("90d", bounds),
    "year": lambda bounds: chosen("12m", bounds),
    "all": lambda bounds: chosen("all", bounds),
    "months and days": lambda bounds: Period(date(2024, 6, 14), date(2024, 11, 2)),
    "whole months": lambda bounds: Period(date(2024, 6, 1), date(2024, 8, 31)),
}


@pytest.mark.parametrize("choice", PERIODS)
@pytest.mark.parametrize("source", ["generated", "samples"])
@pytest.mark.parametrize("shop", ["orders", "olist", "shopify"])
def test_every_figure_is_what_plain_python_counts(shop, source, choice, request):
    lake, hand = request.getfixturevalue(source)
    figures = shown(lake, shop, PERIODS[choice])
    by_hand = hand[shop]
    period, before = figures.period, figures.period.before
    wanted = by_hand.figures(period)
    basket = (wanted["Revenue"] / wanted["Orders"]).quantize(Decimal("0.01")) if wanted["Orders"] else None
    got = {one.name: one.value for one in figures.measures}
    if wanted["Orders"]:
        assert got == {**wanted, "Average basket": basket}
    else:
        assert got["Orders"] == got["Revenue"] == 0
    if figures.measures[0].before is not None:
        past = {one.name: one.before for one in figures.measures}
        for name, value in by_hand.figures(before).items():
            assert past[name] == value
        assert min(row[1] for row in by_hand.orders) <= before.first
    top = [(one.name, one.amount, one.units) for one in figures.categories if not one.others]
    assert top == by_hand.top(period, 1, 10)
    products = [(one.name, one.amount, one.units) for one in figures.products if not one.others]
    assert products == by_hand.top(period, 2, 10)
    assert sum(one.units for one in figures.products) == wanted["Units"]
    if shop == "olist" and figures.delivery is not None:
        assert (figures.delivery.on_time, figures.delivery.late) == by_hand.late(period)
        places = by_hand.places(period)
        assert {one.name: (one.orders, one.days, one.late) for one in figures.delivery.places}.items() <= places.items()
        assert len(figures.delivery.places) == min(12, len(places))


def test_the_steps_of_a_period_add_up_to_it(generated):
    figures = shown(generated[0], "orders", PERIODS["quarter"])
    assert len(figures.buckets) == 90
    for name in ("Revenue", "Orders", "Units", "New customers"):
        assert sum(figures.measure(name).course) == figures.measure(name).value
    assert sum(figures.firsts) == figures.measure("New customers").value
    assert sum(figures.firsts) + sum(figures.repeats) == figures.measure("Orders").value
    assert sum(figures.revenue_before) == figures.measure("Revenue").before


def test_a_customer_is_new_once_and_an_order_without_one_is_neither(tmp_path):
    with new_lake(tmp_path) as lake:
        ann, bob = {"customer_id": 1}, {"customer_id": 2}
        orders = [
            order(1, "A", day="2024-01-01", customer=ann),
            order(2, "A", day="2024-01-01", customer=ann),
            order(3, "A", day="2024-01-05", customer=ann),
            order(4, "A", day="2024-01-05", customer=bob),
            order(5, "A", day="2024-01-06"),
        ]
        written(lake, lake.project.raw / "orders_1.json", orders, NOON)
        lake.run()
        figures = shown(lake, "orders", lambda bounds: Period(date(2024, 1, 5), date(2024, 1, 6)))
        assert (figures.firsts, figures.repeats, figures.unknown) == ((1, 0), (1, 0), 1)
        assert shown(lake, "orders", PERIODS["all"]).measure("New customers").value == 2


def test_there_is_no_change_where_the_shop_had_not_begun(tmp_path):
    with new_lake(tmp_path) as lake:
        written(lake, lake.project.raw / "orders_1.json", [order(1, "A", day="2024-01-01")], NOON)
        lake.run()
        figures = shown(lake, "orders", PERIODS["month"])
        assert {one.change for one in figures.measures} == {None}
        assert figures.revenue_before is None


def test_an_order_of_a_year_to_come_moves_no_period():
    days = [date(2024, 1, 1), date(2024, 2, 1), date(2205, 1, 1)]
    assert bounds_of(days, date(2025, 1, 1)) == (date(2024, 1, 1), date(2024, 2, 1))
    assert bounds_of(days[2:], date(2025, 1, 1)) == (date(2205, 1, 1), date(2205, 1, 1))
    assert bounds_of([], date(2025, 1, 1)) is None


def test_all_the_years_that_a_calendar_has_can_be_asked_for(samples):
    figures = shown(samples[0], "orders", lambda bounds: Period(date.min, date.max))
    assert len(figures.buckets) == 9999
    assert figures.measure("Orders").value == 13
    assert sum(figures.measure("Orders").course) == 13
