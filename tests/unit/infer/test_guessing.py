"""Values to types, texts to dates, first rows to headers: what speaks for each, and what is left open."""

from decimal import Decimal

import pytest

from orderlake.errors import UnreadableObjectError
from orderlake.infer.envelope import envelope_of
from orderlake.infer.header import header_of
from orderlake.infer.look import glance
from orderlake.infer.naming import column_name, singular
from orderlake.infer.places import Place
from orderlake.infer.records import take_records
from orderlake.infer.scalars import Scalars
from orderlake.infer.tables import Tabling
from orderlake.infer.times import Times
from orderlake.infer.types import guess, has_comma


def seen(*values):
    found = Scalars()
    for value in values:
        found.add(value)
    return found


def times(*texts):
    found = Times()
    for text in texts:
        found.add(text)
    return found


@pytest.mark.parametrize(
    ("texts", "iso", "ways"),
    [
        (["2024-01-05"], "date", ()),
        (["2024-01-05 00:00:00"], "date", ()),
        (["2024-01-05 00:00:00", "2024-01-05T10:30"], "timestamp", ()),
        (["2024-01-05T10:30:00.5Z", "2024-01-05 10:30:00+02"], "timestamptz", ()),
        (["2024-02-30"], None, ()),
        (["2024-01-05", "5.1.2024"], None, ()),
        (["31/12/2024 10:30", "01/02/2024 09:00"], None, ("%d/%m/%Y %H:%M",)),
        (["12/31/2024", "01/02/2024"], None, ("%m/%d/%Y",)),
        (["01/02/2024"], None, ("%d/%m/%Y", "%m/%d/%Y")),
        (["3.1.24"], None, ("%d.%m.%y", "%m.%d.%y")),
        (["05 Jan 2024"], None, ("%d %b %Y",)),
        (["Jan 5, 2024 3:07 PM"], None, ("%b %d, %Y %I:%M %p",)),
        (["13/13/2024"], None, ()),
    ],
)
def test_texts_are_dates_when_all_of_them_are_and_written_one_way(texts, iso, ways):
    found = times(*texts)
    assert (found.iso, found.ways) == (iso, ways)


@pytest.mark.parametrize(
    ("name", "values", "declared"),
    [
        ("price", [Decimal("1.5"), 2], "money"),
        ("price", [Decimal("1E+400")], "string"),
        ("price", [Decimal("0.123456789012345678901")], "string"),
        ("score", [Decimal("1E+400")], "double"),
        ("weight", [Decimal("1.5")], "decimal(18,6)"),
        ("total_items", [10], "bigint"),
        ("total", [10], "money"),
        ("n", [2**53], "bigint"),
        ("n", [2**53 + 1], "id"),
        ("n", [-(2**63)], "string"),
        ("n", [True, 1], "string"),
        ("n", [], "string"),
        ("phone", [4915112345], "string"),
    ],
)
def test_numbers_have_the_narrowest_type_that_loses_no_digit(name, values, declared):
    assert guess(name, seen(*values), is_csv=False).type == declared


@pytest.mark.parametrize(
    ("name", "values", "in_csv", "in_json"),
    [
        ("n", ["1", "2"], "bigint", "string"),
        ("n", ["01", "2"], "string", "string"),
        ("n", ["1.50", "2.25"], "money", "money"),
        ("version", ["1.5", "2.25"], "money", "string"),
        ("price", ["1.5", "2.255"], "decimal(18,4)", "decimal(18,4)"),
        ("flag", ["true", "False"], "boolean", "string"),
        ("flag", ["yes", "no"], "string", "string"),
        ("n", ["1", "x"], "string", "string"),
    ],
)
def test_numbers_that_stand_in_texts_are_numbers_in_csv_and_mostly_text_in_json(name, values, in_csv, in_json):
    assert guess(name, seen(*values), is_csv=True).type == in_csv
    assert guess(name, seen(*values), is_csv=False).type == in_json


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([["1,5", "2"], ["3"]], True),
        ([["1.234,50", "1.234"], ["1.000", "2"], ["text", "1,5"]], True),
        ([["1,5"], ["1.50"]], False),
        ([["1,5", "1.50"], ["2"]], False),
        ([["1,5", "x"], ["2"]], False),
        ([["1", "2"], ["1.234"]], False),
        ([["a, b"], [""]], False),
        ([], False),
    ],
)
def test_numbers_have_a_decimal_comma_when_one_columns_do_and_no_column_has_a_point(columns, expected):
    assert has_comma(seen(*values) for values in columns) == expected


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        (["1,5", "2"], "money"),
        (["1.234,505", "2"], "decimal(18,4)"),
        (["1.000", "2"], "bigint"),
        (["01,5", "2"], "string"),
        (["1,5", "1.5"], "string"),
    ],
)
def test_numbers_with_a_decimal_comma_have_the_type_of_those_with_a_point(values, declared):
    place = Place(children={"price_each": Place(scalars=seen(*values), present=2)})
    (table,) = Tabling("sales", is_csv=True, has_comma=True).tables(place)
    assert table.columns[0].guess.type == declared


def test_where_other_numbers_have_a_point_a_decimal_comma_is_spoken_of():
    found = guess("fee", seen("1,5", "2,25"), is_csv=True)
    assert (found.type, found.note) == ("string", "numbers with a decimal comma, as in 1,5: a number has a point")
    assert guess("fee", seen("1", "", "2"), is_csv=True).note == "2 of 3 are numbers, 1 are empty text"


def test_what_the_data_does_not_decide_is_open_and_says_the_choice():
    found = guess("day", seen("03/04/2024"), is_csv=True)
    assert (found.type, found.is_open) == ("string", True)
    assert [(other.type, other.format) for other in found.others] == [("date", "%d/%m/%Y"), ("date", "%m/%d/%Y")]


def test_nearly_all_numbers_says_which_is_none():
    found = guess("qty", seen(*map(str, range(10)), "many"), is_csv=True)
    assert found.is_open
    assert found.note == "10 of 11 are numbers, others are not, such as many"


def test_nearly_all_dates_says_which_is_none():
    found = guess("placed", seen(*(f"2024-01-0{day}T10:00:00Z" for day in range(1, 8)), "yesterday"), is_csv=False)
    assert found.is_open
    assert found.note == "7 of 8 are dates, others are not, such as yesterday"


@pytest.mark.parametrize(
    ("text", "delimiter", "start", "header"),
    [
        ("a,b\n1,2\n", ",", 0, ("a", "b")),
        ("a;b\n1,5;2,5\n", ";", 0, ("a", "b")),
        ("a\tb\n1\t2\n", "\t", 0, ("a", "b")),
        ("Sales, all\n\na|b|c\n1|2|3\n", "|", 12, ("a", "b", "c")),
        ("name\nAna\nBo\n", ",", 0, ("name",)),
        ('"a, b";c\n1;2\n', ";", 0, ("a, b", "c")),
    ],
)
def test_a_header_is_the_first_row_as_wide_as_most(text, delimiter, start, header):
    found = header_of(text.encode())
    assert found is not None
    assert (found.delimiter, found.start, found.header) == (delimiter, start, header)


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "2024-01-05,1.5\n", "\n1;x\n2;y\n"])
def test_a_row_of_values_is_no_header(text):
    with pytest.raises(UnreadableObjectError, match="no header"):
        header_of(text.encode())


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"orders": [{"id": 1}]}', "orders"),
        ('{"count": 1, "orders": [{"id": 1}], "next": null}', "orders"),
        ('{"order": {"id": 1}}', "order"),
        ('{"id": 1, "lines": [{"sku": 1}]}', None),
        ('{"orders": [1, 2]}', None),
        ('{"orders": []}', None),
        ('{"id": 1}\n{"id": 2}', None),
    ],
)
def test_an_object_around_its_records_is_an_envelope(text, key, tmp_path):
    (tmp_path / "orders.json").write_text(text)
    assert envelope_of(tmp_path / "orders.json", is_whole=True) == key


def test_the_beginning_of_an_envelope_is_enough_to_know_it(tmp_path):
    (tmp_path / "orders.json").write_text('{"count": 2, "orders": [{"id": 1}, {"id": ')
    assert envelope_of(tmp_path / "orders.json", is_whole=False) == "orders"


@pytest.mark.parametrize("word", ["order", "select", "group", "from"])
def test_a_word_that_sql_reserves_needs_no_quotes_as_a_column(word):
    assert column_name((word,), "sale", "") == f"{word}_"


@pytest.mark.parametrize("word", ["s", "n_s", "es", "xes"])
def test_a_name_of_hardly_a_letter_leaves_a_name(word):
    assert column_name(("id",), singular(word), "")[0].isalpha()


def places(tmp_path, text):
    (tmp_path / "orders.json").write_text(text)
    look = glance(tmp_path / "orders.json", tmp_path / "work")
    take_records(look)
    return look


def test_an_object_with_ever_other_keys_is_data_and_kept_as_its_json(tmp_path):
    days = ",".join(f'{{"id": {day}, "sold": {{"2024-{day:03}": 1, "2023-{day:03}": 2}}}}' for day in range(60))
    look = places(tmp_path, f"[{days}]")
    (table,) = Tabling("orders", is_csv=False).tables(look.root)
    assert [(column.name, column.is_json) for column in table.columns] == [("order_id", False), ("sold", True)]


def test_a_list_with_anything_but_objects_in_it_is_kept_as_its_json(tmp_path):
    look = places(tmp_path, '[{"id": 1, "lines": [{"sku": 1}, null]}]')
    (table,) = Tabling("orders", is_csv=False).tables(look.root)
    assert table.columns[1].is_json


def test_an_object_where_others_have_a_list_is_a_list_of_one(tmp_path):
    look = places(tmp_path, '[{"id": 1, "lines": [{"sku": 1}]}, {"id": 2, "lines": {"sku": 2}}]')
    assert [table.rows for table in Tabling("orders", is_csv=False).tables(look.root)] == [(), ("lines",)]


def test_records_that_are_none_are_counted_with_their_lines(tmp_path):
    look = places(tmp_path, '{"id": 1}\n{"id": NaN}\n7\n{"id": 2}\n')
    assert (look.records, look.broken) == (2, 2)
    assert look.reasons[0].startswith("line 2 is not valid JSON")


def test_a_place_counts_what_is_missing_and_what_is_null():
    root = Place()
    for record in ({"a": 1}, {"a": None}, {}):
        root.add(record)
    assert (root.objects, root.children["a"].present, root.children["a"].nulls) == (3, 2, 1)
