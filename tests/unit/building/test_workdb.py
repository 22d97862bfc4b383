"""The private database: whose models made what stands there, and what is wrong with it."""

import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pytest

from orderlake.building.dbt import Workshop
from orderlake.building.failures import refuse_failed
from orderlake.building.origin import Origin, heads_of, origin_of
from orderlake.building.workdb import begin, complete, profile, rows
from orderlake.errors import CheckFailedError, QueryError, TransientError
from orderlake.query.duckdb import QueryTable
from orderlake.query.room import room_mb
from orderlake.tables.layout import system_layouts
from tests.reference import NOON, new_lake, order, written

NOTHING = Origin([], {})
SO = "so nothing was published"


@pytest.fixture
def database(tmp_path):
    return tmp_path / "dbt" / "marts.duckdb"


def test_everything_is_built_anew_until_the_same_models_have_built_all_of_it(database):
    assert begin(database, NOTHING, "a")
    assert begin(database, NOTHING, "a")  # it was begun, and not completed
    complete(database, "a")
    assert not begin(database, NOTHING, "a")
    assert begin(database, NOTHING, "b")
    assert begin(database, NOTHING, "a")  # b may have built some of it


def test_a_database_that_cannot_be_read_is_begun_again(database):
    begin(database, NOTHING, "a")
    complete(database, "a")
    database.write_bytes(b"no database" * 1000)
    database.with_name("marts.duckdb.wal").write_bytes(b"no log")
    assert begin(database, NOTHING, "a")


def test_a_build_that_has_spilled_goes_on(database, tmp_path):
    with new_lake(tmp_path / "shop") as lake:
        told = profile(lake.project, database, tmp_path / "spill")
    begin(database, NOTHING, "a")
    with duckdb.connect(str(database), config={**told["config_options"], "memory_limit": "64MB"}) as connection:
        connection.execute("SET threads = 1")
        for name in ("a", "b"):  # what dbt says to each of its cursors
            cursor = connection.cursor()
            for key, value in told["settings"].items():
                cursor.execute(f"SET {key} = '{value}'")
            cursor.execute(f"CREATE TEMP TABLE {name} AS SELECT md5(CAST(range AS VARCHAR)) AS h FROM range(2000000)")
        assert any((tmp_path / "spill").iterdir())


def test_a_database_that_another_program_has_open_is_left_alone(database):
    begin(database, NOTHING, "a")
    code = f"import duckdb, sys; c = duckdb.connect({str(database)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(TransientError, match="is in use: another build is at work"):
            begin(database, NOTHING, "a")
        other.stdin.close()


def test_tables_are_views_and_one_without_files_has_its_columns(database, tmp_path):
    file = tmp_path / "it's.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a) TO '{str(file).replace(chr(39), chr(39) * 2)}'")
    begin(database, Origin([QueryTable("gone", [str(file)], {})], {}), "a")
    tables = [QueryTable("full", [str(file)], {"a": "INTEGER"}), QueryTable("none", [], {"x": "DATE"})]
    begin(database, Origin(tables, {}), "a")
    assert rows(database, "SELECT * FROM lake.full") == (["a"], [(1,)])
    assert rows(database, "SELECT * FROM lake.none") == (["x"], [])
    assert rows(database, "SELECT view_name FROM duckdb_views() WHERE schema_name = 'lake' ORDER BY ALL")[1] == [
        ("full",),
        ("none",),
    ]


def test_heads_change_with_the_tables_and_an_origin_has_those_of_its_files(tmp_path):
    with new_lake(tmp_path) as lake:
        empty = heads_of(lake._backends)
        assert origin_of(lake._backends).heads == empty
        own = [layout.name for layout in system_layouts()]
        assert set(empty) == {"orders", "order_lines", "orders_parquet_datalake", *own}
        assert set(empty.values()) == {None}
        written(lake, lake.project.raw / "orders_1.json", [order(1, "A")], NOON)
        lake.run()
        heads = heads_of(lake._backends)
        changed = {table for table, head in heads.items() if head != empty[table]}
        assert changed == {"orders", "order_lines", "orders_parquet_datalake", "check_results"}
        origin = origin_of(lake._backends)
    assert origin.heads == heads
    assert {table.name: len(table.files) for table in origin.tables} == {
        "orders": 1, "order_lines": 1, "orders_parquet_datalake": 1, **dict.fromkeys(own, 0), "check_results": 1,
    }  # fmt: skip


def test_dbt_gets_what_the_machine_can_spare_and_fetches_nothing(tmp_path, database):
    with new_lake(tmp_path / "shop") as lake:
        found = profile(lake.project, database, tmp_path / "spill")
    assert (found["path"], found["schema"]) == (str(database), "marts")
    assert found["config_options"]["memory_limit"] == f"{room_mb(512)}MB"
    assert not found["config_options"]["autoinstall_known_extensions"]


@pytest.mark.parametrize(("said", "given"), [(64, 512), (700, 700)])
def test_dbt_gets_the_memory_that_the_project_says_and_enough_for_windows(tmp_path, database, said, given):
    with new_lake(tmp_path / "shop") as lake:
        found = profile(replace(lake.project, memory_mb=said), database, tmp_path / "spill")
    assert found["config_options"]["memory_limit"] == f"{given}MB"


@dataclass(frozen=True)
class Left(Workshop):
    """A workshop in which dbt has left these results."""

    left: tuple[dict[str, Any], ...] = ()

    def manifest(self):
        file = {"original_file_path": "models/marts.yml"}
        return {"nodes": {"test.unique": {"name": "unique_fct", **file}, "model.fct": {"name": "fct", **file}}}

    def results(self):
        return list(self.left)


def test_nothing_is_said_of_what_went_well(tmp_path):
    for status in ("success", "pass", "warn", "skipped"):
        refuse_failed(Left(tmp_path, ({"unique_id": "test.unique", "status": status},)), SO)


def test_the_first_rows_of_a_failed_test_are_shown_and_how_to_see_the_rest(tmp_path):
    workshop = Left(
        tmp_path,
        ({"unique_id": "test.unique", "status": "fail", "failures": 7, "relation_name": "failures.unique_fct"},),
    )
    begin(workshop.database, NOTHING, "a")
    with duckdb.connect(workshop.database) as connection:
        connection.execute("CREATE SCHEMA failures")
        connection.execute("CREATE TABLE failures.unique_fct AS SELECT n AS id, NULL AS name FROM range(7) AS t(n)")
    with pytest.raises(CheckFailedError) as failed:
        refuse_failed(workshop, SO)
    lines = str(failed.value).splitlines()
    assert lines[:3] == [
        "1 test failed, so nothing was published",
        "- unique_fct (models/marts.yml): 7 rows should not be",
        "    id=0, name=NULL",
    ]
    assert sum(line.startswith("    id=") for line in lines) == 5
    assert "SELECT * FROM failures.unique_fct" in lines[-2]
    assert lines[-1] == f"The log: {workshop.log}"


def test_a_model_that_broke_comes_with_the_reason_and_a_test_whose_rows_are_gone_is_told_all_the_same(tmp_path):
    workshop = Left(
        tmp_path,
        (
            {"unique_id": "model.fct", "status": "error", "message": "no column x"},
            {"unique_id": "test.unique", "status": "fail", "failures": 1, "relation_name": "failures.gone"},
        ),
    )
    with pytest.raises(QueryError) as failed:
        refuse_failed(workshop, SO)
    assert "1 model could not be built" in str(failed.value)
    assert "- fct (models/marts.yml): no column x" in str(failed.value)
    assert "- unique_fct (models/marts.yml): 1 row should not be" in str(failed.value)
