"""The models mean the same on both engines: what is compiled for Athena, run by an emulation, gives equal marts."""

import re
from pathlib import Path

import duckdb
import pytest

from tests.bundled_models import SHOPS, left, models
from tests.emulators.trino_on_duckdb import MACROS, on_duckdb

pytestmark = pytest.mark.slow


@pytest.fixture
def target(for_athena):
    return for_athena / "-".join(SHOPS)


def trino(node, connection):
    """A compiled node as DuckDB's SQL, by way of Trino's grammar and types."""
    sql = re.sub(r'"awsdatacatalog"\."\w+"\.', "", Path(node["compiled_path"]).read_text("utf-8"))
    columns: dict[str, dict[str, str]] = {}
    found = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'memory'"
    for table, column, kind in connection.execute(found).fetchall():
        columns.setdefault(table, {})[column] = kind
    return on_duckdb(sql, columns)


@pytest.mark.parametrize(("project", "wrong"), [("samples", {"fct_orders_reconcile"}), ("generated", set())])
def test_athenas_sql_gives_the_same_marts_in_the_same_types_and_passes_the_same_tests(request, project, wrong, target):
    built = request.getfixturevalue(project) / ".orderlake" / "dbt" / "marts.duckdb"
    manifest = left(target)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for macro in MACROS:
        connection.execute(macro)
    connection.execute(f"ATTACH '{built}' AS built (READ_ONLY)")
    sources = "SELECT view_name FROM duckdb_views() WHERE database_name = 'built' AND schema_name = 'lake'"
    for (table,) in connection.execute(sources).fetchall():
        connection.execute(f'CREATE TABLE "{table}" AS FROM built.lake."{table}"')
    todo = dict(models(manifest))
    while todo:
        waiting = {f"model.orderlake.{name}" for name in todo}
        name = next(name for name, node in todo.items() if not waiting.intersection(node["depends_on"]["nodes"]))
        connection.execute(f'CREATE TABLE "{name}" AS {trino(todo.pop(name), connection)}')
    marts = [name for name, node in models(manifest).items() if node["original_file_path"].startswith("models/marts/")]
    assert len(marts) == 16
    for name in marts:
        here, there = f'"{name}"', f'built.marts."{name}"'
        assert connection.execute(f"DESCRIBE {here}").fetchall() == connection.execute(f"DESCRIBE {there}").fetchall()
        assert connection.execute(f"FROM {here} EXCEPT ALL FROM {there}").fetchall() == [], name
        assert connection.execute(f"FROM {there} EXCEPT ALL FROM {here}").fetchall() == [], name
        assert connection.execute(f"SELECT count(*) > 0 FROM {here}").fetchone() == (True,), name
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    failing = {node["name"] for node in tests if connection.execute(trino(node, connection)).fetchall()}
    assert failing == wrong


def test_athena_is_given_no_type_that_a_view_or_a_table_of_its_own_would_refuse(target):
    for name, node in models(left(target)).items():
        sql = Path(node["compiled_path"]).read_text("utf-8").lower()
        precise = "timestamp(6)" in sql
        assert not (precise and node["config"]["materialized"] == "view"), name
        assert re.findall(r"as (varchar\(|char\b|timestamp with|real|smallint|tinyint)", sql) == [], name
        moments = [column for column in node["columns"] if column.endswith("_at") or column.startswith("valid_")]
        is_table = node["config"]["materialized"] != "view"
        assert not is_table or sql.count("as timestamp(6)") == len(moments), name
