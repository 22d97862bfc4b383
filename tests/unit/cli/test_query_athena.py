"""`orderlake query --on athena`: the tables of a project, asked at an endpoint that stands in for Athena."""

import json

import pytest

from orderlake import clients
from orderlake.lake import Lake
from orderlake.querying import declared, query_tables
from tests.emulators.athena import Athena

OUTPUTS = {
    "name": "shop",
    "region": "eu-central-1",
    "raw": "s3://shop-raw/raw",
    "lake": "s3://shop-lake/lake",
    "pipelines": "s3://shop-ops/pipelines",
    "table": "shop",
    "database": "shop",
    "workgroup": "shop",
}
REVENUE = "SELECT order_date, count(*) AS n, sum(total_amount) AS revenue FROM orders GROUP BY ALL ORDER BY ALL"


@pytest.fixture
def deployed(loaded):
    (loaded / ".orderlake" / "aws.json").write_text(json.dumps(OUTPUTS), "utf-8")
    return loaded


@pytest.fixture
def athena(deployed, monkeypatch):
    """Athena over the files of the project's own lake; nothing else of AWS answers."""
    with Lake(deployed) as lake:
        tables = [table for table in query_tables(lake._backends) if table.columns]

    def prepare(connection):
        for table in tables:
            source = (
                f"read_parquet({[str(file) for file in table.files]}, hive_partitioning = false)"
                if table.files
                else None
            )
            columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
            connection.execute(f"CREATE TABLE {table.name} ({columns})")
            if source is not None:
                connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM {source}")

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for service in ("DYNAMODB", "S3", "GLUE"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _: None)
    columns = {table.name: table.columns for table in tables}
    with Athena(prepare, columns | {"daily": {"day": "DATE", "orders": "BIGINT"}}) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", endpoint.url)
        clients.forget_clients()
        yield endpoint
        clients.client("athena", "eu-central-1").close()
        clients.forget_clients()


@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize(
    "sql",
    [
        REVENUE,
        "SELECT customer_name, total_amount, order_id FROM orders ORDER BY order_id",
        "SELECT date_trunc('month', order_date) AS m, avg(total_amount) FROM orders GROUP BY 1 ORDER BY 1",
        "SELECT product_name, price * quantity AS sales FROM order_lines",
        "SELECT order_id, price FROM orders_parquet_datalake ORDER BY ALL",
        "SELECT count(*) FROM quarantine",
    ],
)
def test_both_engines_print_the_same(cli, athena, form, sql):
    here, there = cli("query", sql, "--format", form), cli("query", sql, "--format", form, "--on", "athena")
    assert (there.code, there.out) == (0, here.out)
    assert here.err == ""


def test_what_it_took_is_said_beside_the_rows(cli, athena):
    answer = cli("query", "--on", "athena", REVENUE, "--json")
    (query,) = athena.executions
    assert answer.err.splitlines()[-1] == f"athena: 2 rows, 1.2 MB scanned, 0.8 s, $0.000050 ({query})"
    athena.scanned = 20_000_000_000
    assert "20.0 GB scanned, 0.8 s, $0.1000 (" in cli("query", "--on", "athena", REVENUE).err


def test_where_the_tables_cannot_be_read_declared_columns_are_asked_for_and_that_is_said(cli, athena):
    answer = cli("query", "--on", "athena", REVENUE)
    assert (answer.code, len(athena.executions)) == (0, 1)
    assert answer.err.startswith("orderlake: only columns that the pipelines declare were asked for, since others ")
    assert "the DynamoDB table shop" in answer.err.splitlines()[0]


@pytest.mark.parametrize("name", ["daily_orders", "customer_cohorts", "product_performance", "orders_data_quality"])
def test_a_saved_query_prints_the_same_from_both_engines(cli, athena, name):
    here, there = cli("query", "--saved", name), cli("query", "--saved", name, "--on", "athena")
    assert (there.code, there.out) == (0, here.out)
    assert len(athena.executions) == 1


def test_a_saved_query_takes_its_values_to_athena(cli, athena):
    words = ("query", "--saved", "top_customers", "--param", "limit=1", "--param", "start=2024-01-05")
    assert cli(*words, "--on", "athena").out == cli(*words).out
    (execution,) = athena.executions.values()
    assert "CAST('2024-01-05' AS DATE)" in execution.sql
    assert execution.sql.endswith("LIMIT 1")


def test_a_plan_is_shown_as_drawn(cli, athena):
    answer = cli("query", "--on", "athena", "EXPLAIN SELECT order_id FROM orders")
    assert answer.code == 0
    assert len(answer.lines) > 3
    assert "Query Plan" not in answer.lines[0]


def test_a_mart_can_be_asked_by_name(cli, athena, deployed):
    (deployed / "marts").mkdir()
    (deployed / "marts" / "daily.sql").write_text(
        "SELECT order_date AS day, count(*) AS orders FROM orders GROUP BY ALL", "utf-8"
    )
    cli("query", "--on", "athena", "SELECT day, orders FROM daily")
    (execution,) = athena.executions.values()
    assert execution.sql == "SELECT daily.day AS day, daily.orders AS orders FROM daily AS daily"


def test_a_mistake_costs_nothing_and_names_the_tables(cli, athena):
    answer = cli("query", "--on", "athena", "SELECT nope FROM orders")
    assert answer.code == 65
    assert "The tables are: orders, order_lines, orders_parquet_datalake, quarantine" in answer.err
    assert athena.calls == []


def test_a_project_that_is_not_deployed_says_how_to_deploy_it(cli, loaded):
    answer = cli("query", "--on", "athena", "SELECT 1 AS one")
    assert answer.code == 66
    assert "orderlake deploy apply" in answer.err


def test_a_mart_keeps_its_counts_as_athena_has_them(cli, athena, deployed):
    (deployed / "marts").mkdir()
    (deployed / "marts" / "sums.sql").write_text(
        "SELECT sum(quantity) AS n, 1::UTINYINT AS one FROM order_lines", "utf-8"
    )
    with Lake(deployed) as lake:
        assert declared(lake._backends)["sums"] == {"n": "DECIMAL(38,0)", "one": "INTEGER"}


def test_a_mart_that_is_wrong_is_named(cli, athena, deployed):
    (deployed / "marts").mkdir()
    (deployed / "marts" / "daily.sql").write_text("SELECT nope FROM orders", "utf-8")
    answer = cli("query", "--on", "athena", "SELECT count(*) FROM orders")
    assert answer.code == 65
    assert "daily.sql: " in answer.err
    assert athena.calls == []
