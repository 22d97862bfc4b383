"""Marts: a SELECT in a file becomes a table that others can read, and is replaced as a whole."""

from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from orderlake.errors import ConfigError, QueryError
from tests.reference import NOON, SECOND, new_lake, order, written

DAILY = "SELECT order_date, count(*) AS orders, sum(total_amount) AS revenue FROM orders GROUP BY order_date;"


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        written(opened, opened.project.raw / "orders_1.json", [order(1, "A", total="20.50"), order(2)], NOON)
        opened.run()
        (tmp_path / "marts").mkdir()
        yield opened


def declare(lake, name, sql):
    (lake.project.root / "marts" / f"{name}.sql").write_text(sql, "utf-8")


def test_a_project_without_marts_builds_none(lake):
    assert lake.marts() == []


def test_a_mart_is_a_table_that_can_be_asked(lake):
    declare(lake, "daily", DAILY)
    assert [mart.as_dict() for mart in lake.marts()] == [{"table": "daily", "rows": 1}]
    assert lake.query("SELECT orders, revenue FROM daily").rows == ((2, Decimal("30.50")),)


def test_a_mart_built_again_is_the_answer_of_now(lake):
    declare(lake, "daily", DAILY)
    lake.marts()
    written(lake, lake.project.raw / "orders_2.json", [order(3)], NOON + SECOND)
    lake.run()
    assert lake.query("SELECT orders FROM daily").rows == ((2,),)
    lake.marts()
    assert lake.query("SELECT orders FROM daily").rows == ((3,),)
    assert [file.name for file in (lake.project.lake / "daily").iterdir()] == ["daily.parquet"]


def test_types_that_only_duckdb_has_are_made_common_ones(lake):
    declare(lake, "wide", 'SELECT sum(order_id) AS h, 1::UTINYINT AS u, 1.5::FLOAT AS f, \'x\' AS "a ""b" FROM orders')
    lake.marts()
    types = [str(field.type) for field in pq.read_schema(lake.project.lake / "wide" / "wide.parquet")]
    assert types == ["decimal128(38, 0)", "int32", "double", "string"]


def test_a_type_that_others_cannot_read_is_refused_by_name(lake):
    declare(lake, "nested", "SELECT [1, 2] AS numbers")
    with pytest.raises(QueryError, match=r"nested\.sql: column numbers is a INTEGER\[\]"):
        lake.marts()


def test_a_mart_with_a_fault_is_named_and_leaves_the_table_as_it_was(lake):
    declare(lake, "daily", DAILY)
    lake.marts()
    declare(lake, "daily", "SELECT nothing FROM orders")
    with pytest.raises(QueryError, match=r"daily\.sql"):
        lake.marts()
    assert lake.query("SELECT orders FROM daily").rows == ((2,),)


@pytest.mark.parametrize(("name", "said"), [("orders", "a table orders already"), ("da-ily", "letters, digits")])
def test_a_mart_needs_a_name_of_its_own(lake, name, said):
    declare(lake, name, DAILY)
    with pytest.raises(ConfigError, match=said):
        lake.marts()
