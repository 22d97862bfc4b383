"""`orderlake query`: exact values in every format, and nothing but reading."""

import csv
import io
import sys

import pytest

EVERY_TYPE = """
SELECT 200.50::DECIMAL(18,2) AS amount, 0.1::DOUBLE AS rate, 'nan'::DOUBLE AS odd, true AS yes, NULL AS nothing,
  DATE '2024-01-05' AS day, TIMESTAMP '2024-01-05 10:00:00' AS moment, [1, NULL] AS list, {'a': 1.10} AS struct,
  '\\xAB'::BLOB AS bytes, '' AS empty, 'a,"b"' AS marks, 9007199254740993 AS big
"""


def test_a_table_is_aligned_with_numbers_to_the_right(cli, loaded):
    answer = cli("query", "SELECT customer_name, total_amount, order_id FROM orders ORDER BY order_id")
    assert answer.lines == [
        "customer_name  total_amount  order_id",
        "-------------  ------------  --------",
        "Jürgen, Weiß         200.50         1",
        "NULL                   0.00         2",
        "(2 rows)",
    ]


def test_json_keeps_every_digit(cli, loaded):
    answer = cli("query", EVERY_TYPE, "--json")
    assert answer.lines[1] == (
        '{"amount": 200.50, "rate": 0.1, "odd": null, "yes": true, "nothing": null, "day": "2024-01-05", '
        '"moment": "2024-01-05T10:00:00", "list": [1, null], "struct": {"a": 1.10}, "bytes": "ab", "empty": "", '
        '"marks": "a,\\"b\\"", "big": 9007199254740993}'
    )
    assert answer.json[0]["big"] == 9007199254740993


def test_csv_is_as_rfc_4180_has_it(cli, loaded):
    answer = cli("query", EVERY_TYPE, "--format", "csv")
    header, row = answer.out.split("\r\n")[:2]
    assert header == "amount,rate,odd,yes,nothing,day,moment,list,struct,bytes,empty,marks,big"
    expected = (
        '200.50,0.1,nan,true,,2024-01-05,2024-01-05T10:00:00,"[1, null]","{""a"": 1.10}",ab,"","a,""b""",'
        "9007199254740993"
    )
    assert row == expected
    assert answer.out.endswith("\r\n")
    assert len(next(iter(csv.reader(io.StringIO(expected))))) == 13


def test_a_lone_null_is_still_a_row_of_csv(cli, loaded):
    assert cli("query", "SELECT NULL AS x", "--format", "csv").out == 'x\r\n""\r\n'


def test_json_format_and_the_json_flag_are_the_same(cli, loaded):
    sql = "SELECT * FROM orders"
    assert cli("query", sql, "--format", "json").out == cli("query", sql, "--json").out


def test_no_rows_are_an_empty_list_or_a_header(cli, loaded):
    sql = "SELECT order_id FROM orders WHERE false"
    assert cli("query", sql, "--json").json == []
    assert cli("query", sql, "--format", "csv").out == "order_id\r\n"
    assert cli("query", sql).lines[-1] == "(0 rows)"


def test_columns_of_the_same_name_are_told_apart_in_json(cli, loaded):
    assert cli("query", "SELECT 1 AS a, 2 AS a, 3 AS A_2", "--json").json == [{"a": 1, "a_2": 2, "A_2": 3}]


def test_line_ends_and_escapes_in_data_do_not_reach_the_terminal(cli, loaded):
    answer = cli("query", "SELECT 'a' || chr(10) || chr(27) || '[31m' AS x")
    assert answer.lines[2] == "a\\n\\x1b[31m"


def test_sql_is_read_from_stdin(cli, loaded, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 1 AS one"))
    assert cli("query", "-", "--json").json == [{"one": 1}]


def test_sql_is_read_from_a_file(cli, loaded):
    (loaded / "q.sql").write_text("-- a report\nSELECT 'ü' AS u;\n", "utf-8")
    assert cli("query", "--file", "q.sql", "--json").json == [{"u": "ü"}]


def test_a_file_of_sql_that_is_not_there_is_named(cli, loaded):
    answer = cli("query", "--file", "nope.sql")
    assert (answer.code, answer.err) == (66, "orderlake: there is no file nope.sql\n")


@pytest.mark.parametrize("words", [[], ["SELECT 1", "--file", "q.sql"]])
def test_one_statement_has_to_be_given_one_way(cli, loaded, words):
    answer = cli("query", *words)
    assert answer.code == 78
    assert "give one statement" in answer.err


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO orders VALUES (1)",
        "UPDATE orders SET order_id = 1",
        "DELETE FROM orders",
        "DROP VIEW orders",
        "CREATE TABLE x AS SELECT 1",
        "ATTACH 'x.db'",
        "COPY orders TO 'x.csv'",
        "EXPORT DATABASE 'x'",
        "SET memory_limit = '1GB'",
        "INSTALL httpfs",
        "SELECT 1; DROP VIEW orders",
        "",
    ],
)
def test_what_is_not_a_select_is_refused_with_a_remedy(cli, loaded, sql):
    before = sorted(loaded.iterdir())
    answer = cli("query", sql)
    assert (answer.code, answer.out) == (65, "")
    assert "tables change only by `orderlake run`" in answer.err
    assert sorted(loaded.iterdir()) == before


def test_a_mistake_in_sql_is_answered_with_the_tables_there_are(cli, loaded):
    answer = cli("query", "SELECT * FROM order", "--json")
    assert answer.code == 65
    answer = cli("query", "SELECT * FROM nope")
    assert answer.code == 65
    assert "The tables are: orders, order_lines" in answer.err


def test_a_local_file_can_be_asked_too(cli, loaded):
    (loaded / "rates.csv").write_text("currency,rate\nEUR,1.1\n", "utf-8")
    assert cli("query", "SELECT currency FROM 'rates.csv'", "--json").json == [{"currency": "EUR"}]


def test_a_plan_is_shown_as_drawn(cli, loaded):
    assert len(cli("query", "EXPLAIN SELECT 1").lines) > 3
