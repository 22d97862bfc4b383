"""Athena as it is called: a real boto3 client against an endpoint of our own, answered by DuckDB.

What only a real account can show, Trino's reading of the SQL above all, is not shown here.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import botocore.endpoint
import pytest

from orderlake import clients
from orderlake.config import AwsSettings
from orderlake.cost.actual import query_cost
from orderlake.errors import CatalogUnavailableError, ConfigError, QueryError
from orderlake.query.athena import AthenaEngine
from tests.emulators.athena import Athena

TABLES = {
    "orders": {
        "order_id": "BIGINT",
        "order_date": "DATE",
        "total_amount": "DECIMAL(18,2)",
        "customer_name": "VARCHAR",
        "seen": "TIMESTAMP",
        "loaded": "TIMESTAMPTZ",
        "rate": "DOUBLE",
        "paid": "BOOLEAN",
        "small": "INTEGER",
    }
}
SETTINGS = AwsSettings("shop", "eu-central-1", "s3://r/raw", "s3://l/lake", "s3://o/pipelines", "shop", "shop", "shop")


def prepare(connection):
    columns = ", ".join(f"{name} {kind}" for name, kind in TABLES["orders"].items())
    connection.execute(f"CREATE TABLE orders ({columns})")
    connection.execute(
        "INSERT INTO orders VALUES (9007199254740993, '2024-01-05', 1234567890123456.78, 'Jürgen, \"W\"', "
        "'2024-01-05 23:30:00.123456', '2024-01-05 23:30:00+00', 0.1, true, 7), "
        "(2, NULL, NULL, '', NULL, NULL, 'Infinity', false, NULL)"
    )


@pytest.fixture
def athena(monkeypatch):
    with Athena(prepare, TABLES) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", endpoint.url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda _: None)
        clients.forget_clients()
        yield endpoint
        for made in [clients.client("athena", SETTINGS.region)]:
            made.close()
        clients.forget_clients()


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def engine(clock):
    return AthenaEngine(SETTINGS, TABLES, query_cost, pause=clock.pause, clock=clock)


def test_every_type_comes_back_as_itself(athena, engine):
    result = engine.run("SELECT * FROM orders ORDER BY order_id DESC")
    assert result.columns == tuple(TABLES["orders"])
    assert result.types[2] == "DECIMAL(18,2)"
    assert result.rows == (
        (
            9007199254740993,
            date(2024, 1, 5),
            Decimal("1234567890123456.78"),
            'Jürgen, "W"',
            datetime(2024, 1, 5, 23, 30, 0, 123456),  # noqa: DTZ001 - it has no zone
            datetime(2024, 1, 5, 23, 30, tzinfo=UTC),
            0.1,
            True,
            7,
        ),
        (2, None, None, "", None, None, float("inf"), False, None),
    )
    assert [type(value) for value in result.rows[0]] == [int, date, Decimal, str, datetime, datetime, float, bool, int]


def test_values_have_the_types_that_duckdb_gives_them(athena, engine):
    result = engine.run("SELECT date_trunc('month', order_date), sum(small), avg(total_amount) FROM orders GROUP BY 1")
    row = next(row for row in result.rows if row[0] is not None)
    assert row[:2] == (datetime(2024, 1, 1), 7)  # noqa: DTZ001 - it has no zone
    assert isinstance(row[2], float)
    assert result.types == ("TIMESTAMP", "HUGEINT", "DOUBLE")


def test_the_statistics_and_the_cost_come_with_the_rows(athena, engine):
    athena.scanned = 2_000_000_000
    stats = engine.run("SELECT 1 AS one").stats
    assert stats is not None
    assert (stats.engine, stats.bytes_scanned, stats.engine_seconds, stats.queue_seconds) == (
        "athena", 2_000_000_000, 0.812, 0.095,
    )  # fmt: skip
    assert stats.cost == Decimal("0.01")
    assert stats.location == f"s3://ops/athena-results/{stats.query_id}.csv"
    assert stats.query_id in athena.executions


def test_a_query_that_scans_little_costs_what_ten_megabytes_cost(athena, engine):
    athena.scanned = 1
    stats = engine.run("SELECT 1 AS one").stats
    assert stats is not None
    assert stats.cost == Decimal("0.00005")


def test_it_looks_again_ever_more_seldom_until_the_query_is_done(athena, engine, clock):
    engine.run("SELECT 1 AS one")
    assert athena.calls == ["StartQueryExecution", *["GetQueryExecution"] * 3, "GetQueryResults"]
    assert clock.waits == [0.1, 0.2]


def test_a_long_answer_is_read_page_by_page_without_losing_or_doubling_a_row(athena, engine):
    result = engine.run(
        "WITH d AS (SELECT n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12)) AS s(n)) "
        "SELECT a.n * 169 + b.n * 13 + c.n AS x FROM d a CROSS JOIN d b CROSS JOIN d c ORDER BY x"
    )
    assert [row[0] for row in result.rows] == list(range(13**3))
    assert athena.calls.count("GetQueryResults") == 3


def test_rows_that_look_like_the_header_are_rows(athena, engine):
    assert engine.run("SELECT 'x' AS x").rows == (("x",),)


def test_no_rows_are_no_rows(athena, engine):
    assert engine.run("SELECT order_id FROM orders WHERE order_id = 1").rows == ()


def test_an_explanation_has_no_header(athena, engine):
    result = engine.run("EXPLAIN SELECT order_id FROM orders")
    assert result.columns == ("Query Plan",)
    assert len(result.rows) > 2


def test_tables_keep_their_names_and_the_database_is_the_context(athena, engine):
    engine.run("SELECT order_id FROM orders")
    (execution,) = athena.executions.values()
    assert execution.sql == "SELECT orders.order_id AS order_id FROM orders AS orders"
    assert execution.error is None


def test_another_database_is_not_found(athena):
    other = AwsSettings("shop", "eu-central-1", "s3://r/raw", "s3://l/lake", "s3://o/p", "shop", "other", "shop")
    with pytest.raises(QueryError, match="SCHEMA_NOT_FOUND"):
        AthenaEngine(other, TABLES, pause=lambda _: None).run("SELECT 1 AS one")


def test_a_failure_is_told_in_athena_s_words_with_the_sql_it_was_asked(athena, engine):
    with pytest.raises(QueryError) as caught:
        engine.run("SELECT CAST(customer_name AS BIGINT) AS x FROM orders")
    assert "GENERIC_USER_ERROR: Conversion Error" in str(caught.value)
    assert "Athena was asked: SELECT CAST(orders.customer_name AS BIGINT) AS x" in str(caught.value)


def test_what_only_duckdb_can_answer_is_never_sent(athena, engine):
    with pytest.raises(QueryError, match="approx_quantile"):
        engine.run("SELECT median(order_id) FROM orders")
    with pytest.raises(QueryError, match="read-only"):
        engine.run("DROP TABLE orders")
    assert athena.calls == []


def test_the_scan_limit_is_explained_with_its_remedy(athena, engine):
    athena.cutoff = 1_000_000
    with pytest.raises(QueryError) as caught:
        engine.run("SELECT * FROM orders")
    assert "Bytes scanned limit was exceeded" in str(caught.value)
    assert "more than 1,000,000 bytes" in str(caught.value)
    assert "--set scan_limit=" in str(caught.value)
    assert "filter by the column that the table is partitioned by" in str(caught.value)


def test_the_scan_limit_is_explained_even_where_the_workgroup_may_not_be_read(athena, engine):
    athena.cutoff = 1_000_000
    athena.fault("GetWorkGroup", "AccessDeniedException", "no")
    with pytest.raises(QueryError, match="more than a limit"):
        engine.run("SELECT * FROM orders")


@pytest.mark.parametrize("call", ["StartQueryExecution", "GetQueryExecution", "GetQueryResults"])
def test_throttling_is_waited_out(athena, engine, call):
    athena.fault(call, "TooManyRequestsException", "Rate exceeded", times=3)
    assert engine.run("SELECT 1 AS one").rows == ((1,),)
    assert len(athena.executions) == 1


def test_throttling_without_end_says_to_try_again(athena, engine):
    athena.fault("StartQueryExecution", "TooManyRequestsException", "Rate exceeded", times=100)
    with pytest.raises(CatalogUnavailableError, match="Rate exceeded"):
        engine.run("SELECT 1 AS one")


def test_a_query_that_takes_too_long_is_stopped_there_too(athena, clock):
    athena.never_ends = True
    engine = AthenaEngine(SETTINGS, TABLES, timeout=5, pause=clock.pause, clock=clock)
    with pytest.raises(QueryError, match="within 5 s"):
        engine.run("SELECT 1 AS one")
    assert [execution.stopped for execution in athena.executions.values()] == [True]
    assert max(clock.waits) <= 2


def test_ctrl_c_stops_the_query(athena):
    athena.never_ends = True

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AthenaEngine(SETTINGS, TABLES, pause=interrupted).run("SELECT 1 AS one")
    assert [execution.stopped for execution in athena.executions.values()] == [True]


def test_a_query_stopped_by_somebody_else_is_said_to_be_cancelled(athena):
    def stop(_):
        for execution in athena.executions.values():
            execution.stopped = True

    with pytest.raises(QueryError, match="the query was cancelled"):
        AthenaEngine(SETTINGS, TABLES, pause=stop).run("SELECT 1 AS one")


def test_credentials_that_are_refused_are_a_matter_of_settings(athena, engine):
    athena.fault("StartQueryExecution", "AccessDeniedException", "not authorized to perform athena:StartQueryExecution")
    with pytest.raises(ConfigError, match="not authorized"):
        engine.run("SELECT 1 AS one")


def test_a_workgroup_that_is_not_there_is_named(athena):
    other = AwsSettings("shop", "eu-central-1", "s3://r/raw", "s3://l/lake", "s3://o/p", "shop", "shop", "nope")
    with pytest.raises(QueryError, match="WorkGroup nope is not found"):
        AthenaEngine(other, TABLES).run("SELECT 1 AS one")


def test_a_deployment_without_a_workgroup_says_so():
    bare = AwsSettings("shop", "eu-central-1", "s3://r/raw", "s3://l/lake", "s3://o/p", "shop", "shop")
    with pytest.raises(ConfigError, match="no Athena workgroup"):
        AthenaEngine(bare, TABLES).run("SELECT 1 AS one")
