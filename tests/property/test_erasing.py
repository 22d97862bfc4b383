"""What is taken out of a record's text leaves all else as it was: its length, its other values, its neighbours."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderlake.erasing.csv_text import blanked, cells
from orderlake.erasing.json_text import erased, redacted, without_keys

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "ü", 'q"']), inner, max_size=3)
    ),
    max_leaves=12,
)
records = st.dictionaries(st.sampled_from(["a", "b", "c", "id"]), values, max_size=4)
paths = st.lists(st.sampled_from([("a",), ("a", "b"), ("b", "a", "ü"), ("id",), ("c", 'q"')]), max_size=3)
GONE = object()


def size(text: str) -> int:
    return len(text.encode())


def without(value: Any, wanted: list[tuple[str, ...]], at: tuple[str, ...] = ()) -> Any:
    """The value with NULL where something is to go; an object's member that is NULL is as good as absent."""
    if at in wanted:
        return None
    if isinstance(value, list):
        return [without(each, wanted, at) for each in value]
    if isinstance(value, dict):
        members = {key: without(each, wanted, (*at, key)) for key, each in value.items()}
        return {key: each for key, each in members.items() if each is not None or (*at, key) not in wanted}
    return value


def told(value: Any, wanted: list[tuple[str, ...]]) -> Any:
    return without(value, wanted)


@settings(max_examples=300, deadline=None)
@given(records, paths, st.sampled_from([None, 1]), st.booleans())
def test_json_loses_what_is_at_the_paths_and_nothing_else(
    record: dict[str, Any], wanted: list[tuple[str, ...]], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(record, indent=indent, ensure_ascii=ascii_only)
    new = erased(text, wanted, size)
    assert size(new) == size(text)
    assert told(json.loads(new), wanted) == told(record, wanted)
    assert erased(new, wanted, size) == new
    if not wanted:
        assert new == text


@settings(max_examples=100, deadline=None)
@given(records, paths)
def test_what_is_shown_has_stars_there(record: dict[str, Any], wanted: list[tuple[str, ...]]) -> None:
    shown = json.loads(redacted(json.dumps(record), [path for path in wanted if len(path) == 1]))
    for path in (path for path in wanted if len(path) == 1):
        assert record.get(path[0]) is None or shown[path[0]] == "***"


@settings(max_examples=300, deadline=None)
@given(st.lists(texts, min_size=1, max_size=5), st.sets(st.integers(0, 4)), st.sampled_from(",;\t|"), st.booleans())
def test_csv_loses_its_cells_and_no_other(row: list[str], places: set[int], delimiter: str, quoted: bool) -> None:
    out = io.StringIO(newline="")
    csv.writer(
        out, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator=""
    ).writerow(row)
    text = out.getvalue()
    assert len(list(cells(text, delimiter))) == len(row)
    new = blanked(text, delimiter, places, size)
    assert size(new) == size(text)
    (read,) = csv.reader([new], delimiter=delimiter) if "\n" not in new and "\r" not in new else [None]
    if read is not None:
        assert [cell.strip() if at in places else cell for at, cell in enumerate(read)] == [
            "" if at in places else cell for at, cell in enumerate(row)
        ]


def test_what_is_rescued_keeps_every_digit_of_what_stays() -> None:
    text = '{"a.b":1.10,"c":12345678901234567890.12,"phone":"+44 20","z":7}'
    assert without_keys(text, [("phone",), ("z",)], is_row=False) == (
        '{"a.b":1.10,"c":12345678901234567890.12,"phone":null}'
    )
    assert without_keys(text, [("phone",), ("z",)], is_row=True) == '{"a.b":1.10,"c":12345678901234567890.12}'
    assert without_keys('{"phone.home":"1"}', [("phone",)], is_row=True) is None
