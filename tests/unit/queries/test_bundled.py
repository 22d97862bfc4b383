"""What holds of every saved query that ships."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from orderlake.lake import Lake
from orderlake.query.saved import GROUPS, PIPELINES, bundled_folders, saved_queries
from tests.unit.queries.conftest import KINDS, TODAY, Shop

BUNDLED = saved_queries(bundled_folders())
NAMES = sorted(BUNDLED)
ASKED_FOR = {
    "orders": {
        "sales_by_category": "category total_sales order_count",
        "top_customers": "customer_id customer_name total_orders total_spent",
        "product_performance": "product_name category units_sold avg_price revenue",
        "daily_orders": "order_date order_count daily_revenue",
        "basket_size": "pieces order_count order_pct revenue avg_order",
        "repeat_customers": "orders_placed customers customer_pct revenue avg_spent",
        "new_and_returning": "month new_customers returning_customers new_revenue returning_revenue",
        "customer_cohorts": "cohort_month months_since cohort_size customers retained_pct order_count revenue",
        "monthly_growth": "month order_count revenue previous_revenue growth_pct",
    },
    "olist": {
        "revenue_by_category": "category revenue freight items order_count",
        "delivery_performance": "status orders pct",
        "delivery_time_by_state": "state orders avg_days longest_days avg_promised_days late_pct",
        "seller_ranking": "place seller_id seller_city seller_state orders items revenue reviews avg_score",
        "payment_mix": "payment_type payments orders value value_pct avg_installments",
        "review_by_delay": "delay orders reviews avg_score one_star_pct",
        "olist_monthly_growth": "month order_count revenue freight previous_revenue growth_pct",
        "olist_top_customers": "customer_unique_id city state total_orders total_spent",
    },
    "shopify": {
        "net_sales_by_day": "order_date currency order_count gross_sales discounts refunds net_sales",
        "net_sales_by_month": "month currency order_count gross_sales discounts refunds net_sales",
        "top_products": "product_id title currency units_sold units_returned gross_sales discounts refunds net_sales",
        "discount_codes": "code currency order_count discounts gross_sales discount_pct",
    },
    "lake": {
        **dict.fromkeys([f"{kind}_freshness" for kind in KINDS], "table_name row_count newest days_behind"),
        **dict.fromkeys([f"{kind}_data_quality" for kind in KINDS], "check_name failing total pct"),
        "quarantine_reasons": "pipeline field reason records sources newest",
    },
}
"""Columns in order, by group and name: what dashboards are built on."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A lake whose tables have no rows yet."""
    shop = Shop(Lake.init(tmp_path_factory.mktemp("empty"), KINDS))
    yield shop
    shop.close()


def test_there_are_those_that_are_asked_for():
    assert {group: {name for name in NAMES if BUNDLED[name].group == group} for group in GROUPS} == {
        group: set(names) for group, names in ASKED_FOR.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_answers_have_these_columns_and_exact_numbers(samples, name):
    query = BUNDLED[name]
    result = samples.session.query(query.bound({}, TODAY))
    assert " ".join(result.columns) == ASKED_FOR[query.group][name]
    for column, kind in zip(result.columns, result.types, strict=True):
        assert re.fullmatch(r"BIGINT|VARCHAR|DATE|DECIMAL\(\d+,\d\)", kind), f"{column} is a {kind}"


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_draws_columns_of_the_answer(name):
    query = BUNDLED[name]
    assert query.chart is not None
    assert {query.chart.x, *query.chart.y} <= set(ASKED_FOR[query.group][name].split())


@pytest.mark.parametrize("name", NAMES)
def test_both_engines_answer_alike_where_nothing_was_loaded_yet(empty, name):
    rows = empty.ask(name)
    by_check_or_table = name.endswith(("_freshness", "_data_quality"))
    assert bool(rows) == by_check_or_table
    assert all(row.get("row_count", row.get("total")) == 0 for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_rows_come_in_an_order_that_leaves_nothing_to_chance(generated, name):
    """Whatever order the rows of the tables are in."""
    query = BUNDLED[name]
    expected = generated.ask(name)
    for table in query.tables:
        generated.twin.execute(f"CREATE OR REPLACE TEMP VIEW mixed_{table} AS FROM {table} ORDER BY hash({table})")
    sql = re.sub(rf"\b(FROM|JOIN) ({'|'.join(query.tables)})\b", r"\1 mixed_\2 AS \2", query.bound({}, TODAY))
    sql = re.sub(r"\bAS \w+ AS (\w+)", r"AS \1", sql)
    assert sql.count("mixed_") >= len(query.tables)
    answer = generated.twin.execute(sql)
    columns = [column[0] for column in answer.description]
    assert [dict(zip(columns, row, strict=True)) for row in answer.fetchall()] == expected


QUIET_DAYS = {"orders": date(2024, 2, 20), "olist": date(2017, 2, 28), "shopify": date(2024, 11, 19)}
"""Days of the samples with orders, while the days before and after have none."""


@pytest.mark.parametrize("name", [name for name in NAMES if BUNDLED[name].group in QUIET_DAYS])
def test_both_days_of_a_time_are_in_it_and_no_others(samples, name):
    day = date(2024, 2, 1) if name == "customer_cohorts" else QUIET_DAYS[BUNDLED[name].group]
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    found = samples.ask(name, start=day, until=day)
    assert found
    assert samples.ask(name, start=before, until=after) == found
    assert samples.ask(name, start=before, until=before) == samples.ask(name, start=after, until=after) == []


@pytest.mark.parametrize("name", [name for name in NAMES if "limit" in str(BUNDLED[name].parameters)])
def test_no_more_rows_than_the_limit(generated, name):
    everything = generated.ask(name, limit=10**9)
    assert generated.ask(name, limit=2) == everything[:2]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_answers(name):
    query = BUNDLED[name]
    assert query.question.endswith("?")
    assert query.grain.startswith("one row per ")
    assert not query.note or query.note.endswith(".")
    assert all(parameter.about for parameter in query.parameters)
    lines = query.file.read_text("utf-8").splitlines()
    assert max(map(len, lines)) <= 120
    assert all(line == line.rstrip() for line in lines)


def test_names_and_titles_are_told_apart():
    files = [file for folder in bundled_folders() for file in folder.glob("*.sql")]
    assert len({file.stem for file in files}) == len(files)
    assert len({query.title for query in BUNDLED.values()}) == len(files)


def test_every_file_that_ships_is_read():
    root = Path(BUNDLED["daily_orders"].file).parents[1]
    assert sorted(root.rglob("*.sql")) == sorted(query.file for query in BUNDLED.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_has_those_whose_tables_it_declares(tmp_path, kind):
    with Lake.init(tmp_path, [kind]) as lake:
        found = lake.saved_queries()
    wanted = [*ASKED_FOR[kind], f"{kind}_freshness", f"{kind}_data_quality", "quarantine_reasons"]
    assert {query.name for query in found} == set(wanted)
    assert PIPELINES == KINDS
