"""The column grammar: `TYPE [required] [from PATH]`, or the same as a mapping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlake.errors import ConfigError
from orderlake.model.column import Column, ColumnType, parse_column

MONEY = ColumnType("decimal", 18, 2)
STRING = ColumnType("string")

SHORT = {
    "string": Column("c", STRING, ("c",)),
    "  bigint  ": Column("c", ColumnType("bigint"), ("c",)),
    "money": Column("c", MONEY, ("c",)),
    "decimal(18,2)": Column("c", MONEY, ("c",)),
    "decimal(18, 2)": Column("c", MONEY, ("c",)),
    "decimal(38,38) required": Column("c", ColumnType("decimal", 38, 38), ("c",), required=True),
    "date required": Column("c", ColumnType("date"), ("c",), required=True),
    "string from customer.name": Column("c", STRING, ("customer", "name")),
    "string required from a.b.c": Column("c", STRING, ("a", "b", "c"), required=True),
    "string from required": Column("c", STRING, ("required",)),
    "string from Order ID": Column("c", STRING, ("Order ID",)),
    "int from products.$position": Column("c", ColumnType("int"), ("products", "$position")),
}


@pytest.mark.parametrize(("text", "column"), SHORT.items())
def test_a_short_form_is_read(text, column):
    assert parse_column("c", text) == column


def test_a_mapping_says_the_same_and_more():
    given = {"type": "date", "required": True, "path": "when.day", "format": "%d/%m/%Y"}
    assert parse_column("c", given) == Column(
        "c", ColumnType("date"), ("when", "day"), required=True, format="%d/%m/%Y"
    )
    zoned = {"type": "date", "timezone": "America/Sao_Paulo"}
    assert parse_column("c", zoned).timezone == "America/Sao_Paulo"
    assert parse_column("c", {"type": "money"}) == parse_column("c", "money")


WRONG = {
    "": "TYPE [required] [from PATH]",
    "required": "unknown type 'required': the types are string, int, bigint, id, double, boolean, date",
    "text": "unknown type 'text'",
    "decimal": "decimal(p,s), money",
    "decimal(39,2)": "unknown type 'decimal(39,2)'",
    "decimal(0,0)": "unknown type",
    "decimal(2,3)": "unknown type",
    "String": "TYPE [required] [from PATH]",
    "string from": "TYPE [required] [from PATH]",
    "string optional": "TYPE [required] [from PATH]",
    "string from name required": "`required` stands before `from`, as in `string required from",
    "string from a..b": "no path like customer.name",
    "string from .a": "no path like customer.name",
    "int from $position": "no path like customer.name or products.$position",
    "int from products.$position.x": "no path like",
    None: "TYPE [required] [from PATH]",
    5: "TYPE [required] [from PATH]",
}


@pytest.mark.parametrize(("text", "says"), WRONG.items())
def test_a_wrong_column_is_refused_by_its_name_with_what_would_be_right(text, says):
    with pytest.raises(ConfigError) as refused:
        parse_column("price", text)
    assert "column 'price'" in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "wants type, and may have required, path, format, timezone, pii; got []"),
        ({"path": "a"}, "wants type"),
        ({"type": "date", "pattern": "%Y"}, "got ['pattern', 'type']"),
        ({"type": "dates"}, "unknown type 'dates'"),
        ({"type": "date", "required": "no"}, "required is true or false, not 'no'"),
        ({"type": "date", "format": 5}, "format is text, not 5"),
        ({"type": "money", "format": "%Y"}, "format is for date, timestamp, timestamptz, not for decimal"),
        ({"type": "timestamptz", "timezone": "UTC"}, "timezone is for date, timestamp, not for timestamptz"),
        ({"type": "date", "path": "a..b"}, "no path like"),
    ],
)
def test_a_wrong_mapping_is_refused_by_its_name_with_what_would_be_right(given, says):
    with pytest.raises(ConfigError) as refused:
        parse_column("day", given)
    assert "column 'day'" in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sql", "iceberg"),
    [
        ("string", "VARCHAR", "string"),
        ("int", "INTEGER", "int"),
        ("bigint", "BIGINT", "long"),
        ("double", "DOUBLE", "double"),
        ("boolean", "BOOLEAN", "boolean"),
        ("date", "DATE", "date"),
        ("timestamp", "TIMESTAMP", "timestamp"),
        ("timestamptz", "TIMESTAMPTZ", "timestamptz"),
        ("money", "DECIMAL(18,2)", "decimal(18, 2)"),
        ("decimal(9,0)", "DECIMAL(9,0)", "decimal(9, 0)"),
    ],
)
def test_each_type_has_its_name_in_sql_and_iceberg(text, sql, iceberg):
    kind = ColumnType.parse(text)
    assert (kind.sql, kind.iceberg) == (sql, iceberg)


@given(st.integers(1, 38).flatmap(lambda digits: st.tuples(st.just(digits), st.integers(0, digits))))
def test_every_decimal_that_fits_is_a_type(given):
    precision, scale = given
    assert ColumnType.parse(f"decimal({precision},{scale})") == ColumnType("decimal", precision, scale)


@given(st.text())
def test_any_text_is_a_column_or_refused_in_a_sentence(text):
    try:
        found = ".".join(parse_column("c", text).path)
    except ConfigError as refused:
        found = str(refused)
    assert found == "c" or found in text or found.startswith("column 'c': ")


def test_a_position_is_not_a_field():
    assert parse_column("n", "int from products.$position").is_position
    assert not parse_column("n", "int from products.n").is_position
