"""Bounds: the same bytes as pyiceberg, never narrower than the values."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.conversions import from_bytes, to_bytes
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
)

from orderlake.errors import SchemaMismatchError
from orderlake.tables.iceberg.bounds import bound_text, lower_bound, upper_bound

EXAMPLES = [
    ("int", IntegerType(), "-7", -7),
    ("long", LongType(), "123", 123),
    ("long", LongType(), "-9223372036854775808", -(2**63)),
    ("double", DoubleType(), "1.5", 1.5),
    ("double", DoubleType(), "inf", float("inf")),
    ("boolean", BooleanType(), "1", True),
    ("boolean", BooleanType(), "false", False),
    ("string", StringType(), "abc", "abc"),
    ("string", StringType(), "", ""),
    ("string", StringType(), "Åsa 字 🛒", "Åsa 字 🛒"),
    ("date", DateType(), "2025-01-01", date(2025, 1, 1)),
    ("date", DateType(), "1969-12-31", date(1969, 12, 31)),
    ("timestamp", TimestampType(), "2025-01-01 10:00:00", datetime(2025, 1, 1, 10)),  # noqa: DTZ001 - has no zone
    ("timestamptz", TimestamptzType(), "2025-01-01 10:00:00+00", datetime(2025, 1, 1, 10, tzinfo=UTC)),
    ("timestamptz", TimestamptzType(), "2025-01-01 12:00:00.5+02", datetime(2025, 1, 1, 10, 0, 0, 500000, tzinfo=UTC)),
    ("timestamp", TimestampType(), "1969-12-31 23:59:59.999999", -1),
    ("decimal(12, 2)", DecimalType(12, 2), "201.00", Decimal("201.00")),
    ("decimal(12, 2)", DecimalType(12, 2), "-0.01", Decimal("-0.01")),
    ("decimal(4, 0)", DecimalType(4, 0), "128", Decimal(128)),
    ("decimal(4, 0)", DecimalType(4, 0), "-128", Decimal(-128)),
    ("decimal(38, 10)", DecimalType(38, 10), "1234567890123456789012345678.0123456789", None),
]


@pytest.mark.parametrize(("type_", "peer", "text", "value"), EXAMPLES)
def test_bounds_have_the_bytes_of_pyiceberg(type_, peer, text, value):
    value = Decimal(text) if value is None else value

    assert lower_bound(type_, text) == to_bytes(peer, value)
    assert upper_bound(type_, text) == to_bytes(peer, value)


@given(st.decimals(min_value=Decimal("-1e28"), max_value=Decimal("1e28"), places=4))
def test_any_decimal_survives_the_round_trip(value):
    data = lower_bound("decimal(38, 4)", str(value) if "E" not in str(value) else f"{value:f}")

    assert data is not None
    assert from_bytes(DecimalType(38, 4), data) == value
    assert Decimal(bound_text("decimal(38, 4)", data) or "") == value


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001 - has no zone
def test_any_timestamp_survives_the_round_trip(value):
    text = bound_text("timestamp", lower_bound("timestamp", str(value)))

    assert datetime.fromisoformat(text or "") == value


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_string_bounds_enclose_the_string(text):
    lower = lower_bound("string", text)
    upper = upper_bound("string", text)

    assert lower is not None
    assert len(lower.decode()) <= 16
    assert lower <= text.encode()
    assert upper is None or text.encode() <= upper
    assert upper is None or len(upper.decode()) <= 16


@pytest.mark.parametrize(
    ("text", "upper"),
    [
        ("x" * 16, "x" * 16),
        ("x" * 17, "x" * 15 + "y"),
        ("x" * 15 + "\U0010ffff!", "x" * 14 + "y"),
        ("x" * 15 + "\ud7ff!", "x" * 15 + "\ue000"),
        ("\U0010ffff" * 17, None),
    ],
)
def test_a_cut_string_is_rounded_up_or_has_no_upper_bound(text, upper):
    assert upper_bound("string", text) == (None if upper is None else upper.encode())


def test_both_zeros_lie_between_the_bounds_of_a_double():
    assert bound_text("double", lower_bound("double", "0.0")) == "-0.0"
    assert bound_text("double", upper_bound("double", "-0.0")) == "0.0"
    assert lower_bound("double", "nan") is None


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("date", "0044-03-15 (BC)"),
        ("date", "infinity"),
        ("date", "-infinity"),
        ("date", "12000-01-01"),
        ("timestamp", "12000-01-01 00:00:00"),
        ("timestamptz", "infinity"),
    ],
)
def test_dates_beyond_the_calendar_have_no_bound(type_, text):
    assert lower_bound(type_, text) is None


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("int", "2147483648"),
        ("long", "1.5"),
        ("double", "much"),
        ("boolean", "maybe"),
        ("date", "yesterday"),
        ("timestamp", "2025-13-01"),
        ("decimal(4, 2)", "100.00"),
        ("decimal(4, 2)", "1.005"),
        ("decimal(4, 2)", "--1"),
    ],
)
def test_text_of_another_type_is_refused(type_, text):
    with pytest.raises(SchemaMismatchError, match="does not fit the table's schema"):
        lower_bound(type_, text)


def test_bounds_of_a_narrower_type_are_read_as_the_wider_one():
    assert bound_text("long", lower_bound("int", "-5")) == "-5"
    assert bound_text("double", b"\x00\x00\xc0\x3f") == "1.5"
    assert bound_text("date", None) is None
    assert bound_text("timestamp", (2**62).to_bytes(8, "little")) is None
