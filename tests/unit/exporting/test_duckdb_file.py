"""A DuckDB file: opened by a process of its own, with the lake's rows, what they mean, and never half written."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from orderlake.errors import ConfigError
from orderlake.exporting import Export, duckdb_file
from orderlake.tables.layout import system_layouts
from tests.reference import NOON, SECOND, new_lake, order, written

OWN = [layout.name for layout in system_layouts()]
TABLES = sorted(["order_lines", "orders", "orders_parquet_datalake", *OWN])


def asked(file, sql):
    """What a fresh process, which knows nothing of us, reads from the file."""
    script = (
        "import duckdb, json, sys\n"
        "with duckdb.connect(sys.argv[1], read_only=True) as c: rows = c.execute(sys.argv[2]).fetchall()\n"
        "print(json.dumps(rows, default=str))"
    )
    done = subprocess.run([sys.executable, "-c", script, file, sql], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def written_as(file):
    """What changes when a file is written again, or replaced; not when it is read."""
    stat = file.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def texts(rows):
    return json.loads(json.dumps(rows, default=str))


@pytest.mark.parametrize("copy", [False, True])
def test_another_process_finds_every_table_with_the_same_rows(lake, tmp_path, copy):
    file = tmp_path / "shop.duckdb"
    lake.export(Export("duckdb", file, copy=copy))
    for table in TABLES:
        sql = f"SELECT * FROM {table} ORDER BY ALL"
        assert asked(file, sql) == texts(lake.query(sql).rows)
    kind = (
        "duckdb_tables() WHERE NOT internal AND schema_name = 'main'" if copy else "duckdb_views() WHERE NOT internal"
    )
    assert asked(file, f"SELECT {'table' if copy else 'view'}_name FROM {kind} ORDER BY 1") == [[t] for t in TABLES]


def test_brackets_in_the_name_of_a_folder_are_no_pattern(tmp_path):
    with new_lake(tmp_path / "shops [all] *") as lake:
        written(lake, lake.project.raw / "orders_1.json", [order(1, "A", "B")], NOON)
        lake.run()
        lake.export(Export("duckdb", tmp_path / "shop.duckdb"))
    assert asked(tmp_path / "shop.duckdb", "SELECT count(*) FROM orders_parquet_datalake") == [[2]]


def test_rows_are_counted_where_they_are_copied(lake, tmp_path):
    views = lake.export(Export("duckdb", tmp_path / "v.duckdb"))
    copies = lake.export(Export("duckdb", tmp_path / "c.duckdb", copy=True))
    assert {one.rows for one in views} == {None}
    assert {one.table: one.rows for one in copies} == {
        "orders": 11,
        "order_lines": 20,
        "orders_parquet_datalake": 20,
        **dict.fromkeys(OWN, 0),
        "check_results": lake.query("SELECT count(*) FROM check_results").rows[0][0],
    }


def test_tables_and_columns_say_what_they_are(lake, tmp_path):
    file = tmp_path / "shop.duckdb"
    lake.export(Export("duckdb", file))
    comments = dict(asked(file, "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"))
    assert comments["orders"] == "One row per order_id. From pipeline orders, orders."
    assert comments["order_lines"].startswith("One row per entry of products in each record (order_id).")
    columns = asked(file, "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL")
    said = {(table, column): comment for table, column, comment in columns}
    assert said["orders", "customer_name"] == "from customer.name"
    assert said["order_lines", "line_number"] == "its position in products, from 1"
    assert said["orders_parquet_datalake", "total_amount"].endswith("do not sum it here")
    assert "sum" not in said["orders_parquet_datalake", "price"]
    assert said["orders", "_source_file"] == "the file that the row came from"


def test_what_dbt_says_of_its_models_is_said_of_their_tables(lake, tmp_path):
    folder = lake.project.state / "dbt" / "target"
    folder.mkdir(parents=True)
    model = {
        "resource_type": "model",
        "name": "daily",
        "description": "Sales by day.",
        "config": {"meta": {"grain": "one row per day"}},
        "columns": {"orders": {"description": "orders of the day"}, "x": {"description": ""}},
    }
    (folder / "manifest.json").write_text(json.dumps({"nodes": {"model.o.daily": model, "test.o.t": {}}}))
    (lake.project.root / "marts").mkdir()
    (lake.project.root / "marts" / "daily.sql").write_text(
        "SELECT order_date, count(*) AS orders, 1 AS x FROM orders GROUP BY 1"
    )
    lake.marts()
    lake.export(Export("duckdb", tmp_path / "shop.duckdb", ("daily",)))
    columns = asked(
        tmp_path / "shop.duckdb", "SELECT column_name, comment FROM duckdb_columns() WHERE NOT internal ORDER BY 1"
    )
    assert ["orders", "orders of the day"] in columns
    assert ["x", None] in columns
    assert asked(tmp_path / "shop.duckdb", "SELECT comment FROM duckdb_views() WHERE view_name = 'daily'") == [
        ["One row per day. Sales by day."]
    ]


def test_columns_of_lineage_are_left_out_when_asked_for(lake, tmp_path):
    lake.export(Export("duckdb", tmp_path / "x.duckdb", lineage=False))
    assert (
        asked(
            tmp_path / "x.duckdb", "SELECT column_name FROM duckdb_columns() WHERE column_name LIKE '\\_%' ESCAPE '\\'"
        )
        == []
    )


def test_the_file_is_in_a_format_that_old_clients_read(lake, tmp_path):
    lake.export(Export("duckdb", tmp_path / "x.duckdb", copy=True))
    tags = asked(
        tmp_path / "x.duckdb", "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'x'"
    )
    assert tags == [["v1.0.0+"]]


def test_an_unchanged_lake_is_not_exported_twice_and_a_changed_one_is(lake, tmp_path):
    file = tmp_path / "x.duckdb"
    lake.export(Export("duckdb", file))
    before = written_as(file)
    assert {one.fresh for one in lake.export(Export("duckdb", file))} == {False}
    assert written_as(file) == before
    written(lake, lake.project.raw / "orders_2.json", [order(500)], NOON + SECOND)
    lake.run()
    assert asked(file, "SELECT count(*) FROM orders") == [[11]]
    assert {one.fresh for one in lake.export(Export("duckdb", file))} == {True}
    assert asked(file, "SELECT count(*) FROM orders") == [[12]]


def test_other_wishes_make_another_file_of_an_unchanged_lake(lake, tmp_path):
    file = tmp_path / "x.duckdb"
    lake.export(Export("duckdb", file))
    for wish in ({"copy": True}, {"lineage": False}, {"tables": ("orders",)}):
        assert {one.fresh for one in lake.export(Export("duckdb", file, **wish))} == {True}


def test_a_view_of_plain_parquet_follows_the_files_as_they_come(lake, tmp_path):
    file = tmp_path / "x.duckdb"
    lake.export(Export("duckdb", file))
    written(lake, lake.project.raw / "orders_1.json", [order(1, "C")], NOON + SECOND)
    lake.run()
    assert asked(file, "SELECT count(*) FROM orders_parquet_datalake WHERE product_id = 'C'") == [[1]]


def test_a_lake_without_files_gives_views_without_rows(tmp_path):
    with new_lake(tmp_path / "shop") as empty:
        empty.export(Export("duckdb", tmp_path / "x.duckdb"))
    assert asked(tmp_path / "x.duckdb", "SELECT count(*), max(total_amount) FROM orders") == [[0, None]]


def test_a_file_that_is_no_export_is_not_replaced_unless_forced(lake, tmp_path):
    text, database = tmp_path / "letter.txt", tmp_path / "mine.duckdb"
    text.write_text("dear")
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE TABLE precious AS SELECT 1")
    for file in (text, database):
        before = file.read_bytes()
        with pytest.raises(ConfigError, match="is no export of orderlake: name another file, or say --force"):
            lake.export(Export("duckdb", file))
        assert file.read_bytes() == before
        lake.export(Export("duckdb", file, force=True))
        assert asked(file, "SELECT count(*) FROM orders") == [[11]]
    with pytest.raises(ConfigError, match="is a folder"):
        lake.export(Export("duckdb", tmp_path))


def test_a_reader_keeps_the_file_that_it_has_open(lake, tmp_path):
    file = tmp_path / "x.duckdb"
    lake.export(Export("duckdb", file, copy=True))
    script = (
        "import duckdb, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"  # for writing, as some tools open everything: nobody else may read it
        "print('open', flush=True); sys.stdin.readline()\n"
        "print(c.execute('SELECT count(*) FROM orders').fetchone()[0])"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", script, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"
    written(lake, lake.project.raw / "orders_2.json", [order(500)], NOON + SECOND)
    lake.run()
    assert {one.fresh for one in lake.export(Export("duckdb", file, copy=True))} == {True}
    assert reader.communicate("\n")[0] == "11\n"
    assert asked(file, "SELECT count(*) FROM orders") == [[12]]


def test_a_journal_left_beside_the_old_file_is_not_taken_for_the_new_ones(lake, tmp_path):
    file = tmp_path / "x.duckdb"
    lake.export(Export("duckdb", file))
    (tmp_path / "x.duckdb.wal").write_bytes(b"what was not checkpointed")
    lake.export(Export("duckdb", file, force=True))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["shop", "x.duckdb"]
    assert asked(file, "SELECT count(*) FROM orders") == [[11]]


def test_two_exports_at_once_leave_one_whole_file(lake, tmp_path):
    file = tmp_path / "x.duckdb"
    command = [sys.executable, "-m", "orderlake", "--project", lake.project.root, "export", "--duckdb", file, "--copy"]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True, check=False), range(2)))
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    assert asked(file, "SELECT count(*) FROM orders") == [[11]]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["shop", "x.duckdb"]


def test_an_export_that_fails_leaves_the_old_file_and_no_part(lake, tmp_path, monkeypatch):
    file = tmp_path / "x.duckdb"
    lake.export(Export("duckdb", file))
    before = file.read_bytes()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(duckdb_file, "_mark", stop)
    with pytest.raises(KeyboardInterrupt):
        lake.export(Export("duckdb", file, copy=True))
    assert file.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["shop", "x.duckdb"]
