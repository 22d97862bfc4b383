"""Values of saved queries: each becomes one literal of its type, and nothing else of the statement changes."""

from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest
import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from orderlake.errors import ConfigError
from orderlake.query.dialect import translate
from orderlake.query.parameters import Parameter, bound, used
from tests.emulators.trino_on_duckdb import on_duckdb

TODAY = date(2024, 3, 1)
SQL = "SELECT $x AS x, 'it''s $x' AS \"$x\" /* $x */ -- $x\n"
TABLES = {"t": {"a": "VARCHAR"}}
CONNECTION = duckdb.connect()


def literal(kind, value):
    return Parameter("x", kind, value, "").literal(value, TODAY)


def value_of(sql):
    return CONNECTION.execute(sql).fetchall()[0][0]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("date", "2024-01-31", "DATE '2024-01-31'"),
        ("date", "today", "DATE '2024-03-01'"),
        ("date", "today-1", "DATE '2024-02-29'"),
        ("date", "today+31", "DATE '2024-04-01'"),
        ("int", "20", "20"),
        ("int", "+007", "7"),
        ("int", "-3", "(-3)"),
        ("int", "9223372036854775807", "9223372036854775807"),
        ("decimal", "0.50", "0.50"),
        ("decimal", "-12", "(-12.0)"),
        ("string", "", "''"),
        ("string", "O'Brien", "'O''Brien'"),
    ],
)
def test_a_value_becomes_a_literal(kind, value, expected):
    assert literal(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", "2024-02-30"),
        ("date", "31.01.2024"),
        ("date", "20240131"),
        ("date", "2024-W05-3"),
        ("date", "today-999999"),
        ("date", "today - 1"),
        ("date", "yesterday"),
        ("date", "2024-01-31'"),
        ("date", ""),
        ("int", "1.5"),
        ("int", "1e3"),
        ("int", "1_000"),
        ("int", "٣"),
        ("int", "9223372036854775808"),
        ("int", "1; DROP TABLE t"),
        ("int", ""),
        ("decimal", "NaN"),
        ("decimal", "1e5"),
        ("decimal", ".5"),
        ("decimal", "1,5"),
        ("decimal", "9" * 21),
        ("string", "a\0b"),
        ("string", "\ud800"),
    ],
)
def test_a_value_of_another_type_is_refused_and_told(kind, value):
    with pytest.raises(ConfigError, match=r"the parameter x is a .*, not .*; by default it is ") as caught:
        literal(kind, value)
    assert repr(value) in str(caught.value)


def test_a_parameter_that_there_is_not_is_told_with_those_there_are():
    parameters = [Parameter("start", "date", "today-30", ""), Parameter("who", "string", "", "")]
    with pytest.raises(ConfigError, match=r"no parameter strat: the parameters are start \(date, default today-30\), "):
        bound("SELECT $start, $who", parameters, {"strat": "x"}, TODAY)
    with pytest.raises(ConfigError, match="no parameter strat: this query has no parameters"):
        bound("SELECT 1", [], {"strat": "x"}, TODAY)


def test_only_what_stands_outside_of_texts_names_and_comments_is_a_parameter():
    given_one = bound(SQL, [Parameter("x", "int", "1", "")], {"x": "2"}, TODAY)
    assert given_one == "SELECT 2 AS x, 'it''s $x' AS \"$x\" /* $x */ -- $x\n"


def test_a_number_below_zero_begins_no_comment():
    sql = bound("SELECT 5 -$n AS x", [Parameter("n", "int", "1", "")], {"n": "-3"}, TODAY)
    assert value_of(sql) == 8


def test_names_are_taken_whole():
    parameters = [Parameter("a", "int", "1", ""), Parameter("ab", "int", "2", "")]
    assert bound("SELECT $ab, $a", parameters, {}, TODAY) == "SELECT 2, 1"


@pytest.mark.parametrize(
    ("sql", "line", "what"),
    [
        ("SELECT $$x$$", 0, "a $ begins a parameter"),
        ("SELECT 1,\n$t$ x $t$", 1, "a $ begins a parameter"),
        ("SELECT $1", 0, "a $ begins a parameter"),
        ("SELECT $X", 0, "a $ begins a parameter"),
        ("SELECT a$x", 0, "a $ begins a parameter"),
        ("SELECT $x.y", 0, "a $ begins a parameter"),
        ("SELECT\n\nE'it\\'s'", 2, "E'…' is not read here"),
        ("SELECT /* a /* b */ $x */ 1", 0, "a comment within a comment"),
    ],
)
def test_what_would_let_a_value_out_of_its_quotes_is_refused(sql, line, what):
    with pytest.raises(ValueError, match=r"\(.*\)") as caught:
        list(used(sql))
    assert caught.value.args[0] == line
    assert what in caught.value.args[1]


def statement(text):
    """A statement that asks for a text and looks for it."""
    return bound("SELECT $x AS x, a FROM t WHERE a = $x", [Parameter("x", "string", "", "")], {"x": text}, TODAY)


PLAIN = translate(statement("plain"), TABLES).sql
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@settings(deadline=None)
@given(TEXTS)
def test_any_text_is_that_text(text):
    assert value_of(f"SELECT {literal('string', text)}") == text


@settings(deadline=None, max_examples=20)
@given(TEXTS)
@example("'")
@example("''; DROP TABLE t; --")
@example("\\' OR 1=1 --")
@example("$x $$ */ /* \n\r\t \x1a")
@example("\u00a0\u2028\u202e\ufeff'\uff07")
def test_any_text_is_that_text_on_both_engines_and_changes_nothing_else(text):
    sql = statement(text)
    CONNECTION.execute("CREATE OR REPLACE TABLE t (a VARCHAR)")
    CONNECTION.execute("INSERT INTO t VALUES (?), ('another')", [text])
    expected = [(text, text)] * (2 if text == "another" else 1)
    assert CONNECTION.execute(sql).fetchall() == expected
    there = translate(sql, TABLES).sql
    assert CONNECTION.execute(on_duckdb(there, TABLES)).fetchall() == expected
    # The text for Athena is what it is for any other value, literals apart.
    tree = sqlglot.parse_one(there, read="trino")
    assert [one.this for one in tree.find_all(exp.Literal)] == [text, text]
    for one in tree.find_all(exp.Literal):
        one.set("this", "plain")
    assert tree.sql("trino") == PLAIN


@settings(deadline=None)
@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_any_whole_number_is_that_number(number):
    assert value_of(f"SELECT 0 + {literal('int', str(number))}") == number


@settings(deadline=None, max_examples=20)
@given(st.decimals(-(10**15), 10**15, places=4, allow_nan=False))
def test_any_decimal_is_exact(number):
    sql = f"SELECT {literal('decimal', format(number, 'f'))} AS x"
    assert value_of(sql) == Decimal(number)
    assert value_of(on_duckdb(translate(sql, TABLES).sql, TABLES)) == Decimal(number)


@settings(deadline=None)
@given(st.dates(), st.integers(-999, 999))
def test_any_day_is_that_day(day, days):
    assert value_of(f"SELECT {literal('date', day.isoformat())}") == day
    assert value_of(f"SELECT {literal('date', f'today{days:+}')}") == TODAY + timedelta(days=days)
