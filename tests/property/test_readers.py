"""Both readers tell the same: the form of a file and the state of its neighbours change nothing in a record."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderlake.errors import UnreadableShareError
from orderlake.kernel import split
from tests.unit.kernel.staging import ORDERS, ROWS, Staged, stage_files, stage_one, stream_of

BOUNDED = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))

cents = st.integers(-(10**17), 10**17).map(lambda number: str(Decimal(number).scaleb(-2)))
numbers = st.one_of(
    cents,
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0", "-0", "-0.0", "1e2", "1E+2", "10.005", "10.200000000000001", "1e400", "9007199254740993"]),
)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(
        ["2024-01-05", "2024-02-30", "007", "A-17", "1.5", "1_000", " 7 ", "", "epoch", "true", "], {", "\\"]
    ),
)
leaves = st.one_of(numbers, texts.map(json.dumps), st.sampled_from(["null", "true", "false", "[]", "{}", "[1]"]))


def objects(fields: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """JSON text of an object with some of these fields, in any order."""
    pairs = st.fixed_dictionaries({}, optional=fields).flatmap(lambda some: st.permutations(list(some.items())))
    return pairs.map(lambda some: "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in some) + "}")


def lists(element: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(element, max_size=3).map(lambda found: "[" + ",".join(found) + "]")


def rarely(usual: st.SearchStrategy[str], odd: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.integers(0, 15).flatmap(lambda roll: odd if roll == 0 else usual)


names = texts.map(json.dumps)
plain_ids = st.integers(1, 2**62).map(str)
products = objects(
    {"sku": names, "price": rarely(cents, leaves), "quantity": rarely(st.integers(0, 9).map(str), leaves)}
)
orders = objects(
    {
        "order_id": rarely(plain_ids, leaves),
        "order_date": rarely(st.dates().map(lambda day: json.dumps(day.isoformat())), leaves),
        "total": rarely(cents, leaves),
        "customer": rarely(objects({"name": names, "id": rarely(plain_ids, leaves), "x": leaves}), leaves),
        "rate": rarely(st.floats(allow_nan=False, allow_infinity=False).map(repr), leaves),
        "paid": rarely(st.sampled_from(["true", "false", "null"]), leaves),
        "products": rarely(lists(rarely(products, leaves)), st.one_of(products, leaves)),
        "extra": leaves,
    }
)
stream = stream_of(ORDERS)


def staged(content: bytes | str, name: str = "file", workers: int = 1) -> Staged:
    with tempfile.TemporaryDirectory() as folder:
        return stage_one(Path(folder) / name, content, stream, workers)


def by_number(found: Staged) -> dict[int, list[tuple]]:
    """Everything staged of each record, under its number."""
    hidden = {"_rid", "#source", "#n"}
    rows: dict[int, list[tuple]] = {}
    for row in found.rows:
        rows.setdefault(row["#n"], []).append(tuple(repr(value) for key, value in row.items() if key not in hidden))
    return rows


@BOUNDED
@given(st.lists(orders, min_size=1, max_size=6))
def test_a_bad_neighbour_changes_nothing_in_a_record(records):
    alone = [staged(record) for record in records]
    together = staged("\n".join([*records, '{"order_id": "bad"}']))
    found = by_number(together)
    assert len(together.bad) == 1 + sum(len(one.bad) for one in alone)
    for number, one in enumerate(alone, 1):
        assert by_number(one) == ({1: found[number]} if number in found else {})
        assert [bad[2:] for bad in one.bad] == [bad[2:] for bad in together.bad if bad[0] == number]


@BOUNDED
@given(st.lists(orders, max_size=6))
def test_every_form_of_the_same_records_gives_the_same_rows(records):
    array = "[" + ",\n".join(records) + "]"
    forms: dict[str, bytes | str] = {
        "array": array,
        "lines": "\n".join(records),
        "in a row": "".join(records),
        "spread": "\n".join(record.replace("{", "{\n  ", 1) for record in records),
        "gzip": gzip.compress(array.encode()),
        "utf-16": array.encode("utf-16"),
    }
    expected = staged(array)
    assert expected.read == [len(records)]
    for content in forms.values():
        found = staged(content)
        assert by_number(found) == by_number(expected)
        assert [(bad[0], *bad[2:]) for bad in found.bad] == [(bad[0], *bad[2:]) for bad in expected.bad]


@BOUNDED
@given(st.lists(orders, min_size=1, max_size=12), st.integers(1, 4), st.sampled_from([100, 1000]), st.booleans())
def test_the_shares_that_a_file_is_cut_into_change_nothing(records, workers, share, array):
    text = "[" + ", ".join(records) + "]" if array else "\n".join(records)
    expected = staged(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "SMALL", 20)
        patch.setattr(split, "SHARE", share)
        patch.setattr(split, "PIECE", 50)
        found = staged(text, workers=workers)
    assert by_number(found) == by_number(expected)
    assert found.bad == expected.bad


@BOUNDED
@given(
    st.lists(st.one_of(orders, st.text('[]{}",:\\ \n0a', max_size=12)), max_size=6), st.sampled_from(["[", "", "\n"])
)
def test_damage_never_loses_a_record_unsaid(parts, start):
    text = start + (",\n" if start == "[" else "\n").join(parts) + ("]" if start == "[" else "")
    with suppress(UnreadableShareError):
        staged(text)  # checks that every record read is accepted or rejected


cells = st.one_of(
    st.sampled_from(
        ["", " ", "1", "007", "820982911946154508", "10.5", "1e2", "2024-01-05", "1/5/2024", "x", 'a"b', "a,b"]
    ),
    st.sampled_from(["two\nlines", "two\r\nlines", " padded ", '"', '""', "ä", "€", "1_0", "null", "NULL", "\\N", "#"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=5),
)


@BOUNDED
@given(
    st.lists(st.tuples(cells, cells, cells, cells), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_a_bad_row_changes_nothing_in_its_neighbours(table, end, delimiter):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(["id", "day", "amount", "note"])
    writer.writerows(table)
    writer.writerow(["9", "", "", "last"])
    rows = stream_of(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        files = {"strict": out.getvalue().encode()}
        writer.writerow(["bad", "", "", ""])
        files["careful"] = out.getvalue().encode()
        strict, careful = (stage_files(Path(folder) / name, rows, {name: data}) for name, data in files.items())
    assert by_number(strict) == by_number(careful)
    assert strict.bad == careful.bad[:-1]
    assert careful.bad[-1][3] == "is not a whole number of 64 bits"
    blank = sum(not any(cell.strip(" ") for cell in row) for row in table)
    assert strict.read == [len(table) + 1 - blank]


@BOUNDED
@given(st.lists(st.tuples(st.integers(1, 99), st.sampled_from(["\n", "\r\n"])), min_size=1, max_size=6), st.booleans())
def test_mixed_line_ends_lose_no_row(lines, preamble):
    text = ("made by hand\r\n" if preamble else "") + "id,day,amount,note\n"
    text += "".join(f"{number},,,x{end}" for number, end in lines)
    with tempfile.TemporaryDirectory() as folder:
        found = stage_one(Path(folder) / "x", text, stream_of(ROWS))
    assert [row["id"] for row in found.rows] == [number for number, _ in lines]
