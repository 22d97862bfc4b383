"""Files of saved queries: what their header says, what is wrong with it and where, and which file has a name."""

from datetime import date
from pathlib import Path

import pytest

from orderlake.errors import ConfigError, NotFoundError
from orderlake.query.asked import tables_asked
from orderlake.query.header import Chart
from orderlake.query.parameters import Parameter
from orderlake.query.saved import saved_queries, saved_query

GOOD = """\
-- title: Big orders
-- question: Which orders are worth more
--   than this?
-- grain: one row per order
-- Whoever reads this file may be told more.
-- note: Totals as they are.
-- note: Guests too.
-- parameter: least decimal = 100.00  What an order
--   is worth at least
-- parameter: who string = 'O''Brien  and Sons'  A name
-- parameter: nobody string = ''
-- parameter: since date = today-30
-- chart: stacked order_date total_amount more

-- The statement begins here.
WITH big AS (SELECT * FROM orders WHERE total_amount >= $least AND order_date >= $since)
SELECT * FROM big JOIN order_lines USING (order_id)
WHERE customer_name NOT IN ($who, $nobody)  -- $5 is no parameter
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "queries").mkdir()
    return tmp_path / "queries"


@pytest.fixture
def read(folder):
    """The saved query of a text."""

    def of(text: str):
        (folder / "big.sql").write_text(text, "utf-8")
        return saved_queries([folder])["big"]

    return of


def test_a_header_is_read(read, folder):
    query = read(GOOD)
    assert (query.name, query.group, query.file) == ("big", "project", folder / "big.sql")
    assert (query.title, query.question) == ("Big orders", "Which orders are worth more than this?")
    assert (query.grain, query.note) == ("one row per order", "Totals as they are. Guests too.")
    assert query.parameters == (
        Parameter("least", "decimal", "100.00", "What an order is worth at least"),
        Parameter("who", "string", "O'Brien  and Sons", "A name"),
        Parameter("nobody", "string", "", ""),
        Parameter("since", "date", "today-30", ""),
    )
    assert query.chart == Chart("stacked", "order_date", ("total_amount", "more"))
    assert query.sql.startswith("WITH big AS")


def test_the_tables_are_those_that_it_asks(read):
    assert read(GOOD).tables == ("order_lines", "orders")


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT 1", ()),
        ("FROM Orders, ORDERS", ("orders",)),
        ("WITH orders AS (SELECT * FROM orders), a AS (SELECT * FROM orders) SELECT * FROM a", ("orders",)),
        ("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b WHERE x IN (SELECT y FROM c)", ("c",)),
        ("WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a JOIN d ON true) SELECT * FROM a", ("d",)),
        ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) UNION ALL SELECT * FROM a", ("a",)),
        (
            "SELECT (SELECT max(x) FROM b), EXISTS (SELECT 1 FROM c) FROM a GROUP BY ALL HAVING (SELECT true FROM d)",
            (*"abcd",),
        ),
    ],
)
def test_tables_are_found_wherever_they_are_named(sql, tables):
    assert tables_asked(sql) == tables


def test_values_and_defaults_are_bound(read):
    sql = read(GOOD).bound({"least": "5"}, date(2024, 3, 1))
    assert "total_amount >= 5.0 AND order_date >= DATE '2024-01-31'" in sql
    assert "NOT IN ('O''Brien  and Sons', '')  -- $5" in sql


def test_a_wrong_value_names_the_query(read):
    with pytest.raises(ConfigError, match=r"^big: the parameter least is a number"):
        read(GOOD).bound({"least": "much"})


def test_windows_line_ends_and_a_byte_order_mark_are_no_fault(read):
    query = read("\ufeff" + GOOD.replace("\n", "\r\n"))
    assert (query.title, len(query.parameters)) == ("Big orders", 4)


def test_the_statement_is_kept_to_the_letter(read):
    statement = "SELECT '\u2028 \x0c\x85' AS x, -- a\n\n  2 AS y"
    assert read(f"{SHORT}{statement}\n").sql == statement


SHORT = "-- title: t\n-- question: q\n-- grain: g\n"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("SELECT 1", 1, "the header lacks title, question, grain: begin the file with `-- title: …`"),
        ("-- title: t\n-- question: q\nSELECT 1", 1, "the header lacks grain"),
        (f"{SHORT}-- title: again\nSELECT 1", 4, "title is there twice"),
        (f"{SHORT}-- note:\nSELECT 1", 4, "note says nothing"),
        (f"{SHORT}-- paramter: n int = 1\nSELECT 1", 4, "no header 'paramter': do you mean parameter?"),
        (f"{SHORT}-- xyz: n\nSELECT 1", 4, "there are title, question, grain, note, parameter, chart"),
        (f"{SHORT}-- parameter: n int\nSELECT $n", 4, "'n int' is no parameter: write `name type = default"),
        (f"{SHORT}-- parameter: N int = 1\nSELECT 1", 4, "is no parameter"),
        (f"{SHORT}-- parameter: n string = 'a' b\nSELECT $n", 4, "is no parameter"),
        (f"{SHORT}-- parameter: n text = a\nSELECT $n", 4, "no type 'text' of parameters: the types are date, int"),
        (f"{SHORT}-- parameter: n int = many\nSELECT $n", 4, "the parameter n is a whole number, not 'many'"),
        (f"{SHORT}-- parameter: n int = 1\n-- parameter: n int = 2\nSELECT $n", 5, "the parameter n is there twice"),
        (f"{SHORT}-- parameter: n int = 1\nSELECT 1", 4, "the parameter n is declared and not used: write $n"),
        (f"{SHORT}SELECT 1,\n  $m", 5, "$m is no parameter of this query: none is declared"),
        (f"{SHORT}-- parameter: n int = 1\n\nSELECT $n,\n $m", 7, "declared are n"),
        (f"{SHORT}SELECT\n\n  $$text$$", 6, "a $ begins a parameter"),
        (f"{SHORT}-- chart: pie a b\nSELECT 1", 4, "'pie a b' is no chart: write `bar x y`"),
        (f"{SHORT}-- chart: bar a\nSELECT 1", 4, "'bar a' is no chart"),
        (SHORT, 4, "there is no statement below the header"),
        (f"{SHORT}SELECT 'ü',\n\n FROM WHERE", 6, 'syntax error at or near "WHERE"'),
        (f"{SHORT}SELECT 1; SELECT 2", 4, "there are 2 statements: write one SELECT"),
        (f"{SHORT}DELETE FROM orders", 4, "Only SELECT statements"),
    ],
)
def test_a_fault_is_named_with_its_file_and_line(read, folder, text, line, what):
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value).startswith(f"{folder / 'big.sql'}, line {line}: ")
    assert what in str(caught.value)


def test_a_file_that_is_no_text_is_named(folder):
    (folder / "big.sql").write_bytes(b"-- title: \xff")
    with pytest.raises(ConfigError, match=r"cannot read the saved query .*big\.sql"):
        saved_queries([folder])


def test_the_later_folder_wins_by_name(folder, tmp_path):
    for place, title in ((folder, "first"), (tmp_path / "own", "second")):
        place.mkdir(exist_ok=True)
        (place / "one.sql").write_text(SHORT.replace("title: t", f"title: {title}") + "SELECT 1", "utf-8")
    assert saved_queries([folder, tmp_path / "own"])["one"].title == "second"
    assert saved_query("one", [tmp_path / "own", folder], ()).title == "first"


def test_a_file_that_changed_is_read_again(read):
    assert read(f"{SHORT}SELECT 1").title == "t"
    assert read(f"{SHORT.replace('title: t', 'title: other')}SELECT 1").title == "other"


def test_one_query_is_read_without_the_others(folder):
    (folder / "good.sql").write_text(f"{SHORT}SELECT 1", "utf-8")
    (folder / "bad.sql").write_text("SELECT", "utf-8")
    assert saved_query("good", [folder], ()).title == "t"


def test_a_name_that_there_is_not_comes_with_those_that_are_close(folder):
    for name in ("daily_orders", "daily_visits", "weather"):
        (folder / f"{name}.sql").write_text(f"{SHORT}SELECT 1", "utf-8")
    with pytest.raises(NotFoundError, match="no saved query 'dayly_orders': do you mean daily_orders"):
        saved_query("dayly_orders", [folder], ())
    with pytest.raises(NotFoundError, match=r"do you mean weather\?"):
        saved_query("eat", [folder], ())
    with pytest.raises(NotFoundError, match="'xyz': `orderlake query --list` shows them all"):
        saved_query("xyz", [folder], ())


def test_tables_that_a_project_lacks_are_named(read, folder):
    read(GOOD)
    with pytest.raises(NotFoundError, match=r"big asks order_lines, which this project does not declare$"):
        saved_query("big", [folder], ["orders"])


def test_json_ready_values_hold_everything_but_the_statement(read, folder):
    assert read(f"{SHORT}-- parameter: n int = 1  One\n-- chart: line a b\nSELECT $n").as_dict() == {
        "name": "big",
        "group": "project",
        "title": "t",
        "question": "q",
        "grain": "g",
        "note": "",
        "parameters": [{"name": "n", "type": "int", "default": "1", "about": "One"}],
        "chart": {"kind": "line", "x": "a", "y": ["b"]},
        "tables": [],
        "file": str(folder / "big.sql"),
    }
