"""A stream in windows is staged as a file is: the same rows, record numbers, lines and rejections."""

import gzip
import io
import json
from collections.abc import Callable
from itertools import count

import pytest
import zstandard

from orderlake.engine import connect
from orderlake.errors import NotFoundError, SourceChangedError, StorageUnavailableError, UnreadableShareError
from orderlake.kernel.stage import stage
from orderlake.kernel.windows import UncuttableError, Windows
from orderlake.model.source import RemoteFile, SourceObject
from tests.unit.kernel.staging import ORDERS, ROWS, Staged, staged_of, stream_of

SIZES = [64, 300, 1_000, 5_000]


def order(number, lines=2, **more):
    products = [{"sku": f"s{number}-{line}", "price": f"{line}.25", "quantity": line} for line in range(lines)]
    return {
        "order_id": number,
        "order_date": "2024-01-15",
        "total": "12.50",
        "customer": {"name": f'n]}},{{"order_id": {number}', "id": number},
        "products": products,
        **more,
    }  # fmt: skip


def remote(data, opener=None):
    return RemoteFile(len(data), opener or (lambda: io.BytesIO(data)))


def small_windows(patch, size):
    """Cut windows of this size, of chunks that are smaller yet."""
    real = Windows.cut

    def cut_small(self, chunks):
        step = max(1, size // 7)
        return real(self, (chunk[at : at + step] for chunk in chunks for at in range(0, len(chunk), step)))

    patch.setattr(Windows.__init__, "__defaults__", (size, 1, 0, 0, False))
    patch.setattr(Windows, "cut", cut_small)


def stage_both(folder, data, stream=None, monkeypatch=None, size=300):
    """Stage these bytes from a file and from a stream in windows of `size`; give both, or the errors of both."""
    found: list[Staged | str] = []
    for name in ("file", "stream"):
        work = folder / name
        work.mkdir(parents=True)
        path = work / "source"
        path.write_bytes(data)
        source = SourceObject("file", str(path), len(data), 1)
        engine = connect(work / "spill", workers=2)
        try:
            with monkeypatch.context() as patched:
                small_windows(patched, size)
                given = path if name == "file" else remote(data)
                load = stage(engine, stream or stream_of(ORDERS), [(source, given)], work / "staged")
            staged = staged_of(load)
            staged.check()
            found.append(staged)
        except UnreadableShareError as error:
            found.append(str(error))
        finally:
            engine.close()
    return found


def told(staged):
    """What must be the same of both."""
    if isinstance(staged, str):
        return staged
    rows = [{name: value for name, value in row.items() if name != "_rid"} for row in staged.rows]
    raws = [bad.raw for bad in staged.rejections]
    return sorted(map(repr, rows)), staged.read, staged.bad, raws


def same(folder, data, monkeypatch, stream=None, size=300):
    file, streamed = stage_both(folder, data, stream, monkeypatch, size)
    assert told(streamed) == told(file)
    return streamed


RECORDS = [order(number, number % 4) for number in range(60)]
LAYOUTS = {
    "lines": "\n".join(map(json.dumps, RECORDS)),
    "lines, blank ones between": "\n\n".join(map(json.dumps, RECORDS)) + "\n\n",
    "lines, CRLF": "\r\n".join(map(json.dumps, RECORDS)) + "\r\n",
    "array": json.dumps(RECORDS),
    "array, compact": json.dumps(RECORDS, separators=(",", ":")),
    "array, pretty": json.dumps(RECORDS, indent=2),
    "array, a record a line": "[\n" + ",\n".join(map(json.dumps, RECORDS)) + "\n]\n",
    "envelope": json.dumps({"count": 60, "orders": RECORDS, "next": None}),
    "envelope, pretty": json.dumps({"orders": RECORDS}, indent=2),
    "values": "\n".join(json.dumps(record, indent=1) for record in RECORDS),
    "one value": json.dumps(RECORDS[3]),
    "empty array": "[]",
    "empty array, blanks": " \n [ \n ] \n",
    "empty": "",
    "blanks": " \n\n ",
}
PACKED: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_staged_alike(tmp_path, monkeypatch, layout, packed):
    staged = same(tmp_path, PACKED[packed](LAYOUTS[layout].encode()), monkeypatch, stream_of(ORDERS, envelope="orders"))
    if "empty" not in layout and layout not in {"blanks", "one value"}:
        assert sum(staged.read) == 60
        assert staged.bad == []


@pytest.mark.parametrize("layout", ["lines", "array, pretty", "array, a record a line", "envelope"])
@pytest.mark.parametrize("size", SIZES)
def test_a_bad_record_is_named_by_its_number_and_line(tmp_path, monkeypatch, layout, size):
    text = LAYOUTS[layout].replace('"order_id": 40,', '"order_id": "x40",', 1).replace("12.50", "12.5x", 50)
    staged = same(tmp_path, text.encode(), monkeypatch, stream_of(ORDERS, envelope="orders"), size)
    assert 41 in {number for number, *_ in staged.bad}


FAULTY = {
    "array cut short in a record": LAYOUTS["array"][: len(LAYOUTS["array"]) * 2 // 3],
    "array cut short after a comma": LAYOUTS["array, a record a line"].partition('{"order_id": 50')[0],
    "array without its end": LAYOUTS["array"][:-1],
    "garbage after the end": LAYOUTS["array"] + "garbage",
    "another array after the end": LAYOUTS["array"] + LAYOUTS["array"],
    "lines cut short": LAYOUTS["lines"][:-30],
    "envelope cut short": LAYOUTS["envelope"][:-50],
    "envelope without its end": LAYOUTS["envelope"][:-1],
    "a record that is no object": LAYOUTS["array"].replace('{"order_id": 30', '17, "text", null, {"order_id": 30', 1),
    "a broken record": LAYOUTS["array, a record a line"].replace('"order_id": 30,', '"order_id" 30,', 1),
    "a bracket too many": LAYOUTS["array, a record a line"].replace('"order_id": 30,', '"order_id": 30}},', 1),
    "a quote too many": LAYOUTS["array, a record a line"].replace('"order_id": 30,', '"order_id": "30,', 1),
    "a broken line": LAYOUTS["lines"].replace('"order_id": 30,', '"order_id" 30,', 1),
    "array of arrays": json.dumps([[1, 2]] * 500),
    "array of numbers": json.dumps(list(range(3_000))),
    "keys in another order": json.dumps([RECORDS[0], *({k: r[k] for k in reversed(r)} for r in RECORDS[1:])]),
    "elements that begin as records do": json.dumps(
        [{"order_id": n, "products": [{"order_id": m, "sku": "s"} for m in range(20)]} for n in range(30)]
    ),
    "no JSON": "this is no JSON\n" * 100,
    "NULs": LAYOUTS["lines"].replace("2024", "\0", 1),
    "lone surrogates": LAYOUTS["lines"].replace("n]}", "\\ud800"),
    "keys twice": LAYOUTS["lines"].replace('"total"', '"order_id": 7, "total"'),
    "a record longer than a window": json.dumps([order(1), order(2, note="x" * 900), order(3)]),
    "a record much longer than a window": json.dumps([order(1), order(2, note="x" * 30_000), order(3)]),
    "a line longer than a window": "\n".join(map(json.dumps, [order(1), order(2, note="x" * 700), order(3)])),
    "a line much longer than a window": "\n".join(map(json.dumps, [order(1), order(2, note="x" * 30_000), order(3)])),
    "lines, then records over several": "\n".join(map(json.dumps, RECORDS)) + "\n" + json.dumps(order(61), indent=1),
}  # fmt: skip


@pytest.mark.parametrize("size", [300, 3_000])
@pytest.mark.parametrize("fault", FAULTY)
def test_every_fault_is_found_alike(tmp_path, monkeypatch, fault, size):
    same(tmp_path, FAULTY[fault].encode(), monkeypatch, stream_of(ORDERS, envelope="orders"), size)


@pytest.mark.parametrize("layout", ["lines", "array", "array, a record a line", "envelope"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_every_encoding_is_read_alike(tmp_path, monkeypatch, encoding, layout):
    text = LAYOUTS[layout].replace("n]}", "Zoë", 3).replace("n]}", "São")
    staged = same(tmp_path, text.encode(encoding), monkeypatch, stream_of(ORDERS, envelope="orders"))
    assert sum(staged.read) == 60


def test_a_damaged_byte_is_not_taken_for_an_old_encoding_because_its_window_has_no_other(tmp_path, monkeypatch):
    lines = [json.dumps(order(number, name="x")) for number in range(40)]
    lines[1] = lines[1].replace("n]}", "Zoë")
    data = "\n".join(lines).encode().replace(b'n]},{\\"order_id\\": 35', b"S\xe3o", 1)
    staged = same(tmp_path, data, monkeypatch)
    assert [(number, line) for number, line, *_ in staged.bad] == [(36, 36)]


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
@pytest.mark.parametrize("cut", [10, 200, -5], ids=["head", "middle", "end"])
@pytest.mark.parametrize("layout", ["lines", "array"])
def test_compression_that_is_cut_short_is_told_alike(tmp_path, monkeypatch, layout, packed, cut):
    file, streamed = stage_both(tmp_path, PACKED[packed](LAYOUTS[layout].encode())[:cut], None, monkeypatch)
    assert isinstance(streamed, str)
    assert streamed == file


def test_damaged_compression_is_told_alike(tmp_path, monkeypatch):
    data = bytearray(gzip.compress(LAYOUTS["lines"].encode()))
    data[len(data) // 2] ^= 0xFF
    file, streamed = stage_both(tmp_path, bytes(data), None, monkeypatch)
    assert told(streamed) == told(file)


def test_csv_is_staged_from_a_copy(tmp_path, monkeypatch):
    text = "id,day,amount,note\n" + "".join(f'{n},2024-01-01,{n}.5,"a\nb"\n' for n in range(200)) + "x,,,\n"
    staged = same(tmp_path, text.encode(), monkeypatch, stream_of(ROWS))
    assert len(staged.rows) == 200
    assert [number for number, *_ in staged.bad] == [201]


# --- windows themselves


def cut(folder, text, layout, size=100):
    data = text.encode()
    chunks = (data[at : at + 40] for at in range(0, len(data), 40))
    return Windows(folder, layout, (), size).cut(chunks)


def test_windows_are_made_when_they_are_asked_for_and_no_larger_than_need_be(tmp_path):
    lines = "".join(json.dumps({"a": n}) + "\n" for n in range(500))
    read: list[bytes] = []
    seen = 0
    for share in cut(tmp_path, lines, "lines") or ():
        seen += 1
        assert len(list(tmp_path.iterdir())) == 1
        text = share.path.read_bytes()
        assert len(text) <= 140
        assert share.line == len(read) + 1
        read += text.splitlines()
        share.path.unlink()
    assert [json.loads(line) for line in read] == [{"a": n} for n in range(500)]
    assert seen > 30


@pytest.mark.parametrize("text", [json.dumps(list(range(5_000))), json.dumps([{"a": "x" * 5_000}, {"a": 1}])])
def test_memory_is_bounded_when_no_border_comes(tmp_path, text):
    taken = count()

    def chunks():
        for at in range(0, len(text), 50):
            next(taken)
            yield text[at : at + 50].encode()

    with pytest.raises(UncuttableError):
        list(Windows(tmp_path, "array", (), 100).cut(chunks()) or ())
    assert next(taken) * 50 < 700


def test_a_line_that_does_not_end_is_given_up_too(tmp_path):
    with pytest.raises(UncuttableError):
        list(cut(tmp_path, "x" * 5_000, "lines") or ())


def test_values_in_a_row_are_not_cut(tmp_path):
    assert cut(tmp_path, '{"a": 1} {"a": 2}', "values") is None


# --- a stream that fails


def failing(data, error, after):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= after:
                raise error
            return super().read(size)

    return remote(data, lambda: Failing(data))


@pytest.mark.parametrize("error", [StorageUnavailableError("away"), SourceChangedError("changed")])
def test_a_store_that_fails_while_it_is_streamed_is_no_fault_of_the_file(tmp_path, error):
    data = LAYOUTS["lines"].encode() * 200
    engine = connect(tmp_path / "spill", workers=2)
    source = SourceObject("file", "s3://b/k", len(data), 1)
    with pytest.raises(type(error)):
        stage(engine, stream_of(ORDERS), [(source, failing(data, error, 1 << 20))], tmp_path / "staged")
    engine.close()


@pytest.mark.parametrize("stream", [ORDERS, ROWS], ids=["json", "csv"])
def test_a_file_that_vanishes_while_it_is_streamed_is_rejected_alone(tmp_path, stream):
    data = LAYOUTS["lines"].encode() * 200
    engine = connect(tmp_path / "spill", workers=2)
    (tmp_path / "good").write_text(json.dumps(RECORDS) if stream is ORDERS else "id,day,amount,note\n1,,,\n")
    good = SourceObject("good", str(tmp_path / "good"), 1, 1)
    bad = SourceObject("bad", "s3://b/k", len(data), 1)
    vanishing = failing(data, NotFoundError("gone"), 1 << 20)
    with pytest.raises(UnreadableShareError, match="removed while it was read") as caught:
        stage(engine, stream_of(stream), [(good, tmp_path / "good"), (bad, vanishing)], tmp_path / "staged")
    assert caught.value.source == 1
    engine.close()


def test_streams_and_files_of_one_group_keep_their_places(tmp_path, monkeypatch):
    small_windows(monkeypatch, 300)
    given = []
    for number in range(6):
        records = [order(number * 100 + at) for at in range(20)]
        records[7]["order_id"] = "bad"
        data = "\n".join(map(json.dumps, records)).encode()
        path = tmp_path / f"f{number}"
        path.write_bytes(data)
        source = SourceObject(path.name, str(path), len(data), number)
        given.append((source, path if number in {0, 3, 4} else remote(data)))
    engine = connect(tmp_path / "spill", workers=2)
    load = stage(engine, stream_of(ORDERS), given, tmp_path / "staged")
    staged = staged_of(load)
    staged.check()
    engine.close()
    assert staged.read == [20] * 6
    assert [(load.segments[bad.segment].source, staged.number(bad), bad.line) for bad in staged.rejections] == [
        (number, 8, 8) for number in range(6)
    ]
    places = {(row["order_id"], row["#source"], row["#n"]) for row in staged.rows if row.get("order_id") is not None}
    assert places == {(number * 100 + at, number, at + 1) for number in range(6) for at in range(20) if at != 7}
