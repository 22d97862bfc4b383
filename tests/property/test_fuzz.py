"""Damage at random: files and pipelines that somebody, or a bad disk, has been at.

Bounded by default, to some twenty seconds. ORDERLAKE_FUZZ=N takes N times as many examples, for as many hours as there
are: `ORDERLAKE_FUZZ=500 pytest tests/property/test_fuzz.py`.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderlake.engine import Engine, connect
from orderlake.errors import ConfigError, UnreadableShareError
from orderlake.kernel import split
from orderlake.kernel.flatten import plan_of
from orderlake.kernel.stage import stage
from orderlake.kernel.worker import Worker
from orderlake.model.pipeline import Stream, parse_pipeline
from orderlake.model.source import SourceObject
from orderlake.wiring import bundled_pipelines, load_pipeline
from tests.unit.kernel.staging import ORDERS, ROWS, Staged, staged_of, stream_of

TIMES = int(os.environ.get("ORDERLAKE_FUZZ", "1"))
BOUNDED = settings(max_examples=60 * TIMES, deadline=None, suppress_health_check=list(HealthCheck))
PLENTY = settings(BOUNDED, max_examples=300 * TIMES)

JSON, CSV = stream_of(ORDERS), stream_of(ROWS)
WRAPPED = stream_of(ORDERS, envelope=["orders", "order"])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder:
        made = connect(Path(folder), workers=2)
        yield made
        made.close()


def order(number: int) -> dict[str, Any]:
    return {
        "order_id": number,
        "order_date": "2024-01-05",
        "total": number + 0.25,
        "customer": {"name": "Zoë \\ }{", "id": 2**53 + number},
        "products": [{"sku": f"P{number}", "price": 0.1, "quantity": 3}, {"sku": "],[", "price": "2.50"}],
    }


def text_of(layout: str, orders: list[dict[str, Any]]) -> str:
    """The same orders in each way that files have them."""

    def dump(value: object, indent: int | None = None) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    return {
        "array": lambda: dump(orders),
        "pretty array": lambda: dump(orders, 2),
        "array of lines": lambda: "[\n" + ",\n".join(map(dump, orders)) + "\n]\n",
        "lines": lambda: "".join(dump(one) + "\n" for one in orders),
        "in a row": lambda: "".join(map(dump, orders)),
        "pretty in a row": lambda: "\n".join(dump(one, 2) for one in orders),
        "envelope": lambda: dump({"page": 1, "orders": orders}),
    }[layout]()


LAYOUTS = ("array", "pretty array", "array of lines", "lines", "in a row", "pretty in a row", "envelope")
TABLE = "id,day,amount,note\n" + "".join(f'{n},2024-01-0{n},{n}.50,"row {n}, ""ü"""\n' for n in range(1, 7))


@dataclass(frozen=True)
class Damage:
    """Something done to bytes, at a place given as a share of their length."""

    kind: str
    at: float
    length: int
    put: bytes

    def of(self, data: bytes) -> bytes:
        """The bytes, damaged."""
        start = int(self.at * len(data))
        end = min(len(data), start + self.length)
        span = data[start:end]
        if self.kind == "flip" and span:
            return data[:start] + bytes([span[0] ^ (1 << self.length % 8)]) + data[start + 1 :]
        if self.kind == "lines":
            lines = data.splitlines(keepends=True)
            first, second = start % max(1, len(lines)), self.length % max(1, len(lines))
            if lines:
                lines[first], lines[second] = lines[second], lines[first]
            return b"".join(lines)
        return {
            "cut": data[:start] + data[end:],
            "end": data[:start],
            "insert": data[:start] + self.put + data[start:],
            "replace": data[:start] + self.put + data[end:],
            "double": data[:end] + span + data[end:],
        }.get(self.kind, data)


_MARKS = rb"""{ } [ ] " \ , : ; ' null 1e999 - \u0000 \ud800 }{ },{ ]} // "" """.split()
_BYTES = [b"\n", b"\r", b"\t", b"\0", b"\xff", b"\x85", b"\xef\xbb\xbf", b"\n{", b'\n{"', b"\xc3", b"\x1f\x8b"]
ODD = st.one_of(st.sampled_from([*_MARKS, *_BYTES]), st.binary(max_size=4))
DAMAGE = st.builds(
    Damage,
    st.sampled_from(["flip", "cut", "end", "insert", "replace", "double", "lines"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 40),
    ODD,
)
SOME = st.lists(DAMAGE, min_size=1, max_size=3)


def damaged(data: bytes, some: list[Damage]) -> bytes:
    for damage in some:
        data = damage.of(data)
    return data


def staged(engine: Engine, stream: Stream, data: bytes) -> Staged | str:
    """What came of a file; the reason why none of it did."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        try:
            load = stage(
                engine, stream, [(SourceObject("file", str(path), len(data), 1), path)], Path(folder) / "staged"
            )
        except UnreadableShareError as error:
            return str(error)
        found = staged_of(load)
        found.check()
        assert all(
            bad.line is not None and 1 <= bad.line <= 1 + data.count(b"\n") + data.count(b"\r")
            for bad in found.rejections
        )
        assert all(1 <= bad[0] <= found.read[0] for bad in found.bad)
        return found


@contextmanager
def carefully() -> Iterator[None]:
    """Nothing is read strictly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "_strict", lambda *_: None)
        yield


@contextmanager
def in_pieces() -> Iterator[None]:
    """Files are cut wherever they can be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "SMALL", 20)
        patch.setattr(split, "SHARE", 300)
        patch.setattr(split, "PIECE", 100)
        yield


def contents(found: Staged) -> list[tuple[Any, ...]]:
    """Everything staged, under the record's number."""
    return sorted(
        (row["#n"], *(repr(value) for key, value in row.items() if key not in ("_rid", "#source")))
        for row in found.rows
    )


def same(one: Staged | str, other: Staged | str) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert contents(one) == contents(other)
    assert one.bad == other.bad
    assert one.read == other.read


@BOUNDED
@given(st.sampled_from(LAYOUTS), st.integers(0, 4), SOME)
def test_damaged_json_is_read_the_same_with_care_and_without_whole_and_in_pieces(engine, layout, count, some):
    data = damaged(text_of(layout, [order(number) for number in range(1, count + 1)]).encode(), some)
    stream = WRAPPED if layout == "envelope" else JSON
    found = staged(engine, stream, data)
    with carefully():
        same(found, staged(engine, stream, data))
    with in_pieces():
        same(found, staged(engine, stream, data))


@BOUNDED
@given(SOME, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from([",", ";", "\t"]))
def test_damaged_csv_is_read_the_same_with_care_and_without(engine, some, end, delimiter):
    data = damaged(TABLE.replace(",", delimiter).replace("\n", end).encode(), some)
    found = staged(engine, CSV, data)
    with carefully():
        same(found, staged(engine, CSV, data))


PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}


@BOUNDED
@given(st.sampled_from(sorted(PACKED)), SOME)
def test_damaged_compression_loses_no_record_unsaid(engine, packed, some):
    plain = text_of("lines", [order(number) for number in range(1, 5)]).encode()
    whole = staged(engine, JSON, plain)
    data = damaged(PACKED[packed](plain), some)
    found = staged(engine, JSON, data)
    if isinstance(found, str) or not found.rows:
        return
    parts = found.read[0] // 4
    assert found.read == [4 * parts]  # a member or frame is there as often as it stands in the file
    if parts == 1:
        same(found, whole)


PIECES = (
    st.lists(ODD, min_size=1, max_size=4).map(b"".join).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b""))
)


@BOUNDED
@given(
    st.dictionaries(st.integers(1, 6), st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), min_size=1, max_size=3)
)
def test_lines_that_nothing_was_done_to_load(engine, touched):
    lines = [json.dumps(order(number), ensure_ascii=False).encode() for number in range(8)]
    for number, (at, length, put) in touched.items():
        line, start = lines[number], int(at * len(lines[number]))
        lines[number] = line[:start] + put + line[start + length :]
    found = staged(engine, JSON, b"\n".join(lines))
    assert isinstance(found, Staged)
    whole = {number: json.loads(json.dumps(order(number))) for number in range(8) if number not in touched}
    seen = {row["order_id|BIGINT"] if "order_id|BIGINT" in row else row["order_id"] for row in found.rows}
    assert set(whole) <= seen


@BOUNDED
@given(
    st.dictionaries(st.integers(1, 6), st.tuples(st.floats(0, 1), st.integers(0, 9), PIECES), min_size=1, max_size=3)
)
def test_rows_that_nothing_was_done_to_load(engine, touched):
    """Nothing but the damage holds a quote here: a row of its own is all that one can cost, if it stands alone."""
    rows = [f"{number},2024-01-05,1.50,ü{number}".encode() for number in range(8)]
    for number, (at, length, put) in touched.items():
        row, start = rows[number], int(at * len(rows[number]))
        rows[number] = row[:start] + (put if len(touched) == 1 else put.replace(b'"', b"'")) + row[start + length :]
    found = staged(engine, CSV, b"id,day,amount,note\n" + b"\n".join(rows))
    assert isinstance(found, Staged)
    assert {number for number in range(8) if number not in touched} <= {row["id"] for row in found.rows}


DOCUMENTS = [yaml.safe_load(path.read_text("utf-8")) for path in bundled_pipelines().values()]
_TYPES = [
    "bigint required",
    "date from x.y",
    "decimal(18,2)",
    "decimal(99,100)",
    "string from a.$position",
    "required required",
]
_NAMES = ["id", "money", "orders", "products", "products.lines", "quarantine", "month(order_date)", "utf-7"]
_FORMATS = ["parquet", "csv", "json", "auto"]
_ODD_NAMES = [
    "",
    "*",
    "$position",
    "..",
    "a..b",
    "from",
    "required",
    "ü",
    "\0",
    "'",
    '"',
    "x" * 300,
    "_load_id",
    "[a",
    "%Q",
]
WORDS = st.sampled_from([*_TYPES, *_NAMES, *_FORMATS, *_ODD_NAMES])
VALUES = st.one_of(
    WORDS,
    st.none(),
    st.booleans(),
    st.integers(-5, 10**30),
    st.floats(),
    st.lists(st.one_of(WORDS, st.none(), st.integers()), max_size=3),
    st.dictionaries(st.one_of(WORDS, st.integers(), st.none()), st.one_of(WORDS, st.none()), max_size=3),
    st.just([[]]),
    st.just({"type": "date", "format": "%Q"}),
    st.just({"type": "timestamptz", "timezone": "Mars/Olympus"}),
    st.just({"range": {"column": "id", "min": "x"}}),
    st.dates(),
)
_KEYS = """
    rows columns format key match tables sequence_by envelope encoding partition_by checks contract file_prefix pipeline
    sources type from required timezone unknown
"""
KEYS = st.sampled_from(_KEYS.split())


@st.composite
def documents(draw: Any) -> object:
    """A bundled pipeline with some of its nodes replaced, removed, doubled, renamed or moved."""
    document = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTS))))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(document))
        if not places:
            return document
        holder, key = draw(st.sampled_from(places))
        action = draw(st.sampled_from(["replace", "remove", "rename", "add", "move"]))
        if action == "replace" or isinstance(holder, list):
            holder[key] = copy.deepcopy(draw(VALUES))
        elif action == "remove":
            del holder[key]
        elif action == "rename":
            holder[draw(st.one_of(KEYS, WORDS, st.integers(), st.none()))] = holder.pop(key)
        elif action == "add":
            holder[draw(KEYS)] = copy.deepcopy(draw(VALUES))
        else:
            other, place = draw(st.sampled_from(places))
            holder[key] = copy.deepcopy(other[place])
    return document


def _places(node: object) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield node, key
            yield from _places(value)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield node, number
            yield from _places(value)


def says_where(error: ConfigError, place: str) -> None:
    assert str(error).startswith(place)
    assert len(str(error)) > len(place)


@PLENTY
@given(documents())
def test_a_pipeline_somebody_was_at_is_one_or_says_what_is_wrong_and_where(document):
    try:
        pipeline = parse_pipeline(document, "shop.yaml")
    except ConfigError as error:
        says_where(error, "shop.yaml: ")
    else:
        for stream in pipeline.streams:
            plan_of(stream)
        assert pipeline == parse_pipeline(document, "shop.yaml")


@BOUNDED
@given(st.sampled_from(sorted(bundled_pipelines().values())), SOME)
def test_a_pipeline_file_with_damaged_text_is_one_or_says_what_is_wrong_and_where(path, some):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.yaml"
        file.write_bytes(damaged(path.read_bytes(), some))
        try:
            load_pipeline(file)
        except ConfigError as error:
            says_where(error, str(file))
