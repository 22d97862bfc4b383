"""Maintenance: fewer files, fewer snapshots, and nothing goes that anybody may still need."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from orderlake.errors import CommitConflictError, NotFoundError, StorageUnavailableError
from orderlake.maintain import KEEP_ALWAYS, Wanted, maintain
from orderlake.tables.unneeded import remembered
from tests.reference import NOON, SECOND, expected, found, new_lake, order, written

HOUR = 3600 * SECOND
DAY = 24 * HOUR


class Clock:
    """The time of maintenance: what stands now, and so many hours more."""

    def __init__(self, lake):
        self.lake = lake
        self.ahead = 0

    def __call__(self):
        newest = max(path.stat().st_mtime_ns for path in self.lake.project.lake.rglob("*") if path.is_file())
        return newest + self.ahead


def maintained(lake, clock, **more):
    engine = lake._backends.engine(lake.project.state / "work" / "maintenance")
    try:
        report = maintain(lake._backends, engine, Wanted(now_ns=clock, **more))
    finally:
        engine.close()
    return {each.table: each for each in report.tables}


def all_files(lake):
    return {str(path.relative_to(lake.project.lake)) for path in lake.project.lake.rglob("*") if path.is_file()}


def corrected(lake, times, first=0):
    """Load the same two orders again and again: each load rewrites the file of the one before."""
    made = []
    for number in range(first, first + times):
        records = [order(1, "A", total=f"{number}.00"), order(2, "B")]
        made.append(written(lake, lake.project.raw / "orders.json", records, NOON + number * SECOND))
        lake.run()
    return made


@pytest.fixture
def loaded(tmp_path):
    with new_lake(tmp_path) as lake:
        yield lake, corrected(lake, 14), Clock(lake)


def test_small_files_are_folded_and_no_row_changes(tmp_path):
    with new_lake(tmp_path) as lake:
        made = [
            written(lake, lake.project.raw / f"orders_{number}.json", [order(number, "A")], NOON + number * SECOND)
            for number in range(5)
        ]
        for each in made:
            lake.run([lake.project.raw / each.uri.removeprefix("raw/")])
        before = {table.name: table.files for table in lake.tables(system=True)}
        report = {each.table: each for each in lake.maintain().tables}
        assert (report["orders"].files_before, report["orders"].files_after) == (before["orders"], 1) == (5, 1)
        assert {table.name: table.files for table in lake.tables(system=True)}["_index_orders"] == 1
        assert found(lake) == expected(made)
        assert lake.verify().ok


def test_old_snapshots_go_and_the_newest_stay_however_old(loaded):
    lake, made, clock = loaded
    assert maintained(lake, clock)["orders"].expired == 0
    clock.ahead = 31 * DAY
    report = maintained(lake, clock)
    assert (report["orders"].expired, report["order_lines"].expired) == (14 - KEEP_ALWAYS, 14 - KEEP_ALWAYS)
    assert {table.name: table.snapshots for table in lake.tables()}["orders"] == KEEP_ALWAYS
    assert maintained(lake, clock)["orders"].expired == 0
    assert found(lake) == expected(made)
    assert lake.verify().ok
    corrected(lake, 1, 20)
    assert lake.verify().ok


def test_what_no_snapshot_needs_goes_once_that_has_been_known_for_a_day(loaded):
    lake, made, clock = loaded
    clock.ahead = 31 * DAY
    first = maintained(lake, clock)["orders"]
    assert first.deleted == 0
    assert first.waiting > 0
    before = all_files(lake)
    clock.ahead += 23 * HOUR
    assert maintained(lake, clock)["orders"].waiting == first.waiting
    assert all_files(lake) == before
    clock.ahead += HOUR
    last = maintained(lake, clock)["orders"]
    assert (last.deleted, last.deleted_bytes, last.waiting) == (first.waiting, first.waiting_bytes, 0)
    assert remembered(lake._backends.store, lake._backends.root) == {}
    assert len(before) - len(all_files(lake)) >= last.deleted
    assert maintained(lake, clock)["orders"].is_idle
    assert found(lake) == expected(made)
    report = lake.verify(orphan_hours=0)
    assert (report.ok, report.orphans) == (True, ())


def test_a_dry_run_tells_the_same_and_does_nothing(loaded):
    lake, _, clock = loaded
    clock.ahead = 31 * DAY

    def digest():
        return {
            path: hashlib.sha256((lake.project.lake / path).read_bytes()).hexdigest() for path in all_files(lake)
        } | {"catalog": str(lake._backends.catalog.tables())}

    before = digest()
    dry = maintained(lake, clock, is_dry=True)
    assert digest() == before
    real = maintained(lake, clock)
    assert [(each.table, each.expired, each.files_after) for each in dry.values()] == [
        (each.table, each.expired, each.files_after) for each in real.values()
    ]
    assert dry["orders"].expired == 4


def test_what_others_have_put_into_the_lake_stays(loaded):
    lake, _, clock = loaded
    strangers = [lake.project.lake / place for place in ("notes.txt", "orders/README", "other/data/x.parquet")]
    for path in strangers:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", "utf-8")
        os.utime(path, ns=(NOON, NOON))
    for _ in range(3):
        clock.ahead += 31 * DAY
        maintained(lake, clock)
    assert all(path.read_text("utf-8") == "mine" for path in strangers)
    assert found(lake)["orders"]


def test_what_a_dead_load_left_goes_and_a_file_that_is_needed_again_stays(loaded, monkeypatch):
    lake, _, clock = loaded
    written(lake, lake.project.raw / "orders_x.json", [order(9, "Z")], NOON)

    def die(_):
        raise StorageUnavailableError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setattr(lake._backends.catalog, "commit", die)
        with pytest.raises(StorageUnavailableError):
            lake.run()
    left = maintained(lake, clock)["orders"].waiting
    assert left > 0
    clock.ahead = DAY
    assert maintained(lake, clock)["orders"].deleted == left
    lake.run()
    assert [row[0] for row in lake.query("SELECT order_id FROM orders ORDER BY 1").rows] == [1, 2, 9]
    assert lake.verify().ok


def test_a_table_of_which_it_is_not_known_what_it_needs_is_left_alone_and_says_why(loaded):
    lake, _, clock = loaded
    clock.ahead = 31 * DAY
    maintained(lake, clock)
    (head,) = [head.metadata for head in lake._backends.catalog.tables() if head.table == "check_results"]
    document = json.loads(Path(head.removeprefix("file://")).read_bytes())
    (current,) = [one for one in document["snapshots"] if one["snapshot-id"] == document["current-snapshot-id"]]
    Path(current["manifest-list"].removeprefix("file://")).write_bytes(b"no Avro")
    before = {path for path in all_files(lake) if path.startswith("check_results/")}
    clock.ahead += 2 * DAY
    report = maintained(lake, clock, tables=("orders",))
    assert report["orders"].deleted > 0
    report = maintained(lake, clock, tables=("check_results", "orders"))
    assert report["check_results"].note.startswith("it is left as it is: ")
    assert report["check_results"].deleted == 0
    dry = maintained(lake, clock, tables=("check_results",), is_dry=True)
    assert dry["check_results"].note == report["check_results"].note
    assert {path for path in all_files(lake) if path.startswith("check_results/")} >= before


def test_one_table_alone(loaded):
    lake, _, clock = loaded
    clock.ahead = 31 * DAY
    report = maintained(lake, clock, tables=("orders",))
    assert list(report) == ["orders"]
    assert {table.name: table.snapshots for table in lake.tables()}["order_lines"] == 14
    with pytest.raises(NotFoundError, match=r"there is no Iceberg table nope: there are .*orders"):
        maintained(lake, clock, tables=("nope",))


def test_what_is_committed_in_between_goes_first_and_maintenance_looks_again(loaded, monkeypatch):
    lake, made, clock = loaded
    catalog, tries = lake._backends.catalog, []
    commit = catalog.commit

    def slow(updates):
        tries.append(updates)
        if len(tries) == 1:
            raise CommitConflictError("another was faster")
        commit(updates)

    clock.ahead = 31 * DAY
    monkeypatch.setattr(catalog, "commit", slow)
    assert maintained(lake, clock, tables=("orders",))["orders"].expired > 0
    assert len(tries) > 1
    assert found(lake) == expected(made)
    assert lake.verify().ok


def test_maintenance_that_never_wins_gives_up_and_changes_nothing(loaded, monkeypatch):
    lake, made, clock = loaded
    clock.ahead = 31 * DAY

    def never(updates):
        raise CommitConflictError("another was faster")

    with monkeypatch.context() as patch:
        patch.setattr(lake._backends.catalog, "commit", never)
        with pytest.raises(CommitConflictError):
            maintained(lake, clock, tables=("orders",))
    assert {table.name: table.snapshots for table in lake.tables()}["orders"] == 14
    assert found(lake) == expected(made)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": []}', '{"files": {"a": ["x", 1]}}', '{"files": {"a": 1}}', "\0"]
)
def test_a_memory_that_says_nothing_is_begun_anew(loaded, text):
    lake, _, clock = loaded
    clock.ahead = 31 * DAY
    (lake.project.lake / ".unneeded.json").write_text(text, "utf-8")
    assert maintained(lake, clock)["orders"].deleted == 0
    clock.ahead += DAY
    assert maintained(lake, clock)["orders"].deleted > 0
