"""`orderlake query` on measures that a statement counts more than once."""

import json

import pytest

from orderlake.lake import Lake
from tests.unit.cli.test_query_athena import athena, deployed  # noqa: F401 - fixtures

WRONG = "SELECT order_date, sum(total_amount) AS daily_revenue FROM orders_parquet_datalake GROUP BY order_date"
RIGHT = "SELECT order_date, SUM(total_amount) AS daily_revenue FROM orders GROUP BY order_date"
TWO_LINES = [
    {
        "order_id": 1001,
        "order_date": "2024-01-05",
        "total_amount": 200.50,
        "customer": {"customer_id": 7},
        "products": [
            {"product_id": "p1", "price": 25.0, "quantity": 2},
            {"product_id": "p2", "price": 45.0, "quantity": 1},
        ],
    }
]
MESSAGE = (
    "total_amount is the order's, and orders_parquet_datalake has one row per product: it is counted once per product. "
    f"Count each order once: {RIGHT}"
)


@pytest.fixture
def two_lines(project, cli):
    (project / "raw" / "orders.json").write_text(json.dumps(TWO_LINES), "utf-8")
    assert cli("run").code == 0
    return project


def test_the_daily_revenue_of_the_wide_table_is_warned_of_and_the_proposed_one_is_right(cli, two_lines):
    wrong = cli("query", WRONG, "--format", "csv")
    assert (wrong.code, wrong.err) == (0, f"orderlake: warning: {MESSAGE}\n")
    assert wrong.lines[1] == "2024-01-05,401.0"
    right = cli("query", RIGHT, "--format", "csv")
    assert (right.err, right.lines[1]) == ("", "2024-01-05,200.50")


def test_in_json_the_warning_is_json_on_stderr_and_the_answer_is_as_ever(cli, two_lines):
    answer = cli("query", WRONG, "--json")
    assert answer.json == [{"order_date": "2024-01-05", "daily_revenue": 401.0}]
    assert json.loads(answer.err) == {
        "warning": "FanOut",
        "column": "total_amount",
        "table": "orders_parquet_datalake",
        "message": MESSAGE,
        "instead": RIGHT,
    }


def test_strict_refuses_before_anything_runs(cli, loaded):
    answer = cli("query", WRONG, "--strict")
    assert (answer.code, answer.out) == (65, "")
    assert answer.err == f"orderlake: {MESSAGE}\n"
    assert json.loads(cli("query", WRONG, "--strict", "--json").err) == {"error": "QueryError", "message": MESSAGE}


def test_strict_lets_what_is_right_pass(cli, loaded):
    answer = cli("query", RIGHT, "--strict")
    assert (answer.code, answer.err) == (0, "")


def test_a_mistake_in_sql_is_the_engines_to_say(cli, loaded):
    answer = cli("query", f"{WRONG} GROUP", "--strict")
    assert answer.code == 65
    assert "syntax error" in answer.err


def test_athena_is_not_asked_what_strict_refuses(cli, athena):  # noqa: F811 - the fixture
    assert cli("query", WRONG, "--strict", "--on", "athena").code == 65
    assert athena.executions == {}
    answer = cli("query", WRONG, "--on", "athena")
    assert answer.code == 0
    assert MESSAGE in answer.err


def test_a_mart_of_the_project_is_known_by_its_select(cli, loaded):
    (loaded / "marts").mkdir()
    text = "SELECT o.order_id, o.total_amount, l.category FROM orders o JOIN order_lines l USING (order_id)"
    (loaded / "marts" / "flat.sql").write_text(text, "utf-8")
    with Lake(loaded) as lake:
        (found,) = lake.lint("SELECT category, sum(total_amount) FROM flat GROUP BY category")
        assert (found.column, found.table) == ("total_amount", "orders")
        assert lake.lint("SELECT count(*) FROM flat") == []


def test_the_export_of_a_statement_is_warned_of_too(cli, two_lines):
    exported = cli("export", "--csv", "wrong.csv", "--sql", WRONG)
    assert (exported.code, exported.err) == (0, f"orderlake: warning: {MESSAGE}\n")
    assert cli("export", "--csv", "right.csv", "--sql", RIGHT).err == ""
