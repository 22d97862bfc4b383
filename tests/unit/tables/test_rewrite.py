"""Copy-on-write by file: how many files there are, which are touched, and that bounds never hide a row."""

import math
import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderlake.engine import connect
from orderlake.model.column import ColumnType
from orderlake.model.data_file import ColumnStats, DataFile
from orderlake.storage.local import LocalStore, location_of
from orderlake.tables.layout import TableLayout
from orderlake.tables.rewrite import _FAN_IN, LARGE, Change, _fold, _rank, may_hold, rewrite

PLAIN = TableLayout("t", {"k": ColumnType("bigint"), "text": ColumnType("string")}, ("k",))
TEXT = TableLayout("t", {"k": ColumnType("string")}, ("k",))
STORE = LocalStore()


@pytest.fixture
def engine(tmp_path):
    opened = connect(tmp_path / "spill")
    yield opened
    opened.close()


def file(number, records):
    return DataFile(f"file:///{number}", records, 1)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=150))
def test_the_number_of_files_grows_with_the_logarithm_of_the_rows(loads):
    live: list[DataFile] = []
    total = 0
    for number, rows in enumerate(loads):
        total += rows
        folded = _fold(live, [], {None: rows}, PLAIN)
        gone = {each.location for each in folded}
        live = [each for each in live if each.location not in gone]
        live.append(file(number, rows + sum(each.records for each in folded)))
        assert len(live) <= (_FAN_IN - 1) * (math.log(total, _FAN_IN) + 2)
    assert sum(each.records for each in live) == total


@given(st.integers(1, 400))
def test_each_row_is_rewritten_a_logarithm_of_times(loads):
    live: list[DataFile] = []
    written = 0
    for number in range(loads):
        folded = _fold(live, [], {None: 10}, PLAIN)
        gone = {each.location for each in folded}
        live = [each for each in live if each.location not in gone]
        live.append(file(number, 10 + sum(each.records for each in folded)))
        written += live[-1].records
    assert written <= loads * 10 * (math.log(loads * 10, _FAN_IN) + 2)


def test_large_files_and_files_that_are_rewritten_anyway_are_not_folded():
    live = [file(number, 5) for number in range(20)]
    large = [file(100 + number, LARGE) for number in range(20)]
    hit = live[:2]
    folded = _fold([*live, *large], hit, {None: 5}, PLAIN)
    assert folded
    assert not {each.location for each in folded} & {each.location for each in [*hit, *large]}


def test_a_rank_is_a_power_of_the_fan_in():
    assert [_rank(rows) for rows in (0, 1, 7, 8, 63, 64, 511, 512)] == [0, 0, 0, 1, 1, 2, 2, 3]


def write(engine, folder, live, rows=None, dropped=None, *, layout=PLAIN):
    cursor = engine.cursor()
    if dropped is not None:
        cursor.execute(f"CREATE OR REPLACE TABLE dropped AS {dropped}")
    change = Change(rows, None if dropped is None else "dropped", ("d",))
    done = rewrite(
        engine,
        STORE,
        layout,
        live,
        change,
        location=location_of(folder / "t"),
        attempt=f"a{len(list(folder.rglob('*.parquet')))}",
    )
    return done, [*(each for each in live if each.location not in done.removed), *done.added]


def content(engine, live):
    if not live:
        return []
    paths = [STORE.engine_path(each.location) for each in live]
    return engine.cursor().execute("SELECT * FROM read_parquet(?) ORDER BY ALL", [paths]).fetchall()


def test_only_files_that_hold_a_dropped_key_are_rewritten(engine, tmp_path):
    live: list[DataFile] = []
    for low in (0, 10, 20):
        _, live = write(engine, tmp_path, live, f"SELECT i AS k, 'x' AS text FROM range({low}, {low + 10}) t(i)")
    before = [each.location for each in live]
    done, live = write(engine, tmp_path, live, dropped="SELECT 13::BIGINT AS d")
    assert list(done.removed) == [before[1]]
    assert [row[0] for row in content(engine, live)] == [k for k in range(30) if k != 13]
    done, live = write(engine, tmp_path, live, dropped="SELECT 13::BIGINT AS d")
    assert (done.added, done.removed) == ((), ())


def test_a_file_that_loses_every_row_goes_and_none_comes(engine, tmp_path):
    _, live = write(engine, tmp_path, [], "SELECT 1 AS k, 'x' AS text")
    done, live = write(engine, tmp_path, live, dropped="SELECT 1::BIGINT AS d")
    assert (len(done.removed), done.added, content(engine, live)) == (1, (), [])
    assert len(list(tmp_path.rglob("*.parquet"))) == 1


def test_nothing_to_write_writes_nothing(engine, tmp_path):
    done, _ = write(engine, tmp_path, [], "SELECT 1 AS k, 'x' AS text WHERE false")
    assert (done.added, done.removed, done.rows) == ((), (), 0)
    assert list(tmp_path.rglob("*.parquet")) == []


def test_dropped_rows_and_new_ones_of_one_key_change_places(engine, tmp_path):
    _, live = write(engine, tmp_path, [], "SELECT i AS k, 'old' AS text FROM range(3) t(i)")
    done, live = write(engine, tmp_path, live, "SELECT 1 AS k, 'new' AS text", "SELECT 1::BIGINT AS d")
    assert content(engine, live) == [(0, "old"), (1, "new"), (2, "old")]
    assert done.rows == 1


@pytest.mark.parametrize(
    ("low", "high", "found"), [(0, 4, False), (0, 5, True), (7, 7, True), (9, 20, True), (10, 20, False), (0, 99, True)]
)
def test_bounds_of_numbers_rule_files_out(low, high, found):
    bounded = DataFile("f", 1, 1, {}, {"k": ColumnStats(0, 1, 1, "5", "9")})
    assert bool(may_hold([bounded], "k", low, high)) is found


def test_a_file_without_bounds_is_never_ruled_out():
    files = [file(1, 1), DataFile("f", 1, 1, {}, {"k": ColumnStats(1, 1, 1)})]
    assert may_hold(files, "k", 1, 1) == files


letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.one_of(
    st.text(letters, max_size=12),
    st.text(string.printable, min_size=200, max_size=400),
    st.sampled_from(["", "'", '"', "\\", "NULL", "ÿ" * 300]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(texts, min_size=1, max_size=5))
def test_bounds_of_text_never_hide_a_key(keys):
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(Path(folder) / "spill")
        engine.cursor().execute("CREATE TABLE given_keys (k VARCHAR)")
        engine.cursor().executemany("INSERT INTO given_keys VALUES (?)", [[key] for key in keys])
        done, live = write(engine, Path(folder), [], "SELECT k FROM given_keys", layout=TEXT)
        assert done.rows == len(keys)
        for key in keys:
            assert may_hold(live, "k", key, key) == live
        low, high = min(keys), max(keys)
        assert may_hold(live, "k", low, high) == live
        engine.close()
