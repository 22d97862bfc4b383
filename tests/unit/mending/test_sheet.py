"""Records as lines of a file: every digit and odd text comes back as it was, and what is no line is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlake.mending.sheet import Entry, Unread, is_object, is_same, line_of, pretty, read_lines


def record(text):
    return {"id": "a-1", "source": "raw/ö.json", "position": 1, "field": "x", "reason": 'is "odd"', "record": text}


def back(text, form="json"):
    line = line_of(record(text), form, text)
    assert "\n" not in line
    (entry,) = read_lines(line.encode())
    assert isinstance(entry, Entry)
    assert json.loads(line)["id"] == entry.id == "a-1"
    return entry.text


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 10.00, "b": 12345678901234567.89, "c": 1e400, "d": -0.0}',
        '{"a":1,"a":2}',
        '{"line ends": "a\\nb", "\\u2028": "\u2028\u0085", "half": "\\ud800"}',
        '{"a": NaN}',
        '{"a": 1,',
        '"only a text"',
        "[1, 2]",
        "",
        'a;"b\nc"',
    ],
)
def test_a_text_comes_back_as_it_was(text):
    assert back(text) == text


def test_line_ends_between_the_parts_of_json_become_blanks_and_no_text_changes():
    assert back('{\r\n  "a": "x\\n  y",\n\t"b": 1.0\n}') == '{ "a": "x\\n  y", "b": 1.0 }'


def test_a_csv_row_that_looks_like_json_stays_a_text():
    assert back('{"a": 1}', "csv") == '{"a": 1}'
    assert isinstance(json.loads(line_of(record(""), "csv", '{"a": 1}'))["record"], str)


@given(st.dictionaries(st.text(), st.recursive(st.text() | st.floats(allow_nan=False) | st.none(), st.lists)))
def test_any_object_comes_back_and_is_shown_with_nothing_lost(value):
    text = json.dumps(value)
    assert is_same(back(text), text)
    assert json.loads(pretty(text)) == value


@given(st.text())
def test_any_text_comes_back(text):
    assert is_same(back(text), text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "not JSON: Expecting property name"),
        (b"[]", "no JSON object"),
        (b'{"id": "a", "id": "b", "record": {}}', "each key once"),
        (b'{"record": {}}', 'no "id"'),
        (b'{"id": "a"}', "there is none"),
        (b'{"id": "a", "record": [1]}', r"it is \[1\]"),
        (b'{"id": "a", "record": {"x": NaN}}', "no word NaN"),
        (b'{"id": "\xff"}', "not valid UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_line_of_it_is_named_and_the_others_are_read(line, said):
    first, second = read_lines(b"\xef\xbb\xbf" + line + b'\n\n{"record":{"y":2.0},"id":"a"}\r\n')
    assert isinstance(first, Unread)
    assert first.line == 1
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(first.reason)
    assert second == Entry(3, "a", '{"y":2.0}')


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}', True),
        ('{"a": 1.0}', '{"a": 1.00}', False),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": true}', '{"a": 1}', False),
        ('{"a": 1, "a": 1}', '{"a": 1}', False),
        ("a;b\n", "a;b", True),
        ("a;b", "a; b", False),
    ],
)
def test_texts_are_compared_by_what_they_say_and_by_every_digit(one, other, same):
    assert is_same(one, other) is same


def test_only_a_json_object_is_one():
    assert is_object(' {"a": 1} ')
    assert not any(is_object(text) for text in ("", "[]", '"{}"', "{}x", "{'a': 1}"))
