"""The catalog's file is that of Iceberg's JDBC catalog: another client opens its tables."""

from contextlib import closing

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from orderlake.catalog.sqlite import SqliteCatalog
from orderlake.model.ports import HeadUpdate
from tests.reference import NOON, SECOND, expected, found, new_lake, order, written


@pytest.fixture
def open_catalog():
    opened = []

    def open_one(path):
        opened.append(SqlCatalog("orderlake", uri=f"sqlite:///{path}", init_catalog_tables="false"))
        return opened[-1]

    yield open_one
    for each in opened:
        each.engine.dispose()


def test_pyiceberg_lists_and_reads_the_tables(tmp_path, open_catalog):
    with new_lake(tmp_path) as lake:
        made = [
            written(
                lake, lake.project.raw / f"orders_{n}.json", [order(1, *"AB"[n:]), order(n + 2, "C")], NOON + n * SECOND
            )
            for n in range(2)
        ]
        for file in made:
            lake.run([lake.project.root / file.uri])
        catalog = open_catalog(lake.project.state / "catalog.db")
        assert ("lake",) in catalog.list_namespaces()
        assert {name for _, name in catalog.list_tables("lake")} >= {"orders", "order_lines", "_index_orders"}
        columns = (
            "order_id",
            "line_number",
            "product_id",
            "product_name",
            "category",
            "price",
            "quantity",
            "order_date",
        )
        scan = catalog.load_table("lake.order_lines").scan(selected_fields=columns)
        rows = sorted((tuple(row[name] for name in columns) for row in scan.to_arrow().to_pylist()), key=repr)
        assert rows == expected(made)["order_lines"] == found(lake)["order_lines"]


def test_namespaces_and_catalogs_do_not_see_each_other(tmp_path):
    path = tmp_path / "c.db"
    with closing(SqliteCatalog(path)) as one, closing(SqliteCatalog(path, namespace="other")) as two:
        one.commit([HeadUpdate("a", None, "one")])
        two.commit([HeadUpdate("a", None, "two")])
        assert (one.heads(["a"])["a"].metadata, two.heads(["a"])["a"].metadata) == ("one", "two")


def test_the_metadata_before_is_kept(tmp_path):
    """As JDBC catalogs do: who looks at the file can see where a table came from."""
    with closing(SqliteCatalog(tmp_path / "c.db")) as catalog:
        catalog.commit([HeadUpdate("a", None, "a1")])
        catalog.commit([HeadUpdate("a", "a1", "a2")])
        rows = catalog._database.rows("SELECT metadata_location, previous_metadata_location FROM iceberg_tables")
    assert rows == [("a2", "a1")]
