"""JSON in all its layouts, encodings and states of repair becomes the same rows, or a reason."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard

from orderlake.errors import DataError, UnreadableShareError
from orderlake.kernel import split
from tests.unit.kernel.staging import ORDERS, stage_files, stage_one, stream_of

SHOP = [
    {
        "order_id": 1,
        "total": 10.5,
        "customer": {"name": "Zoë"},
        "products": [{"sku": "a", "price": 0.1, "quantity": 3}],
    },
    {"order_id": 2, "total": 20, "customer": {"name": "Ann"}, "products": []},
    {"order_id": 3, "products": [{"sku": "b"}, {"sku": "c", "quantity": 1}], "tags": ["x", {"order_id": 9}]},
]
EXPECTED = [(1, "Zoë", "a"), (2, "Ann", None), (3, None, "b"), (3, None, "c")]
COLUMNS = ("order_id", "customer.name", "products.sku")
LINES = "\n".join(json.dumps(order, ensure_ascii=False) for order in SHOP)

LAYOUTS = {
    "array": json.dumps(SHOP, ensure_ascii=False),
    "pretty array": json.dumps(SHOP, indent=2, ensure_ascii=False),
    "one record per line": LINES + "\n",
    "no last newline": LINES,
    "carriage returns and blank lines": "\r\n" + LINES.replace("\n", "\r\n\r\n") + "\r\n\r\n",
    "objects in a row": "".join(json.dumps(order, ensure_ascii=False) for order in SHOP),
    "pretty objects in a row": "\n".join(json.dumps(order, indent=2, ensure_ascii=False) for order in SHOP),
    "array with a line per record": "[\n" + LINES.replace("\n", ",\n") + "\n]\n",
    "much space before": " \n" * 40_000 + LINES,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_rows(tmp_path, layout):
    staged = stage_one(tmp_path, LAYOUTS[layout])
    assert staged.values(*COLUMNS) == EXPECTED
    assert staged.read == [3]
    assert staged.bad == []


def test_a_single_object_is_one_record(tmp_path):
    for number, text in enumerate((json.dumps(SHOP[0]), json.dumps(SHOP[0], indent=4) + "\n")):
        assert stage_one(tmp_path / str(number), text).column("order_id") == [1]


ENVELOPES: dict[str, dict[str, object]] = {
    "alone": {"orders": SHOP},
    "keys before": {"count": 3, "meta": {"orders": [1], "x": "]"}, "orders": SHOP},
    "keys after": {"orders": SHOP, "next": None, "tags": ["a", ["b"], {"c": []}], "note": "] }"},
    "one order": {"order": SHOP[0]},
    "one order, keys around": {"event": {"id": 1}, "order": SHOP[0], "shop": {"id": 2, "tags": []}},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_a_declared_envelope_is_opened(tmp_path, envelope, indent):
    stream = stream_of(ORDERS, envelope=["orders", "order"])
    staged = stage_one(tmp_path, json.dumps(ENVELOPES[envelope], indent=indent, ensure_ascii=False), stream)
    assert staged.values(*COLUMNS) == (EXPECTED if "orders" in ENVELOPES[envelope] else EXPECTED[:1])
    assert staged.bad == []


def test_an_empty_envelope_holds_no_record(tmp_path):
    stream = stream_of(ORDERS, envelope="orders")
    assert stage_one(tmp_path, '{"orders": [], "n": 0}', stream).read == [0]


def test_a_bad_record_in_an_envelope_is_set_aside_alone(tmp_path):
    text = '{"a": 1,\n"orders": [\n{"order_id": 1},\n{"order_id": oops},\n{"order_id": 3}\n],\n"tags": []}'
    staged = stage_one(tmp_path, text, stream_of(ORDERS, envelope="orders"))
    assert staged.column("order_id") == [1, 3]
    assert staged.bad == [(2, 4, "", "is not valid JSON: Expecting value at character 14")]


def test_a_file_cut_short_in_its_envelope_is_rejected(tmp_path):
    with pytest.raises(UnreadableShareError, match="ends at byte 28 inside a record"):
        stage_one(tmp_path, '{"orders": [{"order_id": 1},', stream_of(ORDERS, envelope="orders"))


# --- large files, in shares ------------------------------------------------------------------------------------------


@pytest.fixture
def _small_shares(monkeypatch):
    monkeypatch.setattr(split, "SMALL", 100)
    monkeypatch.setattr(split, "SHARE", 300)
    monkeypatch.setattr(split, "PIECE", 200)


def many(count=60):
    return [
        {
            "order_id": number,
            "customer": {"name": f'}},{{"order_id": {number}'},
            "products": [{"order_id": 7, "sku": f"s{number}-{line}"} for line in range(number % 4)],
        }
        for number in range(1, count + 1)
    ]


def in_layout(orders, layout):
    texts = [json.dumps(order) for order in orders]
    return {
        "array": "[" + ", ".join(texts) + "]",
        "lines": "\n".join(texts) + "\n",
        "envelope": '{"x": [1], "orders": [' + ",".join(texts) + '], "y": {"z": []}}',
    }[layout]


@pytest.mark.usefixtures("_small_shares")
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("layout", ["array", "lines", "envelope"])
def test_a_large_file_is_cut_and_gives_every_record_once_under_its_number(tmp_path, layout, workers):
    stream = stream_of(ORDERS, envelope="orders")
    staged = stage_one(tmp_path, in_layout(many(), layout), stream, workers)
    assert [(row["#n"], row["order_id"]) for row in staged.rows] == [
        (order["order_id"], order["order_id"]) for order in many() for _ in order["products"] or [None]
    ]
    assert len(staged.column("products.sku")) == sum(len(order["products"]) or 1 for order in many())
    assert staged.bad == []


@pytest.mark.usefixtures("_small_shares")
@pytest.mark.parametrize("layout", ["array", "lines", "envelope"])
def test_a_bad_record_in_a_share_keeps_its_number_and_line_in_the_file(tmp_path, layout):
    texts = [json.dumps(order) for order in many(40)]
    texts[30] = '{"order_id": "A-17"}'
    text = {
        "array": "[\n" + ",\n".join(texts) + "\n]",
        "lines": "\n" + "\n".join(texts),
        "envelope": '{"orders": [\n' + ",\n".join(texts) + "\n]}",
    }[layout]
    staged = stage_one(tmp_path, text, stream_of(ORDERS, envelope="orders"))
    assert staged.bad == [(31, 32, "order_id", "is not a whole number of 64 bits")]
    assert sorted({row["#n"] for row in staged.rows}) == [*range(1, 31), *range(32, 41)]
    assert len(staged.load.segments) > 2


@pytest.mark.usefixtures("_small_shares")
@pytest.mark.parametrize("look", [0, 1 << 18])
def test_a_misleading_border_in_a_nested_list_does_not_tear_a_record(tmp_path, monkeypatch, look):
    monkeypatch.setattr(split, "_LOOK", look)
    orders = [
        {"order_id": number, "returns": [{"order_id": 100 + number}] * 9, "products": [{"sku": str(number)}]}
        for number in range(1, 21)
    ]
    staged = stage_one(tmp_path, json.dumps(orders))
    assert staged.values("order_id", "products.sku") == [(number, str(number)) for number in range(1, 21)]
    assert (len(staged.load.segments) == 1) == (look == 0)


@pytest.mark.usefixtures("_small_shares")
def test_a_misleading_border_and_a_bad_record_in_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(split, "_LOOK", 0)
    orders = [{"order_id": number, "returns": [{"order_id": 100 + number}] * 9} for number in range(1, 21)]
    orders[4]["order_id"] = "five"
    staged = stage_one(tmp_path, json.dumps(orders))
    assert staged.column("order_id") == [*range(1, 5), *range(6, 21)]
    assert [bad[0] for bad in staged.bad] == [5]


@pytest.mark.usefixtures("_small_shares")
def test_a_large_array_that_ends_too_early_is_rejected_with_the_byte(tmp_path):
    text = json.dumps(many())[:-30]
    with pytest.raises(UnreadableShareError, match=rf"ends at byte {len(text)} inside a record"):
        stage_one(tmp_path, text)


# --- bytes -----------------------------------------------------------------------------------------------------------

LATIN = json.dumps(SHOP, ensure_ascii=False)
ENCODED = {
    "UTF-8 with BOM": b"\xef\xbb\xbf" + LATIN.encode(),
    "UTF-16 with BOM": LATIN.encode("utf-16"),
    "UTF-16 LE": LATIN.encode("utf-16-le"),
    "UTF-16 BE": LATIN.encode("utf-16-be"),
    "UTF-16 BE with BOM": b"\xfe\xff" + LATIN.encode("utf-16-be"),
    "UTF-32 with BOM": LATIN.encode("utf-32"),
    "latin-1": LATIN.encode("latin-1"),
    "cp1252": LATIN.encode("cp1252"),
    "gzip": gzip.compress(LATIN.encode()),
    "gzip in two members": gzip.compress(LATIN[:50].encode()) + gzip.compress(LATIN[50:].encode()),
    "gzip of UTF-16": gzip.compress(LATIN.encode("utf-16")),
    "gzip of latin-1": gzip.compress(LATIN.encode("latin-1")),
    "zstd": zstandard.compress(LATIN.encode()),
    "zstd in many frames": b"".join(zstandard.compress(bytes([byte])) for byte in b"\xef\xbb\xbf" + LATIN.encode()),
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_encoding_and_compression_are_told_from_the_bytes(tmp_path, encoding):
    staged = stage_one(tmp_path, ENCODED[encoding])
    assert staged.values(*COLUMNS) == EXPECTED
    assert staged.bad == []
    assert not [path for path in (tmp_path / "staged").iterdir() if not path.name.startswith("staged-")]


def test_letters_that_only_cp1252_has(tmp_path):
    staged = stage_one(tmp_path, '{"order_id": 1, "customer": {"name": "€ “x”"}}'.encode("cp1252"))
    assert staged.column("customer.name") == ["€ “x”"]


def test_an_encoding_can_be_declared(tmp_path):
    stream = stream_of(ORDERS, encoding="cp437")
    staged = stage_one(tmp_path, '{"order_id": 1, "customer": {"name": "Zoë"}}'.encode("cp437"), stream)
    assert staged.column("customer.name") == ["Zoë"]


def test_an_old_encoding_in_a_large_file_is_noticed_when_strict_reading_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("orderlake.kernel.plain._EAGER", 10)
    assert stage_one(tmp_path, LINES.encode("latin-1")).values(*COLUMNS) == EXPECTED


def test_a_damaged_byte_in_utf_8_costs_one_record(tmp_path):
    data = LINES.encode() + b'\n{"order_id": 4, "customer": {"name": "Zo\xeb"}}\n{"order_id": 5}'
    staged = stage_one(tmp_path, data)
    assert staged.column("order_id") == [1, 2, 3, 5]
    assert staged.bad == [(4, 4, "", "is not valid UTF-8: invalid continuation byte at byte 41")]
    assert "Zo\\xeb" in staged.rejections[0].raw


GZIP, ZSTD = gzip.compress(LATIN.encode(), mtime=0), zstandard.compress(LATIN.encode())
UNREADABLE = {
    "gzip without its end": (gzip.compress(b"[" * 5000)[:-12], "the gzip data ends too early"),
    "half a gzip": (GZIP[:30], "the gzip data ends too early"),
    "gzip with damage inside": (GZIP[:40] + b"\xff" * 20 + GZIP[60:], "the gzip data is damaged"),
    "gzip with more after it": (GZIP + b"junk", "the gzip data is damaged"),
    "two bytes of gzip": (b"\x1f\x8b", "the gzip data ends too early"),
    "zstd without its end": (ZSTD[:-4], "the zstd data ends too early"),
    "zstd with damage inside": (ZSTD[:4] + b"\xff" * 30, "the zstd data is damaged"),
    "four bytes of zstd": (b"\x28\xb5\x2f\xfd", "the zstd data ends too early"),
    "a picture": (b"\x00\x01\x02PNG", "is not JSON: it begins with"),
    "CSV": (b"order_id,total\n1,2\n", "is not JSON: it begins with 'order_id"),
    "an array cut in a record": (b'[{"order_id": 1}, {"order_id": 2', "the JSON ends at byte 32 inside a record"),
    "an array without its end": (b'[{"order_id": 1}, {"order_id": 2}', "the JSON ends at byte 33 inside a record or"),
    "a cut array in lines": (b'[\n{"order_id": 1},\n{"order_id": 2},\n{"order_id":', "the JSON ends at byte 48"),
    "a cut object": (b'{"order_id": 1, "customer": {', "the JSON ends at byte 29 inside a record"),
    "a bracket too many": (b'[{"order_id": 1}]]', "the ] at byte 17 closes nothing"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_rejected_with_the_reason(tmp_path, kind):
    data, reason = UNREADABLE[kind]
    with pytest.raises(UnreadableShareError, match=reason) as caught:
        stage_one(tmp_path, data)
    assert caught.value.source == 0
    assert isinstance(caught.value, DataError)


@pytest.mark.parametrize(
    "data", [b"", b" \n\t ", b"\xef\xbb\xbf", b"\xff\xfe", b"[]", b"[\n]\n", gzip.compress(b"", mtime=0)]
)
def test_nothing_is_nothing_to_load(tmp_path, data):
    staged = stage_one(tmp_path, data)
    assert (staged.read, staged.rows, staged.bad) == ([0], (), [])


def test_nul_bytes_cost_the_record_they_stand_in(tmp_path):
    staged = stage_one(tmp_path, b'{"order_id": 1}\n{"order_id": 2, "x": "a\0b"}\n{"order_id": 3}\n\0\0\0\0')
    assert staged.column("order_id") == [1, 3]
    assert [bad[:2] + bad[3:] for bad in staged.bad] == [(2, 2, "holds a NUL byte"), (4, 4, "holds a NUL byte")]


# --- records that are not well ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('{"order_id": 2, "total": }', "is not valid JSON: Expecting value at character 26"),
        (
            '{"order_id": 2, oops}',
            "is not valid JSON: Expecting property name enclosed in double quotes at char",
        ),
        ('{"order_id": 2, "x": [1, 2}', "is not valid JSON: Expecting ',' delimiter at character 27"),
        ('{"order_id": 2, "total": 5', "is not valid JSON: Expecting ',' delimiter at character 27"),
        ('{"order_id": 2, "customer": {"name": "x}', "is not valid JSON: Unterminated string"),
        ('{"order_id": 2, "note": "\\ud800"}', "is not valid JSON: a lone surrogate"),
        ('{"order_id": 2, "order_id": 4}', "has a key twice"),
        ("[1, 2]", "is a list, not an object"),
        ("5", "is a number, not an object"),
        ('"text"', "is text, not an object"),
        ("null", "is missing"),
        ("nul", "is not valid JSON: Expecting value at character 1"),
    ],
)
@pytest.mark.parametrize("form", ["array", "lines"])
def test_a_malformed_record_is_set_aside_alone(tmp_path, form, broken, reason):
    parts = ['{"order_id": 1}', broken, '{"order_id": 3, "products": [{"sku": "x"}]}']
    text = "[\n" + ",\n".join(parts) + "\n]" if form == "array" else "\n".join(parts)
    staged = stage_one(tmp_path, text)
    assert staged.column("order_id") == [1, 3]
    ((number, line, _, said),) = staged.bad
    assert (number, line) == (2, 3 if form == "array" else 2)
    assert said.startswith(reason)
    assert staged.rejections[0].raw == broken


def test_a_record_without_its_end_in_a_pretty_array_is_set_aside_alone(tmp_path):
    text = json.dumps([{"order_id": n, "products": [{"sku": "a"}]} for n in (1, 2, 3)], indent=2)
    text = text.replace('"order_id": 2,\n    "products": [\n      {', '"order_id": 2,\n    "products": [\n')
    staged = stage_one(tmp_path, text)
    assert staged.column("order_id") == [1, 3]
    assert [bad[:2] for bad in staged.bad] == [(2, 10)]


@pytest.mark.parametrize("garbage", ["xyz", "5", '"text"'])
def test_garbage_after_an_array_is_a_record_that_cannot_be_loaded(tmp_path, garbage):
    staged = stage_one(tmp_path, f'[{{"order_id": 1}}]\n{garbage}')
    assert staged.column("order_id") == [1]
    assert [(number, line) for number, line, _, _ in staged.bad] == [(2, 2)]


def test_arrays_in_a_row_and_missing_or_doubled_commas_lose_no_record(tmp_path):
    texts = ('[{"order_id":1}][{"order_id":2}]', '[{"order_id":1}{"order_id":2}]', '[{"order_id":1},,{"order_id":2},]')
    for number, text in enumerate(texts):
        assert stage_one(tmp_path / str(number), text).column("order_id") == [1, 2]


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ('{"order_id": 1, "total": 1, "total": 1}', ""),
        ('{"order_id": 1, "customer": {"name": "a", "name": "b"}}', "customer"),
        ('{"order_id": 1, "products": [{"sku": "a"}, {"sku": "a", "sku": "b"}]}', "products"),
        ('{"order_id": 1, "products": {"sku": "a", "sku": "b"}}', "products"),
    ],
)
def test_a_key_that_comes_twice_is_ambiguous(tmp_path, record, field):
    assert stage_one(tmp_path, f"[{record}]").bad == [(1, 1, field, "has a key twice")]


def test_an_undeclared_key_may_come_twice(tmp_path):
    text = '{"order_id": 1, "x": 1, "x": 2, "products": [{"y": 1, "y": 1}]}\n{"order_id": "bad"}'
    staged = stage_one(tmp_path, text)
    assert staged.column("order_id") == [1]


@pytest.mark.parametrize("depth", [100, 10_000])
@pytest.mark.parametrize("tail", ["", ', {"order_id": "bad"}'])
def test_deep_nesting_in_undeclared_fields_is_no_trouble(tmp_path, depth, tail):
    deep = '{"k":[' * depth + "1" + "]}" * depth
    text = f'[{{"order_id": 1, "x": {deep}}}, {{"order_id": 2}}{tail}]'
    assert stage_one(tmp_path, text).column("order_id") == [1, 2]
    lines = f'{{"order_id": 1, "x": {deep}}}\n{{"order_id": 2}}'
    assert stage_one(tmp_path / "lines", lines, stream_of(ORDERS, envelope="x")).column("order_id") == [1, 2]


def test_deep_nesting_that_never_ends_is_rejected(tmp_path):
    with pytest.raises(UnreadableShareError, match="ends at byte"):
        stage_one(tmp_path, "[" * 100_000)


# --- groups ----------------------------------------------------------------------------------------------------------


def test_a_group_of_small_files_gives_each_record_its_file_and_number(tmp_path):
    files = {f"f{n}": json.dumps([{"order_id": n * 10 + k} for k in range(n % 5)]).encode() for n in range(30)}
    staged = stage_files(tmp_path, stream_of(ORDERS), files)
    assert staged.read == [n % 5 for n in range(30)]
    assert [(row["#source"], row["#n"], row["order_id"]) for row in staged.rows] == [
        (n, k + 1, n * 10 + k) for n in range(30) for k in range(n % 5)
    ]


def test_a_group_of_all_kinds_keeps_each_fault_with_its_file(tmp_path):
    files = {
        "array": b'[{"order_id": 1}, {"order_id": 2}]',
        "empty": b"",
        "bad record": b'[{"order_id": 3},\n{"order_id": "x"},\n{"order_id": 5}]',
        "lines": b'{"order_id": 6}\n{"order_id": 7}',
        "none": b"[]",
        "utf-16": '[{"order_id": 8}]'.encode("utf-16"),
        "gzip": gzip.compress(b'{"order_id": 9}{"order_id": 10}'),
        "bad line": b'{"order_id": 11}\n{"order_id":\n{"order_id": 13}',
    }
    staged = stage_files(tmp_path, stream_of(ORDERS), files)
    assert [(row["#source"], row["#n"], row["order_id"]) for row in staged.rows] == [
        (0, 1, 1), (0, 2, 2), (2, 1, 3), (2, 3, 5), (3, 1, 6), (3, 2, 7),
        (5, 1, 8), (6, 1, 9), (6, 2, 10), (7, 1, 11), (7, 3, 13),
    ]  # fmt: skip
    assert staged.read == [2, 0, 3, 2, 0, 1, 2, 3]
    assert [(staged.load.segments[bad.segment].source, bad.position, bad.line) for bad in staged.rejections] == [
        (2, 2, 2),
        (7, 2, 2),
    ]


def test_the_unreadable_file_of_a_group_is_named(tmp_path):
    files = {"a": b'[{"order_id": 1}]', "b": b'[{"order_id": 2}', "c": b'[{"order_id": 3}]'}
    with pytest.raises(UnreadableShareError) as caught:
        stage_files(tmp_path, stream_of(ORDERS), files)
    assert caught.value.source == 1


@pytest.mark.parametrize("before", ["", "x"])
@pytest.mark.parametrize("letter", ["ğ", "語", "😀"])
@pytest.mark.parametrize("files", [1, 3])
def test_a_letter_that_the_engine_cuts_in_two_when_it_complains_stops_nothing(tmp_path, before, letter, files):
    bad = {"order_id": 2, "total": before + letter * 99}
    contents = {
        f"f{number}": json.dumps([{"order_id": 1}, bad], ensure_ascii=False).encode() for number in range(files)
    }
    staged = stage_files(tmp_path, stream_of(ORDERS), contents)
    assert [(number, field) for number, _, field, _ in staged.bad] == [(2, "total")] * files
    assert all(one.raw.endswith(f'{letter}"}}') for one in staged.rejections)
