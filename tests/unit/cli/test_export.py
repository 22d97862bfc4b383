"""`orderlake export`: what it says, and what it refuses."""

import duckdb
import pytest


def test_a_duckdb_file_is_announced_with_what_its_views_are(cli, loaded):
    answer = cli("export", "--duckdb", "shop.duckdb")
    assert answer.code == 0
    assert answer.lines[0].startswith("shop.duckdb  6 views, ")
    assert answer.lines[1].endswith("export again after a load or a build, or --copy the rows")
    assert cli("export", "--duckdb", "shop.duckdb").lines == [
        "shop.duckdb is up to date: nothing was loaded or built since it was made"
    ]
    with duckdb.connect("shop.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2,)


def test_a_copy_is_announced_with_its_rows(cli, loaded):
    assert cli("export", "--duckdb", "shop.duckdb", "--copy").lines[0].startswith("shop.duckdb  6 tables, 9 rows, ")


def test_files_are_listed_with_their_rows(cli, loaded):
    answer = cli("export", "--csv", "out", "--table", "orders", "--no-lineage", "--gzip")
    assert answer.lines[0].startswith("out/orders.csv.gz  2 rows, ")


def test_json_tells_the_same(cli, loaded):
    assert cli("export", "--parquet", "out", "--table", "orders", "--json").json == [
        {"table": "orders", "file": "out/orders.parquet", "rows": 2, "fresh": True}
    ]


def test_the_answer_of_a_statement_or_of_a_saved_query_is_one_file(cli, loaded):
    assert cli("export", "--csv", "a.csv", "--sql", "SELECT order_id FROM orders ORDER BY 1").code == 0
    assert (loaded / "a.csv").read_bytes() == b"order_id\r\n1\r\n2\r\n"
    (loaded / "queries").mkdir()
    (loaded / "queries" / "mine.sql").write_text(
        "-- title: Mine\n-- question: Which?\n-- grain: one row\n-- parameter: least int = 1    the least\n"
        "SELECT $least AS least\n"
    )
    assert cli("export", "--csv", "b.csv", "--saved", "mine", "--param", "least=7").code == 0
    assert (loaded / "b.csv").read_bytes() == b"least\r\n7\r\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "one of the arguments --duckdb --parquet --csv is required"),
        (["--csv", "a", "--parquet", "b"], 2, "not allowed with argument"),
        (["--csv", ""], 78, "--csv needs the name of a folder"),
        (["--csv", "a", "--param", "x=1"], 78, "name it with --saved"),
        (["--csv", "a", "--table", "nope"], 66, "there is no table nope; there are orders"),
        (["--duckdb", "orderlake.yaml"], 78, "is no export of orderlake"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_a_remedy(cli, loaded, words, code, said):
    answer = cli("export", *words)
    assert answer.code == code
    assert said in answer.err
