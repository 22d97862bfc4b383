"""Compaction: fewer files, the same rows, and a load that comes between goes first."""

import pytest

from orderlake.errors import CommitConflictError
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
