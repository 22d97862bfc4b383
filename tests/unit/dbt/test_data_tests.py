"""The tests that dbt runs with each build catch what they are there for: they are shown tables that are wrong."""

import shutil
from pathlib import Path

import duckdb
import pytest

from tests.bundled_models import SHOPS, left, on_duckdb, pipelines, run_dbt, write_profile

pytestmark = pytest.mark.slow

HISTORY = "dim_customers_history_is_unbroken"
VERSION = "INSERT INTO dim_customers (customer_key, version, valid_from, valid_to, is_current) VALUES "
FINE = {"success", "pass", "no-op"}
WRONG = [
    (HISTORY, VERSION + "('x', 1, '2024-01-01', '2024-03-01', false), ('x', 2, '2024-02-01', NULL, true)"),  # overlap
    (HISTORY, VERSION + "('x', 1, '2024-01-01', '2024-02-01', false), ('x', 2, '2024-03-01', NULL, true)"),  # gap
    (HISTORY, VERSION + "('x', 1, '2024-01-01', '2024-02-01', false)"),  # ends
    (HISTORY, VERSION + "('x', 1, '2024-01-01', NULL, false)"),  # nothing is current
    (HISTORY, VERSION + "('x', 2, '2024-01-01', NULL, true)"),  # begins with 2
    (HISTORY, VERSION + "('x', 1, '2024-01-01', '2024-01-01', false), ('x', 2, '2024-01-01', NULL, true)"),  # no time
    ("dim_dates_has_every_day", "DELETE FROM dim_dates WHERE date_day = '2018-02-10'"),
    ("dim_dates_has_every_day", "INSERT INTO dim_dates (date_day) VALUES ('2018-02-10')"),
    (
        "fct_orders_lines_total_is_that_of_its_lines",
        "UPDATE fct_order_lines SET gross_amount = gross_amount + 0.01 WHERE line_key = 'orders:1001:1'",
    ),
    (
        "fct_orders_lines_total_is_that_of_its_lines",
        "DELETE FROM fct_order_lines WHERE order_key = 'orders:1003'",
    ),
    (
        "fct_orders_lines_total_is_that_of_its_lines",
        "DELETE FROM fct_orders WHERE order_key = 'orders:1003'",
    ),
    (
        "agg_daily_sales_revenue_is_that_of_the_orders",
        "DELETE FROM agg_daily_sales WHERE shop = 'orders' AND day = '2024-01-17'",
    ),
    (
        "agg_daily_sales_units_are_those_of_the_lines",
        "UPDATE agg_daily_sales SET units = units + 1 WHERE shop = 'shopify' AND day = '2024-10-23'",
    ),
    (
        "agg_daily_category_sales_revenue_is_that_of_the_lines",
        "DELETE FROM agg_daily_category_sales WHERE shop = 'olist'",
    ),
    ("unique_together_agg_daily_sales_shop__day", "INSERT INTO agg_daily_sales FROM agg_daily_sales LIMIT 1"),
    ("unique_fct_order_lines_line_key", "INSERT INTO fct_order_lines FROM fct_order_lines LIMIT 1"),
    (
        "fct_order_lines_belong_to_an_order",
        "UPDATE fct_order_lines SET order_key = 'x' WHERE line_key = 'orders:1001:1'",
    ),
    ("fct_orders_customer_has_a_version", "UPDATE fct_orders SET customer_version_key = NULL WHERE order_id = '1001'"),
    ("not_negative_fct_orders_total_amount", "UPDATE fct_orders SET total_amount = -0.01 WHERE order_id = '1001'"),
    (
        "fct_orders_have_one_currency_per_shop",
        "UPDATE fct_orders SET currency = 'EUR' WHERE order_id = '820982911946154508'",
    ),
    ("agg_daily_delivery_is_on_time_or_late", "UPDATE agg_daily_delivery SET late = late + 1"),
    ("fct_refunds_ties_out", "UPDATE fct_refunds SET refund_amount = refund_amount - 0.01"),
]


@pytest.fixture
def broken(samples, tmp_path):
    """A copy of the built tables, to be broken. Its name is part of what the tests ask."""
    shutil.copyfile(samples / ".orderlake" / "dbt" / "marts.duckdb", tmp_path / "marts.duckdb")
    with duckdb.connect(tmp_path / "marts.duckdb") as connection:
        connection.execute("USE marts.marts")
        yield connection


@pytest.fixture(scope="module")
def asked(samples):
    """What each test asks, by name."""
    nodes = left(samples / ".orderlake" / "dbt" / "target")["nodes"].values()
    tests = {node["name"]: node for node in nodes if node["resource_type"] == "test"}
    return {name: Path(node["compiled_path"]).read_text("utf-8") for name, node in tests.items()}


@pytest.mark.parametrize(("test", "wrong"), WRONG)
def test_what_is_wrong_is_caught_by(test, wrong, broken, asked):
    assert broken.execute(asked[test]).fetchall() == []
    broken.execute(wrong)
    assert broken.execute(asked[test]).fetchall() != []


def test_the_one_order_of_the_samples_whose_lines_are_not_its_total_is_a_warning(samples, broken, asked):
    assert broken.execute(f"SELECT order_key FROM ({asked['fct_orders_reconcile']})").fetchall() == [("orders:1001",)]
    results = left(samples / ".orderlake" / "dbt" / "target", "run_results")["results"]
    odd = {result["unique_id"].split(".")[2]: result["status"] for result in results if result["status"] not in FINE}
    assert odd == {"fct_orders_reconcile": "warn"}


def test_dbts_own_unit_tests_of_the_models_pass(broken, tmp_path):
    broken.close()
    write_profile(tmp_path, duckdb=on_duckdb(tmp_path / "marts.duckdb"))
    words = ["test", "--select", "test_type:unit", *pipelines(*SHOPS), "--target-path", str(tmp_path / "target")]
    run_dbt(tmp_path, words)
    results = left(tmp_path / "target", "run_results")["results"]
    assert {result["status"] for result in results} == {"pass"}
    assert len(results) == 7
