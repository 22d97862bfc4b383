"""Exports of a lake in buckets: its rows in files of this machine, and a reason where that cannot be."""

import duckdb
import pytest

from orderlake.errors import ConfigError
from orderlake.exporting import Export
from tests.e2e.test_lake_on_aws import Shop
from tests.reference import order

pytestmark = pytest.mark.e2e


@pytest.fixture
def lake(aws, tmp_path):
    shop = Shop(aws, tmp_path, "orders")
    shop.put("orders_1.json", [order(1, "A", "B", total="20.50"), order(2)])
    with shop.lake() as opened:
        opened.run()
        yield opened


def test_rows_in_a_bucket_come_into_a_file_that_needs_no_keys(lake, tmp_path):
    done = lake.export(Export("duckdb", tmp_path / "x.duckdb", copy=True))
    assert {one.table: one.rows for one in done}["order_lines"] == 2
    with duckdb.connect(str(tmp_path / "x.duckdb"), read_only=True) as connection:
        assert (
            tuple(connection.execute("FROM orders ORDER BY 1").fetchall()) == lake.query("FROM orders ORDER BY 1").rows
        )
    assert {one.fresh for one in lake.export(Export("duckdb", tmp_path / "x.duckdb", copy=True))} == {False}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables_in_a_bucket_become_files_here(lake, tmp_path, form):
    lake.export(Export(form, tmp_path / "out", ("orders",)))
    read = duckdb.execute(
        f"SELECT order_id, total_amount::DECIMAL(18,2) FROM '{tmp_path}/out/orders.{form}' ORDER BY 1"
    )
    assert [str(row[1]) for row in read.fetchall()] == ["20.50", "10.00"]


def test_views_of_a_bucket_are_refused_with_what_to_do_instead(lake, tmp_path):
    with pytest.raises(ConfigError, match="say --copy for a file with the rows in it, or connect the tool to Athena"):
        lake.export(Export("duckdb", tmp_path / "x.duckdb"))
    assert not (tmp_path / "x.duckdb").exists()
