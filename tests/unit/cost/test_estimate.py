"""A month, estimated: each figure follows from the workload, and the promise of a dollar is where it is said to be."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orderlake.cost.estimate import crawler, estimate, largest
from orderlake.cost.prices import price_table
from orderlake.cost.workload import ASSUMPTIONS, Workload

TABLE = price_table()
USUAL = Workload()


def quantities(load: Workload) -> dict[str, Decimal]:
    return {charge.price.key: charge.quantity for charge in estimate(load, TABLE).charges}


def test_ten_thousand_orders_in_ten_files_a_day_cost_less_than_a_dollar_after_the_free_tier():
    found = estimate(USUAL, TABLE)
    assert found.due < 1
    assert found.full > 1  # the dashboard alone is three, where nothing is free


def test_totals_are_the_sums_of_the_charges():
    found = estimate(USUAL, TABLE)
    assert found.full == sum(charge.quantity * charge.price.usd for charge in found.charges)
    assert found.due == sum(charge.due for charge in found.charges)
    assert len({charge.price.key for charge in found.charges}) == len(found.charges)


def test_an_empty_queue_is_asked_for_messages_all_month():
    assert quantities(Workload(orders=0, files=0))["sqs.requests"] == 5 * 730 * 3600 // 20 == 657_000


def test_a_query_scans_ten_megabytes_at_least():
    assert quantities(replace(USUAL, queries=3, scan_mb=0.1))["athena.scanned"] == 30_000_000
    assert quantities(replace(USUAL, queries=3, scan_mb=50))["athena.scanned"] == 150_000_000


def test_requests_grow_with_files_and_seconds_with_orders():
    more_files, more_orders = quantities(replace(USUAL, files=600)), quantities(replace(USUAL, orders=1_000_000))
    usual = quantities(USUAL)
    assert more_files["dynamodb.write"] == 2 * usual["dynamodb.write"]
    assert more_files["glue.requests"] > usual["glue.requests"]
    assert more_orders["s3.get"] == usual["s3.get"]
    assert more_orders["lambda.arm64"] > usual["lambda.arm64"]


def test_memory_is_paid_for_by_the_second():
    assert quantities(replace(USUAL, memory_mb=1024))["lambda.arm64"] == 2 * quantities(USUAL)["lambda.arm64"]
    assert "lambda.arm64" not in quantities(replace(USUAL, architecture="x86_64"))


def test_the_hourly_scan_looks_up_every_file_that_it_can_see():
    all_time, three_days = quantities(replace(USUAL, scan_days=0))["dynamodb.read"], quantities(USUAL)["dynamodb.read"]
    assert all_time - three_days == 730 * (3600 - 30)


def test_history_is_looked_up_by_the_weekly_scan_alone():
    """A hundred times as long a history costs a sixtieth of what it would if each scan saw all of it."""
    one, hundred = (quantities(replace(USUAL, months=months))["dynamodb.read"] for months in (1, 101))
    assert hundred - one == Decimal("4.35") * 100 * USUAL.files
    assert quantities(replace(USUAL, months=0))["dynamodb.read"] == 25 * USUAL.files


def test_custom_metrics_are_few_enough_to_be_free():
    (metrics,) = (each for each in estimate(USUAL, TABLE).charges if each.price.key == "cloudwatch.metrics")
    assert 0 < metrics.quantity < 4
    assert metrics.due == 0


def test_a_key_of_one_s_own_costs_a_dollar():
    found = {charge.price.key: charge for charge in estimate(replace(USUAL, kms=True), TABLE).charges}
    assert found["kms.keys"].full == 1
    assert found["kms.requests"].quantity > 0
    assert "kms.keys" not in quantities(USUAL)


def test_storage_is_that_of_all_months_kept():
    one, twelve = quantities(replace(USUAL, months=1))["s3.storage"], quantities(USUAL)["s3.storage"]
    assert twelve - one == 11 * USUAL.raw_gb * Decimal("1.4")


def test_where_a_dollar_stops_being_enough_is_where_the_estimate_passes_it():
    most = largest(USUAL, TABLE, Decimal(1), lambda found: found.due)
    assert most is not None
    assert most >= USUAL.orders
    assert estimate(USUAL.scaled(most * 0.999 / USUAL.orders), TABLE).due <= 1  # to the file
    assert estimate(USUAL.scaled(most * 1.01 / USUAL.orders), TABLE).due > 1


def test_where_nothing_is_free_no_shop_has_it_for_a_dollar():
    assert largest(USUAL, TABLE, Decimal(1), lambda found: found.full) is None


@pytest.mark.parametrize(("dpus", "dollars", "factor"), [(1, "53.53", 122), (2, "107.07", 243)])
def test_the_original_s_crawler_costs_a_hundred_times_what_it_said(dpus, dollars, factor):
    found = crawler(dpus, TABLE)
    assert round(found.dollars, 2) == Decimal(dollars)
    assert round(found.factor) == factor


def test_every_assumption_says_what_it_means_and_where_it_is_from():
    for one in ASSUMPTIONS.values():
        assert one.meaning
        assert one.source
