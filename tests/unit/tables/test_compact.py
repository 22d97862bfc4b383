"""Compaction: fewer files, the same rows, and a load that comes between goes first."""

from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlake.errors import CommitConflictError
from orderlake.model.data_file import ColumnStats, DataFile
from orderlake.model.pipeline import parse_pipeline
from orderlake.tables.compact import Folding, bins, compact
from orderlake.tables.iceberg.manifest_list import read_manifest_list
from orderlake.tables.layout import table_layout
from tests.reference import NOON, SECOND, expected, found, new_lake, order, written


@pytest.fixture
def loaded(tmp_path):
    """A lake after five loads of orders of two months, and what its files held."""
    with new_lake(tmp_path) as lake:
        made = []
        for number in range(5):
            records = [order(number, "A", day="2024-01-05"), order(100 + number, "B", day="2024-02-05")]
            made.append(written(lake, lake.project.raw / f"orders_{number}.json", records, NOON + number * SECOND))
            lake.run()
        yield lake, made


def files(lake):
    return {table.name: table.files for table in lake.tables(system=True) if table.format == "iceberg"}


def test_each_partition_becomes_one_file_and_no_row_changes(loaded):
    lake, made = loaded
    before = files(lake)
    assert before["orders"] > 2
    done = {one.table: (one.files_before, one.files_after) for one in lake.maintain().tables}
    assert done["orders"] == (before["orders"], 2) == (before["orders"], files(lake)["orders"])
    assert [count for name, count in files(lake).items() if name.startswith("_index")] == [1]
    assert found(lake) == expected(made)
    assert lake.verify().ok


def test_compacting_what_is_compact_changes_nothing(loaded):
    lake, _ = loaded
    lake.maintain()
    heads = lake._backends.catalog.tables()
    assert all(one.files_before == one.files_after for one in lake.maintain().tables)
    assert lake._backends.catalog.tables() == heads


def test_corrections_find_their_rows_after_a_compaction(loaded):
    lake, made = loaded
    lake.maintain()
    made.append(written(lake, lake.project.raw / "orders_9.json", [order(1, "C"), order(103)], NOON + 9 * SECOND))
    (report,) = [report for report in lake.run() if report.status == "loaded"]
    assert report.loaded == 2
    assert found(lake) == expected(made)
    assert lake.verify().ok


def test_a_load_that_comes_between_goes_first_and_the_compaction_looks_again(loaded, monkeypatch):
    lake, made = loaded
    catalog, asked = lake._backends.catalog, []
    commit = catalog.commit

    def slow(updates):
        asked.append(updates)
        if len(asked) == 1:
            raise CommitConflictError("another was faster")
        commit(updates)

    monkeypatch.setattr(catalog, "commit", slow)
    lake.maintain()
    assert len(asked) > 1
    assert files(lake)["orders"] == 2
    assert found(lake) == expected(made)


def test_a_compaction_that_never_wins_gives_up_and_nothing_is_changed(loaded, monkeypatch):
    lake, made = loaded
    before = files(lake)

    def never(updates):
        raise CommitConflictError("another was faster")

    monkeypatch.setattr(lake._backends.catalog, "commit", never)
    with pytest.raises(CommitConflictError):
        lake.maintain()
    assert files(lake) == before
    assert found(lake) == expected(made)


# --- which files go together ------------------------------------------------------------------------------------------


def data_file(name, size, low=None, month=1):
    stats = {"id": ColumnStats(0, 10, 10, None if low is None else str(low), None)}
    return DataFile(f"file:///lake/t/data/{name}", 10, size, {"day_month": month}, stats)


@pytest.fixture
def layout():
    columns = {"id": "bigint", "day": "date"}
    tables = {"t": {"partition_by": "month(day)", "columns": columns}}
    source = {"match": "*", "format": "json", "key": "id", "tables": tables}
    (stream,) = parse_pipeline({"pipeline": "p", "sources": {"s": source}}, "p.yaml").streams
    return table_layout(stream, stream.tables[0])


def names(found):
    return [[file.location.rpartition("/")[2] for file in each.files] for each in found]


def test_neighbours_by_key_become_files_of_the_target_size(layout):
    live = [data_file(f"f{low:03}", 30, low) for low in (90, 5, 200, 41, 17, 1000, 100)]
    assert names(bins(layout, live, target=100)) == [["f005", "f017", "f041"], ["f090", "f100", "f200"]]


def test_files_near_the_target_size_and_lonely_ones_stay(layout):
    live = [data_file("full", 75), data_file("huge", 900), data_file("small", 74)]
    assert bins(layout, live, target=100) == []
    assert names(bins(layout, [*live, data_file("tiny", 1)], target=100)) == [["small", "tiny"]]


def test_no_file_crosses_its_partition(layout):
    live = [data_file("a", 1, month=1), data_file("b", 1, month=2), data_file("c", 1, month=1)]
    assert names(bins(layout, live)) == [["a", "c"]]


def test_fewer_files_than_are_worth_it_stay(layout):
    live = [data_file(f"f{number}", 1, number) for number in range(4)]
    assert bins(layout, live, least=5) == []
    assert len(bins(layout, live, least=4)) == 1


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 3)), max_size=40), st.integers(10, 200))
def test_folding_ends_and_leaves_one_small_file_of_a_partition_at_most(sizes, target):
    columns = {"id": "bigint", "day": "date"}
    tables = {"t": {"partition_by": "month(day)", "columns": columns}}
    source = {"match": "*", "format": "json", "key": "id", "tables": tables}
    (stream,) = parse_pipeline({"pipeline": "p", "sources": {"s": source}}, "p.yaml").streams
    layout = table_layout(stream, stream.tables[0])
    live = [data_file(f"{number}", size, number, month) for number, (size, month) in enumerate(sizes)]
    found = bins(layout, live, target)
    folded = [file for each in found for file in each.files]
    assert len(folded) == len(set(map(id, folded)))
    assert all(each.size < 1.5 * target for each in found)
    rest = [file for file in live if file not in folded]
    after = [*rest, *(data_file(f"new{at}", each.size, 0, each.partition) for at, each in enumerate(found))]
    small = [file.partition["day_month"] for file in after if file.size < target * 0.75]
    assert len(small) == len(set(small))
    assert bins(layout, after, target) == []


# --- how they are written ---------------------------------------------------------------------------------------------


def scattered(lake, loads=6):
    """So many loads of orders whose keys and days come in no order, all of one month."""
    made = []
    for number in range(loads):
        records = [
            order((37 * (number * 20 + at)) % 997, "A", day=f"2024-01-{1 + (7 * at) % 28:02}") for at in range(20)
        ]
        made.append(written(lake, lake.project.raw / f"orders_{number}.json", records, NOON + number * SECOND))
        lake.run()
    return made


def compacted(lake, layout=None, **how):
    engine = lake._backends.engine(lake.project.state / "work" / "compacting")
    try:
        (stream,) = lake.pipelines[0].streams
        spec = next(table for table in stream.tables if table.name == "orders")
        return compact(engine, lake._backends.house, layout or table_layout(stream, spec), how=Folding(**how))
    finally:
        engine.close()


def test_rows_are_sorted_by_the_column_of_the_partition_and_the_key(tmp_path):
    with new_lake(tmp_path) as lake:
        made = scattered(lake)
        assert compacted(lake).after == 1
        (path,) = [Path(file.location.removeprefix("file://")) for file in live(lake)]
        rows = duckdb.connect().execute(f"SELECT order_date, order_id FROM '{path}'").fetchall()
        assert rows == sorted(rows)
        assert found(lake) == expected(made)


def interrupted(lake, made, record):
    """A turn that comes after a load of this record, the first time; and how many files there are at each turn."""
    turns: list[int] = []

    @contextmanager
    def turn():
        if not turns:
            made.append(written(lake, lake.project.raw / "orders_new.json", [record], NOON + 99 * SECOND))
            lake.run()
        turns.append(len(live(lake)))
        yield

    return turn, turns


def live(lake):
    (stream,) = lake.pipelines[0].streams
    spec = next(table for table in stream.tables if table.name == "orders")
    return lake._backends.house.open([table_layout(stream, spec)])["orders"].live


def test_each_step_is_a_commit_and_whoever_is_stopped_leaves_the_rest_to_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("orderlake.tables.compact._STEP", 1)
    with new_lake(tmp_path) as lake:
        made = scattered(lake, 4)
        size = max(file.size for file in live(lake))
        asked = []

        def once():
            asked.append(len(live(lake)))
            return len(asked) == 1

        first = compacted(lake, target=int(1.4 * size), proceed=once)
        assert (first.before, first.after, first.is_done) == (4, 3, False)
        assert asked == [4, 3]
        assert found(lake) == expected(made)
        last = compacted(lake, target=int(1.4 * size))
        assert (last.before, last.after, last.is_done) == (3, 2, True)
        assert found(lake) == expected(made)
        assert lake.verify().ok


def test_files_that_a_load_has_replaced_while_they_were_folded_are_folded_as_they_are_then(tmp_path):
    with new_lake(tmp_path) as lake:
        made = scattered(lake, 3)
        turn, turns = interrupted(lake, made, order(0, "B", total="7.00", day="2024-01-03"))
        assert compacted(lake, turn=turn).after == 1
        assert len(turns) == 2
        assert found(lake) == expected(made)
        assert lake.verify(orphan_hours=0).orphans == ()
        assert lake.verify().ok


def test_a_load_of_other_files_does_not_make_folding_begin_anew(tmp_path):
    with new_lake(tmp_path) as lake:
        made = scattered(lake, 3)
        turn, turns = interrupted(lake, made, order(5000, "B", day="2025-07-03"))
        assert compacted(lake, turn=turn).after == 2
        assert len(turns) == 1
        assert found(lake) == expected(made)


def test_a_compaction_leaves_one_manifest_and_says_what_it_was(tmp_path):
    with new_lake(tmp_path) as lake:
        scattered(lake, 5)
        lake.maintain()
        (stream,) = lake.pipelines[0].streams
        spec = next(table for table in stream.tables if table.name == "orders")
        metadata = lake._backends.house.open([table_layout(stream, spec)])["orders"].metadata
        last = None if metadata is None else metadata.current_snapshot
        assert last is not None
        listed = read_manifest_list(lake._backends.store, last.manifest_list)
        assert [(each.live_files, each.live_rows) for each in listed] == [(1, 100)]
        assert last.summary["operation"] == "replace"
