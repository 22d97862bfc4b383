"""A value loads exactly, or its record is set aside with the field and the reason; by either reader."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest

from tests.unit.kernel.staging import ORDERS, stage_one, stream_of

BAD = '{"order_id": "bad"}'
"""A record that makes the careful reader read its neighbours too."""


def one(folder, column, value, *, careful, raw=None):
    """Stage one record whose `v` is declared as `column`; give its value, or why it was set aside."""
    stream = stream_of("format: json", tables={"t": {"columns": {"order_id": "bigint required", "v": column}}})
    record = f'{{"order_id": 1, "v": {json.dumps(value) if raw is None else raw}}}'
    staged = stage_one(folder, f"{record}\n{BAD}" if careful else record, stream)
    assert staged.read == [1 + careful]
    reasons = {number: (field, reason) for number, _, field, reason in staged.bad}
    if 1 in reasons:
        assert reasons[1][0] == "v"
        return reasons[1][1]
    (value,) = staged.column("v")
    return value


MONEY = "is not a number with at most 2 decimals and 16 digits before them"
WHOLE = "is not a whole number of 64 bits"
DATE = "is not a date like 2024-12-31"

naive = dt.datetime.fromisoformat

GOOD = [
    ("money", "10.5", Decimal("10.50")),
    ("money", "0.1", Decimal("0.10")),
    ("money", "1e2", Decimal("100.00")),
    ("money", "-0.01", Decimal("-0.01")),
    ("money", "12345678901234.56", Decimal("12345678901234.56")),
    ("money", "123456789012345.67", Decimal("123456789012345.67")),
    ("money", "1234567890123456.78", Decimal("1234567890123456.78")),
    ("money", '"1234567890123456.78"', Decimal("1234567890123456.78")),
    ("money", "9999999999999999.99", Decimal("9999999999999999.99")),
    ("money", "10.200000000000001", Decimal("10.20")),
    ("money", "0.30000000000000004", Decimal("0.30")),
    ("money", '"10.50"', Decimal("10.50")),
    ("money", '" 10.5 "', Decimal("10.50")),
    ("money", "null", None),
    ("decimal(38,2)", "12345678901234567890123456789012.34", Decimal("12345678901234567890123456789012.34")),
    ("decimal(18,8)", "0.12345678", Decimal("0.12345678")),
    ("decimal(20,18)", "0.123456789012345678", Decimal("0.123456789012345678")),
    ("decimal(5,0)", "99999", Decimal(99999)),
    ("decimal(9,7)", "12.3456789", Decimal("12.3456789")),
    ("bigint", "820982911946154508", 820982911946154508),
    ("bigint", '"820982911946154508"', 820982911946154508),
    ("bigint", "9007199254740993", 9007199254740993),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("bigint", "-9223372036854775808", -9223372036854775808),
    ("bigint", '"007"', 7),
    ("bigint", "7.0", 7),
    ("bigint", "1e3", 1000),
    ("id", "820982911946154508", 820982911946154508),
    ("id", '"820982911946154508"', 820982911946154508),
    ("id", "9223372036854775807", 9223372036854775807),
    ("id", "9007199254740993.0", 9007199254740993),
    ("id", '"007"', 7),
    ("id", "-0", 0),
    ("id", "1e3", 1000),
    ("int", "2147483647", 2147483647),
    ("double", "0.1", 0.1),
    ("double", "1e300", 1e300),
    ("double", "5e-324", 5e-324),
    ("double", "0.12345678901234567", 0.12345678901234567),
    ("boolean", "true", True),
    ("boolean", '"false"', False),
    ("boolean", "1", True),
    ("string", '"007"', "007"),
    ("string", "7", "7"),
    ("string", "true", "true"),
    ("string", '{"a": [1]}', '{"a":[1]}'),
    ("string", '""', ""),
    ("string", '"a\\u0000b"', None),
    ("string", '"Zo\\u00eb \\ud83d\\ude00"', "Zoë 😀"),
    ("date", '"2024-02-29"', dt.date(2024, 2, 29)),
    ("date", '"2024-01-05T23:30:00-03:00"', dt.date(2024, 1, 5)),
    ("date", '"0001-01-01"', dt.date(1, 1, 1)),
    ("date", '"1970-01-01"', dt.date(1970, 1, 1)),
    ("timestamp", '"2024-01-05 23:30:00.25"', naive("2024-01-05 23:30:00.25")),
    ("timestamptz", '"2024-01-05T23:30:00-03:00"', dt.datetime(2024, 1, 6, 2, 30, tzinfo=dt.UTC)),
    ("timestamptz", '"2024-01-05T23:30:00"', dt.datetime(2024, 1, 5, 23, 30, tzinfo=dt.UTC)),
    ({"type": "date", "format": "%m/%d/%Y"}, '"10/2/2017"', dt.date(2017, 10, 2)),
    ({"type": "date", "format": "%d.%m.%Y"}, '"02.10.2017"', dt.date(2017, 10, 2)),
    ({"type": "timestamp", "format": "%m/%d/%Y %H:%M"}, '"10/2/2017 10:56"', naive("2017-10-02 10:56:00")),
    ({"type": "date", "timezone": "America/Sao_Paulo"}, '"2024-01-06T02:30:00Z"', dt.date(2024, 1, 5)),
    ({"type": "date", "timezone": "America/Sao_Paulo"}, '"2024-01-05T23:30:00-03:00"', dt.date(2024, 1, 5)),
    ({"type": "date", "timezone": "America/Sao_Paulo"}, '"2024-01-05T23:30:00"', dt.date(2024, 1, 5)),
    ({"type": "date", "timezone": "America/Sao_Paulo"}, '"2024-01-05"', dt.date(2024, 1, 5)),
    ({"type": "date", "timezone": "Asia/Tokyo"}, '"2024-01-05T23:30:00+00:00"', dt.date(2024, 1, 6)),
    ({"type": "timestamp", "timezone": "Asia/Tokyo"}, '"2024-01-05T23:30:00Z"', naive("2024-01-06 08:30:00")),
]
WRONG = [
    ("money", "10.005", MONEY),
    ("money", "10.00005", MONEY),
    ("money", "123456789012345.678", MONEY),
    ("money", "10000000000000000.00", MONEY),
    ("money", "1e400", MONEY),
    ("money", "-1e400", MONEY),
    ("money", "NaN", MONEY),
    ("money", "Infinity", MONEY),
    ("money", '"10,50"', MONEY),
    ("money", '"$10"', MONEY),
    ("money", '"1_000"', MONEY),
    ("money", '""', MONEY),
    ("money", "[]", MONEY),
    ("money", "{}", MONEY),
    ("money", '"true"', MONEY),
    ("decimal(5,2)", "1000", "is not a number with at most 2 decimals and 3 digits before them"),
    ("bigint", '"A-17"', WHOLE),
    ("bigint", "1.5", WHOLE),
    ("bigint", '"1.5"', WHOLE),
    ("bigint", '"0x10"', WHOLE),
    ("bigint", "9223372036854775808", WHOLE),
    ("bigint", "99999999999999999999999999999999999999999", WHOLE),
    ("bigint", "1e400", WHOLE),
    ("bigint", "[1]", WHOLE),
    ("id", '"A-17"', WHOLE),
    ("id", "1.5", WHOLE),
    ("id", "true", WHOLE),
    ("id", '"1_000"', WHOLE),
    ("id", "9223372036854775808", WHOLE),
    ("id", "1e400", WHOLE),
    ("id", "{}", WHOLE),
    ("int", "2147483648", "is not a whole number of 32 bits"),
    ("double", "1e400", "is not a finite number"),
    ("double", "NaN", "is not a finite number"),
    ("double", '"inf"', "is not a finite number"),
    ("double", '"x"', "is not a finite number"),
    ("boolean", '"maybe"', "is neither true nor false"),
    ("date", '"2024-02-30"', DATE),
    ("date", '"10/2/2017"', DATE),
    ("date", '"10/2/17"', DATE),
    ("date", '"1/2/03"', DATE),
    ("date", '"01/02/03"', DATE),
    ("date", '"infinity"', DATE),
    ("date", '"-infinity"', DATE),
    ("date", '"epoch"', DATE),
    ("date", '" EPOCH"', DATE),
    ("date", '"0000-00-00"', DATE),
    ("date", '"44-03-15 (BC)"', DATE),
    ("date", '"12024-01-01"', DATE),
    ("date", '""', DATE),
    ("date", "20240105", DATE),
    ("date", "true", DATE),
    ("timestamp", '"epoch"', "is not a time like 2024-12-31 23:59:59"),
    ("timestamp", '"2024-01-05 25:00:00"', "is not a time like 2024-12-31 23:59:59"),
    ("timestamptz", '"infinity"', "is not a time like 2024-12-31T23:59:59+00:00"),
    ({"type": "date", "format": "%m/%d/%Y"}, '"2024-01-05"', "is not a date like %m/%d/%Y"),
    ({"type": "date", "format": "%m/%d/%Y"}, '"30/2/2017"', "is not a date like %m/%d/%Y"),
    ({"type": "date", "format": "%m/%d/%Y"}, '"epoch"', "is not a date like %m/%d/%Y"),
    ({"type": "date", "format": "%m/%d/%Y"}, '"10/2/17"', "is not a date like %m/%d/%Y"),
    ({"type": "date", "timezone": "Asia/Tokyo"}, '"2024-02-30T10:00:00Z"', DATE),
]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(("column", "raw", "expected"), GOOD)
def test_a_good_value_loads_exactly(tmp_path, column, raw, expected, careful):
    found = one(tmp_path, column, None, raw=raw, careful=careful)
    if expected is None and raw != "null":
        assert found in (None, "a\0b")
    else:
        assert found == expected
        assert type(found) is type(expected)


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(("column", "raw", "reason"), WRONG)
def test_a_wrong_value_sets_its_record_aside_with_the_reason(tmp_path, column, raw, reason, careful):
    assert one(tmp_path, column, None, raw=raw, careful=careful) == reason


@pytest.mark.parametrize("careful", [False, True])
def test_true_and_false_count_as_1_and_0_where_a_number_is_declared(tmp_path, careful):
    for number, column in enumerate(("bigint", "money", "double")):
        assert one(tmp_path / str(number), column, True, careful=careful) == 1


@pytest.mark.parametrize("careful", [False, True])
def test_a_place_read_as_several_types_gives_each_of_them_exactly(tmp_path, careful):
    columns = {"id": "bigint required", "text": "string from v", "exact": "money from v", "near": "double from v"}
    stream = stream_of("format: json", tables={"t": {"columns": columns}})
    texts = ['{"id": 1, "v": 1234567890123456.78}', '{"id": 2, "v": "10.50"}', '{"id": 3, "v": 0.1}']
    text = "\n".join([*texts, *(['{"id": "bad"}'] if careful else [])])
    staged = stage_one(tmp_path, text, stream)
    aliases = [name for name in staged.rows[0] if name.startswith("v")]
    assert aliases == ["v"]  # the last one: the double
    assert staged.column("v") == [1234567890123456.8, 10.5, 0.1]


@pytest.mark.parametrize("careful", [False, True])
def test_a_number_of_versions_beyond_doubles_orders_versions(tmp_path, careful):
    stream = stream_of(ORDERS, sequence_by="order_id")
    records = ['{"order_id": 9007199254740993}', '{"order_id": 9007199254740992}']
    staged = stage_one(tmp_path, "\n".join([*records, *([BAD] if careful else [])]), stream)
    assert staged.column("_seq") == [9007199254740993, 9007199254740992]


def test_a_time_with_a_zone_orders_versions_by_its_moment(tmp_path):
    stream = stream_of(
        "format: json\nkey: id\nsequence_by: at",
        tables={"t": {"columns": {"id": "bigint required", "at": "timestamp"}}},
    )
    times = ["2024-01-05T23:30:00-03:00", "2024-01-06T00:00:00Z"]
    staged = stage_one(tmp_path, "\n".join(json.dumps({"id": 1, "at": time}) for time in times), stream)
    later, sooner = staged.column("_seq")
    assert later - sooner == 2.5 * 3600 * 1_000_000


# --- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("products", [[], None, "absent"])
def test_an_order_without_products_keeps_its_row(tmp_path, products, careful):
    order = {"order_id": 1} | ({} if products == "absent" else {"products": products})
    staged = stage_one(tmp_path, json.dumps(order) + (f"\n{BAD}" if careful else ""))
    assert [(row["order_id"], row["_i1"], row["products.sku"]) for row in staged.rows] == [(1, None, None)]


def test_one_object_where_a_list_is_declared_is_a_list_of_it(tmp_path):
    lone = {"order_id": 1, "products": {"sku": "a", "price": 1234567890123456.78, "quantity": 2}}
    staged = stage_one(tmp_path, json.dumps(lone).replace("1234567890123456.8", "1234567890123456.78"))
    assert staged.values("order_id", "_i1", "products.sku", "products.price") == [
        (1, 1, "a", Decimal("1234567890123456.78"))
    ]
    both = json.dumps([{"order_id": 1, "products": {"sku": "a"}}, {"order_id": 1, "products": [{"sku": "a"}]}])
    assert len(set(stage_one(tmp_path / "both", both).column("_hash"))) == 1


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    ("order", "field", "reason"),
    [
        ({"products": [{"sku": "a"}, None]}, "products", "holds null, not an object"),
        ({"products": [None]}, "products", "holds null, not an object"),
        ({"products": ["a"]}, "products", "holds text, not an object"),
        ({"products": [{"sku": "a"}, [1]]}, "products", "holds a list, not an object"),
        ({"products": [5]}, "products", "holds a number, not an object"),
        ({"products": "a"}, "products", "is text, not a list"),
        ({"products": 5}, "products", "is a number, not a list"),
        ({"customer": "Ann"}, "customer", "is text, not an object"),
        ({"customer": [{"name": "Ann"}]}, "customer", "is a list, not an object"),
        ({"products": [{"price": "x"}]}, "products.price", MONEY),
        ({"products": [{"price": 1}, {"quantity": 0.5}]}, "products.quantity", "is not a whole number of 32 bits"),
        ({"order_id": None}, "order_id", "is missing"),
        ({"order_id": ""}, "order_id", WHOLE),
    ],
)
def test_a_wrong_shape_sets_the_whole_order_aside(tmp_path, order, field, reason, careful):
    records = [json.dumps({"order_id": 1}), json.dumps({"order_id": 2} | order), *([BAD] if careful else [])]
    staged = stage_one(tmp_path, "\n".join(records))
    assert staged.column("order_id") == [1]
    assert staged.bad[0] == (2, 2, field, reason)


def test_a_required_field_that_is_missing_is_named(tmp_path):
    columns = {
        "sku": "string required from products.sku",
        "id": "bigint required",
        "mail": "string required from a.b.c",
    }
    stream = stream_of("format: json", tables={"t": {"rows": "products", "columns": columns}})
    records = [
        {"id": 1, "a": {"b": {"c": "x"}}, "products": []},
        {"id": 2, "a": {"b": None}, "products": [{"sku": "s"}]},
        {"id": 3, "a": {"b": {"c": "x"}}, "products": [{"sku": "s"}, {"price": 1}]},
        {"products": [{"sku": "s"}], "a": {"b": {"c": "x"}}},
    ]
    staged = stage_one(tmp_path, json.dumps(records), stream)
    assert staged.column("id") == [1]
    assert [(number, field, reason) for number, _, field, reason in staged.bad] == [
        (2, "a.b.c", "is missing"),
        (3, "products.sku", "is missing"),
        (4, "id", "is missing"),
    ]


@pytest.mark.parametrize("careful", [False, True])
def test_a_path_through_a_missing_parent_is_null(tmp_path, careful):
    stream = stream_of("format: json", tables={"t": {"columns": {"id": "bigint", "c": "string from a.b.c"}}})
    records = [{"id": 1}, {"id": 2, "a": None}, {"id": 3, "a": {}}, {"id": 4, "a": {"b": {"c": "x"}}}]
    texts = [json.dumps(record) for record in records] + (['{"id": "bad"}'] if careful else [])
    assert stage_one(tmp_path, "\n".join(texts), stream).values("id", "a.b.c") == [
        (1, None),
        (2, None),
        (3, None),
        (4, "x"),
    ]


ODD = ["a b", "ä", "it's", 'a"b', "a\\b", "$", "a[0]", "_n", "n", "filename", "_raw", "r", "select", "A"]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("key", ODD)
def test_keys_with_odd_characters_are_keys(tmp_path, key, careful):
    columns = {
        "id": "bigint required",
        "top": {"type": "money", "path": key},
        "inner": {"type": "money", "path": f"o.{key}"},
    }
    lists = {"id": "bigint required", "list": {"type": "money", "path": f"{key} list.{key}"}}
    stream = stream_of(
        "format: json", tables={"t": {"columns": columns}, "l": {"columns": lists, "rows": f"{key} list"}}
    )
    record = {"id": 1, key: 1.5, "o": {key: 2.5}, f"{key} list": [{key: 3.5}, {}]}
    staged = stage_one(tmp_path, json.dumps(record) + ('\n{"id": "bad"}' if careful else ""), stream)
    assert staged.values(key, f"o.{key}", f"{key} list.{key}") == [
        (Decimal("1.50"), Decimal("2.50"), Decimal("3.50")),
        (Decimal("1.50"), Decimal("2.50"), None),
    ]


NESTED = {
    "shops": {"columns": {"id": "bigint required", "city": "string from place.city"}},
    "orders": {"rows": "orders", "columns": {"id": "bigint required", "o": "bigint required from orders.o"}},
    "lines": {
        "rows": "orders.lines",
        "columns": {
            "id": "bigint required",
            "o": "bigint from orders.o",
            "at": "int from orders.lines.$position",
            "p": "money from orders.lines.p",
        },
    },
}


@pytest.mark.parametrize("careful", [False, True])
def test_lists_in_lists_give_a_table_per_level(tmp_path, careful):
    stream = stream_of("format: json\nkey: id", tables=NESTED)
    shops = [
        {"id": 1, "orders": [{"o": 11, "lines": [{"p": 1}, {"p": 2}]}, {"o": 12, "lines": []}, {"o": 13}]},
        {"id": 2, "orders": []},
        {"id": 3, "place": {"city": "Rom"}, "orders": [{"o": 31, "lines": [{}]}]},
    ]
    texts = [json.dumps(shop) for shop in shops] + (['{"id": "bad"}'] if careful else [])
    staged = stage_one(tmp_path, "\n".join(texts), stream)
    assert staged.read == [3 + careful]
    lines = [row for row in staged.rows if "orders.lines.p" in row]
    assert [(row["#n"], row["orders.o"], row["_i1"], row["_i2"], row["orders.lines.p"]) for row in lines] == [
        (1, 11, 1, 1, Decimal(1)),
        (1, 11, 1, 2, Decimal(2)),
        (1, 12, 2, None, None),
        (1, 13, 3, None, None),
        (2, None, None, None, None),
        (3, 31, 1, 1, None),
    ]
    assert [row["place.city"] for row in staged.rows if "place.city" in row] == [None, None, "Rom"]


@pytest.mark.parametrize(
    ("shop", "field", "reason"),
    [
        ({"orders": [{"o": 1, "lines": {"p": 1}}]}, "orders.lines", "is an object, not a list"),
        ({"orders": [{"o": 1, "lines": [{"p": 1}, None]}]}, "orders.lines", "holds null, not an object"),
        ({"orders": [{"o": 1}, {"o": 2, "lines": [{"p": "x"}]}]}, "orders.lines.p", MONEY),
        ({"orders": [{"o": None}]}, "orders.o", "is missing"),
    ],
)
def test_a_fault_in_a_list_in_a_list_is_found(tmp_path, shop, field, reason):
    staged = stage_one(tmp_path, json.dumps([{"id": 1} | shop, {"id": 2}]), stream_of("format: json", tables=NESTED))
    assert staged.column("id") == [2]
    assert staged.bad == [(1, 1, field, reason)]
