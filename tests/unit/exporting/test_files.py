"""Exports to CSV and Parquet: the same values as a query gives, whole files or none, in any reader."""

import csv
import gzip
import io

import duckdb
import pyarrow.parquet as pq
import pytest

from orderlake.errors import ConfigError, NotFoundError, QueryError, StorageUnavailableError
from orderlake.exporting import Export
from orderlake.values import csv_row
from tests.unit.exporting.conftest import NASTY

EVERY_TYPE = """
SELECT 200.50::DECIMAL(18,2) AS amount, 0.1::DOUBLE AS rate, 'nan'::DOUBLE AS odd, 1e20::DOUBLE AS huge, true AS yes,
  NULL AS nothing, DATE '2024-01-05' AS day, TIMESTAMP '2024-01-05 10:00:00' AS moment,
  TIMESTAMP '2024-01-05 10:00:00.5' AS exact, TIMESTAMPTZ '2024-01-05 10:00:00+00' AS zoned, '\\xAB'::BLOB AS bytes,
  '' AS empty, 'a,"b"' AS marks, ' x' AS spaced, 9007199254740993 AS big, 'a' || chr(13) || chr(10) || 'b' AS broken,
  NULL::VARCHAR AS none, 1.5::DECIMAL(4,1) AS "odd, ""x"" y"
"""


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_every_table_becomes_a_csv_file_with_the_text_that_query_prints(lake, tmp_path):
    done = lake.export(Export("csv", tmp_path / "out"))
    assert names(tmp_path / "out") == sorted(f"{one.table}.csv" for one in done)
    for one in done:
        asked = lake.query(f"SELECT * FROM {one.table}")
        text = "".join(f"{csv_row(row)}\r\n" for row in (asked.columns, *asked.rows))
        assert one.file.read_bytes().decode() == text
        assert one.rows == len(asked.rows)


def test_a_csv_cell_of_any_type_is_written_as_query_writes_it(lake, tmp_path):
    (one,) = lake.export(Export("csv", tmp_path / "x.csv", sql=EVERY_TYPE))
    asked = lake.query(EVERY_TYPE)
    assert one.file.read_bytes().decode() == "".join(f"{csv_row(row)}\r\n" for row in (asked.columns, *asked.rows))


def test_lists_and_structs_are_json_in_csv(lake, tmp_path):
    lake.export(Export("csv", tmp_path / "x.csv", sql="SELECT [1, NULL] AS l, {'a': 'x'} AS s"))
    assert next(csv.reader(io.StringIO((tmp_path / "x.csv").read_text().splitlines()[1]))) == ["[1,null]", '{"a":"x"}']


def test_a_lone_null_is_still_a_row_of_csv(lake, tmp_path):
    lake.export(Export("csv", tmp_path / "x.csv", sql="SELECT NULL::INTEGER AS x UNION ALL SELECT 1"))
    assert (tmp_path / "x.csv").read_bytes() == b'x\r\n""\r\n1\r\n'


def test_a_csv_file_read_by_others_has_the_texts_that_went_in(lake, tmp_path):
    sql = "SELECT customer_name, total_amount FROM orders ORDER BY order_id"
    lake.export(Export("csv", tmp_path / "x.csv", sql=sql))
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert [row[0] for row in rows] == [*NASTY, ""]
    assert rows[-1][1] == "12345678901234.56"


def test_texts_that_a_spreadsheet_would_run_are_disarmed_when_asked_for_and_numbers_are_not(lake, tmp_path):
    sql = "SELECT customer_name AS t, -total_amount AS n FROM orders ORDER BY order_id"
    lake.export(Export("csv", tmp_path / "x.csv", sql=sql, excel_safe=True))
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    risky = {"=1+1", "@cmd", "-1", "+1", "\t=1"}
    assert [row[0] for row in rows] == [f"'{text}" if text in risky else text for text in NASTY] + [""]
    assert rows[0][1] == "-1.10"


def test_csv_is_compressed_when_asked_for(lake, tmp_path):
    lake.export(Export("csv", tmp_path, ("orders",)))
    lake.export(Export("csv", tmp_path, ("orders",), gzip=True))
    assert gzip.decompress((tmp_path / "orders.csv.gz").read_bytes()) == (tmp_path / "orders.csv").read_bytes()


def test_parquet_keeps_decimals_and_dates_as_they_are(lake, tmp_path):
    lake.export(Export("parquet", tmp_path / "out", ("orders",)))
    schema = pq.read_schema(tmp_path / "out" / "orders.parquet")
    assert str(schema.field("total_amount").type) == "decimal128(18, 2)"
    assert str(schema.field("order_date").type) == "date32[day]"
    rows = duckdb.execute(f"FROM '{tmp_path}/out/orders.parquet' ORDER BY order_id").fetchall()
    assert tuple(rows) == lake.query("FROM orders ORDER BY order_id").rows


def test_columns_of_lineage_are_left_out_when_asked_for(lake, tmp_path):
    lake.export(Export("parquet", tmp_path, ("orders", "order_lines"), lineage=False))
    for table in ("orders", "order_lines"):
        assert not [column for column in pq.read_schema(tmp_path / f"{table}.parquet").names if column.startswith("_")]


def test_only_the_tables_named_are_exported(lake, tmp_path):
    done = lake.export(Export("csv", tmp_path / "out", ("order_lines", "order_lines")))
    assert [one.as_dict() for one in done] == [
        {"table": "order_lines", "file": str(tmp_path / "out" / "order_lines.csv"), "rows": 20, "fresh": True}
    ]
    with pytest.raises(NotFoundError, match="no table nope; there are orders, order_lines"):
        lake.export(Export("csv", tmp_path / "out", ("nope",)))


def test_a_statement_may_end_in_a_comment_or_a_semicolon(lake, tmp_path):
    for sql in ("SELECT 1 AS a;", "SELECT 1 AS a -- one", "SELECT 1 AS a; -- that is all", "SELECT 1 AS a;;\n"):
        lake.export(Export("csv", tmp_path / "x.csv", sql=sql))
        assert (tmp_path / "x.csv").read_bytes() == b"a\r\n1\r\n"


@pytest.mark.parametrize(
    "sql", ["DROP VIEW orders", "SELECT 1; SELECT 2", "COPY orders TO 'x.csv'", "", "SELECT nope", "SELECT '\udcff'"]
)
def test_what_is_not_one_select_is_refused_and_leaves_the_old_file(lake, tmp_path, sql):
    (tmp_path / "x.csv").write_text("old")
    with pytest.raises(QueryError):
        lake.export(Export("csv", tmp_path / "x.csv", sql=sql))
    assert (tmp_path / "x.csv").read_text() == "old"
    assert names(tmp_path) == ["shop", "x.csv"]


def test_an_export_that_fails_half_way_leaves_the_old_file_and_no_part(lake, tmp_path):
    (tmp_path / "x.csv").write_text("old")
    sql = "SELECT CASE WHEN i = 900000 THEN error('stop') ELSE i END AS i FROM range(1000000) AS t(i)"
    with pytest.raises(QueryError, match="stop"):
        lake.export(Export("csv", tmp_path / "x.csv", sql=sql))
    assert (tmp_path / "x.csv").read_text() == "old"
    assert names(tmp_path) == ["shop", "x.csv"]


def test_what_a_killed_export_left_is_swept_and_what_a_living_one_writes_is_not(lake, tmp_path):
    dead = tmp_path / f".x.csv.part-{2**22 + 1}-{'0' * 32}"
    living, other = tmp_path / f".x.csv.part-1-{'0' * 32}", tmp_path / f".y.csv.part-{2**22 + 1}-{'0' * 32}"
    for file in (dead, living, other):
        file.touch()
    lake.export(Export("csv", tmp_path / "x.csv", sql="SELECT 1"))
    assert [file.exists() for file in (dead, living, other)] == [False, True, True]


def test_a_file_that_cannot_be_written_is_named(lake, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file"):
        lake.export(Export("csv", tmp_path / "file" / "below" / "x.csv", sql="SELECT 1"))
    with pytest.raises(StorageUnavailableError, match="too long"):
        lake.export(Export("csv", tmp_path / ("x" * 250), sql="SELECT 1"))
    with pytest.raises(ConfigError, match="is a folder: name a file"):
        lake.export(Export("csv", tmp_path, sql="SELECT 1"))
    with pytest.raises(ConfigError, match="is a file: name a folder"):
        lake.export(Export("csv", tmp_path / "file"))


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"form": "duckdb", "sql": "SELECT 1"}, "leave --table and --duckdb out"),
        ({"form": "csv", "sql": "SELECT 1", "tables": ("orders",)}, "leave --table and --duckdb out"),
        ({"form": "csv", "copy": True}, "say --duckdb FILE"),
        ({"form": "parquet", "gzip": True}, "are for CSV"),
        ({"form": "duckdb", "excel_safe": True}, "are for CSV"),
    ],
)
def test_wishes_that_exclude_each_other_are_refused(lake, tmp_path, wish, said):
    with pytest.raises(ConfigError, match=said):
        lake.export(Export(target=tmp_path / "x", **wish))
