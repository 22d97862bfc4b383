"""DuckDB reads and writes S3 through our file system: what it writes is there, whole, or it says that it is not."""

import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from orderlake.engine import connect, parquet, quote
from orderlake.errors import ConfigError, SourceChangedError, StorageUnavailableError
from orderlake.storage.filesystem import StoreFileSystem
from orderlake.storage.raised import raised_in_engine
from orderlake.storage.s3 import S3Store
from orderlake.storage.s3_streams import PART, MultipartWriter

FOR_GOOD = 50
MANY = "SELECT i, md5(i::VARCHAR) AS text FROM range({}) AS t(i)"
LARGE = 600_000
"""Rows of MANY that make more than one part."""


@pytest.fixture
def root(aws):
    return aws.deploy().lake


@pytest.fixture
def store(aws, tmp_path):
    return S3Store(aws.region, tmp_path)


@pytest.fixture
def engine(store, tmp_path):
    opened = connect(tmp_path / "spill", workers=4, filesystem=StoreFileSystem(store))
    yield opened
    opened.close()


@pytest.fixture
def cursor(engine):
    return engine.cursor()


def copy(cursor, select, location, options="FORMAT parquet, COMPRESSION uncompressed"):
    return cursor.execute(f"COPY ({select}) TO {quote(location)} ({options})").fetchone()


def rows(cursor, *locations):
    return cursor.execute(f"SELECT count(*), sum(i), max(text) FROM {parquet(locations)}").fetchone()


def left(aws, root):
    """Every object and unfinished upload under root."""
    bucket = root.removeprefix("s3://").partition("/")[0]
    s3 = aws.client("s3")
    return s3.list_objects_v2(Bucket=bucket).get("Contents", []) + s3.list_multipart_uploads(Bucket=bucket).get(
        "Uploads", []
    )


@pytest.mark.parametrize("count", [0, 1, 1_000, LARGE])
def test_what_is_copied_is_read(cursor, store, root, count):
    assert copy(cursor, MANY.format(count), f"{root}/a.parquet") == (count,)
    assert (
        rows(cursor, f"{root}/a.parquet")
        == cursor.execute(f"SELECT count(*), sum(i), max(text) FROM ({MANY.format(count)})").fetchone()
    )
    if count == LARGE:
        assert store.size(f"{root}/a.parquet") > 2 * PART


@pytest.mark.parametrize("name", ["a[1]*?", "a b+%20%2F", "m=2024-01/x", "ü€😀", "it's", 'a"b'])
def test_names_are_names_and_no_patterns(cursor, root, name):
    for number, other in enumerate((name, "a1x", "a b")):
        copy(cursor, f"SELECT {number} AS i, 'x' AS text", f"{root}/{other}.parquet")
    assert rows(cursor, f"{root}/{name}.parquet") == (1, 0, "x")


def test_footers_are_read(cursor, root):
    copy(cursor, MANY.format(10_000), f"{root}/a.parquet", "FORMAT parquet, ROW_GROUP_SIZE 2048")
    found = cursor.execute(
        f"SELECT count(*), max(CAST(stats_max_value AS BIGINT)) FROM parquet_metadata({quote(f'{root}/a.parquet')}) "
        "WHERE path_in_schema = 'i'"
    ).fetchone()
    assert found == (5, 9_999)


def test_many_files_are_read_as_one(cursor, root):
    files = [f"{root}/{number}.parquet" for number in range(60)]
    for number, file in enumerate(files):
        copy(cursor, f"SELECT {number} AS i, 'x' AS text", file)
    assert rows(cursor, *files) == (60, sum(range(60)), "x")


def test_cursors_write_and_read_at_once(engine, root):
    def work(number):
        cursor = engine.cursor()
        copy(cursor, MANY.format(20_000 + number), f"{root}/{number}.parquet")
        return rows(cursor, f"{root}/{number}.parquet")[0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [20_000 + number for number in range(24)]


def test_threads_that_share_a_file_read_each_their_own_place(store, root):
    for size in (300_000, 6 << 20):
        data = random.Random(0).randbytes(size)
        store.write(f"{root}/a", data)
        file = StoreFileSystem(store).open(f"{root}/a")
        together = threading.Barrier(8)

        def read(number, file=file, data=data, together=together):
            for turn in range(4):
                place = len(data) // 40 * (number * 4 + turn)
                together.wait(10)
                file.seek(place)
                together.wait(10)
                if file.read(5_000) != data[place : place + 5_000]:
                    return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(read, range(8))) == [True] * 8
        file.close()


def test_a_copy_of_s3_to_s3_reads_while_it_writes(cursor, root):
    copy(cursor, MANY.format(LARGE), f"{root}/a.parquet")
    copy(cursor, f"SELECT * FROM {parquet([f'{root}/a.parquet'])} WHERE i % 2 = 0", f"{root}/b.parquet")
    assert rows(cursor, f"{root}/b.parquet")[0] == LARGE // 2


# --- what goes wrong


@pytest.mark.parametrize("at", [0, 5_000, LARGE - 1], ids=["first", "early", "after-parts"])
def test_a_query_that_fails_in_the_middle_of_a_copy_leaves_no_object(aws, cursor, root, at):
    faulty = f"SELECT CASE WHEN i = {at} THEN error('midway') ELSE i END AS i, text FROM ({MANY.format(LARGE)})"
    options = "FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE 4096"
    with pytest.raises(duckdb.InvalidInputException, match="midway"):
        copy(cursor, faulty, f"{root}/a.parquet", options)
    assert left(aws, root) == []


@pytest.mark.parametrize(
    ("operation", "count"),
    [
        ("PutObject", 10),
        ("CreateMultipartUpload", LARGE),
        ("UploadPart", LARGE),
        ("CompleteMultipartUpload", LARGE),
    ],
)
def test_a_copy_whose_upload_fails_is_an_error_and_leaves_no_object(aws, cursor, root, operation, count):
    aws.faults.throttle(operation, times=FOR_GOOD)
    with pytest.raises(duckdb.Error, match="SlowDown") as caught:
        copy(cursor, MANY.format(count), f"{root}/a.parquet")
    assert isinstance(raised_in_engine(caught.value), StorageUnavailableError)
    aws.faults.clear()
    assert left(aws, root) == []
    copy(cursor, MANY.format(count), f"{root}/a.parquet")
    assert rows(cursor, f"{root}/a.parquet")[0] == count


@pytest.mark.parametrize("method", ["write", "close"])
def test_whatever_a_stream_raises_the_copy_fails(cursor, root, monkeypatch, method):
    def fail(*_):
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(MultipartWriter, method, fail)
    with pytest.raises(duckdb.Error, match="a fault of our own"):
        copy(cursor, MANY.format(10), f"{root}/a.parquet")


def test_what_was_not_written_to_its_end_is_no_object(aws, store, root):
    stream = store.upload(f"{root}/a.parquet", end=b"PAR1")
    stream.write(b"PAR1 and some rows")
    with pytest.raises(StorageUnavailableError, match="not written to its end"):
        stream.close()
    assert left(aws, root) == []


def test_an_end_is_known_in_whatever_pieces_it_comes(store, root):
    stream = store.upload(f"{root}/a.parquet", end=b"PAR1")
    for piece in (b"PAR1...P", b"A", b"", b"R1"):
        stream.write(piece)
    stream.close()
    assert store.read(f"{root}/a.parquet") == b"PAR1...PAR1"


def test_a_missing_file_is_told_by_its_name(cursor, root):
    with pytest.raises(duckdb.Error, match=re.escape(f"{root}/nowhere.parquet")):
        rows(cursor, f"{root}/nowhere.parquet")


def test_a_read_that_is_refused_is_the_error_that_the_store_raised(aws, cursor, root):
    copy(cursor, MANY.format(LARGE), f"{root}/a.parquet")
    aws.faults.refuse("GetObject", "AccessDenied", 403, times=FOR_GOOD)
    with pytest.raises(duckdb.Error) as caught:
        rows(cursor, f"{root}/a.parquet")
    error = raised_in_engine(caught.value)
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"object {root}/a.parquet: AWS refuses it")
    assert "Traceback" not in str(error)
    assert "LINE 1" not in str(error)


def test_a_file_that_is_replaced_while_the_engine_reads_it_is_an_error(aws, cursor, store, root):
    copy(cursor, MANY.format(LARGE), f"{root}/a.parquet")
    copy(cursor, MANY.format(LARGE - 1), f"{root}/b.parquet")
    S3Store(aws.region).publish(f"{root}/b.parquet", f"{root}/a.parquet")
    with pytest.raises(duckdb.Error) as caught:
        rows(cursor, f"{root}/a.parquet")
    assert isinstance(raised_in_engine(caught.value), SourceChangedError)
    store.stat(f"{root}/a.parquet")
    assert rows(cursor, f"{root}/a.parquet")[0] == LARGE - 1


def test_an_error_of_the_engines_own_was_not_raised_by_the_file_system(cursor):
    with pytest.raises(duckdb.Error) as caught:
        cursor.execute("SELECT error('Traceback (most recent call last) ConfigError: no')")
    assert raised_in_engine(caught.value) is None


def test_a_small_file_that_was_just_written_is_read_without_a_request(aws, cursor, root):
    copy(cursor, MANY.format(10), f"{root}/a.parquet")
    aws.faults.forget_calls()
    assert rows(cursor, f"{root}/a.parquet")[0] == 10
    assert aws.faults.calls() == []


def test_what_is_kept_of_written_files_is_bounded(store, cursor, root, monkeypatch):
    monkeypatch.setattr("orderlake.storage.s3._HELD", 50_000)
    for number in range(9):
        copy(cursor, MANY.format(200), f"{root}/{number}.parquet")
    assert 0 < store._held == sum(map(len, store._small.values())) <= 50_000
    for number in range(9):
        store.delete(f"{root}/{number}.parquet")
    assert store._held == 0
