"""Snapshots: what is written, how little, and what is refused."""

import io
from dataclasses import replace
from typing import Any

import fastavro
import pytest

from orderlake.errors import CommitConflictError, CommitStateUnknownError, ConfigError, SchemaMismatchError
from orderlake.model.data_file import ColumnStats, DataFile
from orderlake.tables.iceberg import (
    Field,
    ManifestCache,
    PartitionField,
    Schema,
    create,
    expire,
    live_files,
    new_snapshot,
    referenced_locations,
)
from orderlake.tables.iceberg.manifest import Status, read_manifest
from orderlake.tables.iceberg.manifest_list import read_manifest_list
from orderlake.tables.iceberg.snapshot import FULL_MANIFEST, SMALL_MANIFESTS

SCHEMA = Schema((Field(1, "id", "long", required=True), Field(2, "day", "date", required=False)))
MONTH = PartitionField("day", "month", "day_month")


class Memory:
    """An object store in a dict, which counts."""

    def __init__(self):
        self.objects = {}
        self.reads = []
        self.writes = []

    def read(self, location):
        self.reads.append(location)
        return self.objects[location]

    def write(self, location, data):
        assert location not in self.objects, "a name was used twice"
        self.writes.append(location)
        self.objects[location] = data


def file(number, month=660, **options):
    stats = ColumnStats(nulls=0, values=10, size=80, lower=str(number), upper=str(number + 9))
    return DataFile(f"file:///t/data/{number}.parquet", 10, 1000, {"day_month": month}, {"id": stats, **options})


class Table:
    def __init__(self, cache=None):
        self.store: Any = Memory()
        self.cache = cache
        self.metadata: Any = create(
            "file:///t", SCHEMA, [MONTH], {}, uuid="9c12d441-03fe-4693-9a96-a0705ddf69c1", now_ms=1
        )
        self.commits = 0

    def commit(self, added=(), removed=(), *, snapshot_id=None, now_ms=1000, **summary):
        self.commits += 1
        self.metadata = new_snapshot(
            self.store,
            self.metadata,
            added=added,
            removed=removed,
            summary=summary,
            snapshot_id=self.commits if snapshot_id is None else snapshot_id,
            now_ms=now_ms,
            attempt=f"a{self.commits}",
            cache=self.cache,
        )

    @property
    def manifests(self):
        return read_manifest_list(self.store, self.metadata.current_snapshot.manifest_list)

    @property
    def numbers(self):
        files = live_files(self.store, self.metadata, cache=self.cache)
        return sorted(int(one.location.split("/")[-1].split(".")[0]) for one in files)


@pytest.fixture
def table():
    return Table()


def test_a_commit_writes_one_manifest_and_one_list_however_many_it_touches(table):
    for number in range(5):
        table.commit([file(number, 660 + number)])
    table.store.writes.clear()

    table.commit([file(10), file(11)], [file(number).location for number in (0, 2, 4)])

    assert len(table.store.writes) == 2
    assert table.numbers == [1, 3, 10, 11]


def test_manifests_stay_bounded_over_two_hundred_commits_and_every_commit_does_the_same_work():
    table = Table(ManifestCache())
    work = []
    for number in range(200):
        table.store.reads.clear()
        table.store.writes.clear()
        table.commit([file(number, 660 + number % 3)])
        work.append((len(table.store.reads), len(table.store.writes)))
        assert len(table.manifests) <= SMALL_MANIFESTS

    assert work[0] == (0, 2)
    assert set(work[1:]) == {(1, 2)}
    assert table.numbers == list(range(200))


def test_merging_copies_an_entry_a_few_times_only():
    table = Table(ManifestCache())
    copied = 0
    for number in range(400):
        table.commit([file(number)])
        copied += table.manifests[0].existing_files

    assert copied / 400 < 4


def test_full_manifests_are_left_alone(table):
    table.commit([file(number) for number in range(FULL_MANIFEST)])
    full = table.manifests[0].location

    for number in range(20):
        table.commit([file(10_000 + number)])

    assert full in {manifest.location for manifest in table.manifests}


def test_very_many_files_are_split_over_manifests(table):
    table.commit([file(number) for number in range(2 * FULL_MANIFEST + 1)])

    assert [manifest.added_files for manifest in table.manifests] == [2 * FULL_MANIFEST, 1]


def test_merged_entries_keep_the_snapshot_and_sequence_of_their_arrival(table):
    for number in range(12):
        table.commit([file(number)], snapshot_id=100 + number)

    entries = [entry for manifest in table.manifests for entry in read_manifest(table.store, manifest)]

    for entry in entries:
        number = int(entry.location.split("/")[-1].split(".")[0])
        assert entry.snapshot_id == 100 + number
        assert entry.sequence_number == entry.file_sequence_number == number + 1
    assert len(entries) == 12
    assert min(manifest.min_sequence_number for manifest in table.manifests) == 1


def test_deletions_are_told_once_and_then_dropped(table):
    table.commit([file(1), file(2)])
    table.commit([], [file(1).location])
    (manifest,) = table.manifests
    told = {entry.location: entry.status for entry in read_manifest(table.store, manifest)}
    table.commit([], [file(2).location])
    (last,) = table.manifests
    table.commit([file(3)])

    assert told == {file(1).location: Status.DELETED, file(2).location: Status.EXISTING}
    assert [entry.location for entry in read_manifest(table.store, last)] == [file(2).location]
    assert [manifest.deleted_files for manifest in table.manifests] == [0]
    assert table.numbers == [3]


def test_a_file_that_is_not_live_cannot_be_removed_and_nothing_is_written(table):
    table.commit([file(1)])
    table.commit([], [file(1).location])
    table.store.writes.clear()

    for unknown in (file(1).location, "file:///t/data/never.parquet"):
        with pytest.raises(CommitConflictError, match="read the table again"):
            table.commit([file(5)], [unknown])
    assert table.store.writes == []


def test_a_snapshot_that_landed_is_not_made_again(table):
    table.commit([file(1)], snapshot_id=7)

    with pytest.raises(CommitStateUnknownError, match="an earlier attempt landed"):
        table.commit([file(2)], snapshot_id=7)


def test_one_file_twice_is_a_mistake(table):
    with pytest.raises(ValueError, match="added twice"):
        table.commit([file(1), file(1)])
    with pytest.raises(ValueError, match="added twice"):
        table.commit([file(1)], [file(1).location])


@pytest.mark.parametrize(
    "wrong",
    [
        replace(file(1), partition={}),
        replace(file(1), partition={"day_month": 1, "more": 2}),
        replace(file(1), partition={"day_month": "2025-01"}),
        file(1, nope=ColumnStats(0, 1, 1)),
        file(1, day=ColumnStats(0, 1, 1, "soon", "later")),
    ],
)
def test_a_file_that_does_not_fit_the_table_is_refused(table, wrong):
    with pytest.raises(SchemaMismatchError):
        table.commit([wrong])
    assert table.store.writes == []


def test_a_clock_that_runs_behind_does_not_turn_history_around(table):
    table.commit([file(1)], now_ms=5000)
    table.commit([file(2)], now_ms=4000)

    assert [snapshot.timestamp_ms for snapshot in table.metadata.snapshots] == [5000, 5000]


def test_an_unknown_operation_is_refused(table):
    with pytest.raises(ConfigError, match="append, delete, overwrite, replace"):
        table.commit([file(1)], operation="upsert")


def test_a_total_that_another_engine_left_out_stays_unknown(table):
    table.commit([file(1)])
    parent = replace(table.metadata.current_snapshot, summary={"operation": "append"})
    table.metadata = replace(table.metadata, snapshots=(parent,))
    table.commit([file(2)])

    summary = table.metadata.current_snapshot.summary
    assert "total-files-size" not in summary
    assert (summary["total-data-files"], summary["total-records"]) == ("2", "20")


def test_the_list_summarizes_the_partitions_of_each_manifest(table):
    table.commit([file(1, 660), file(2, None), file(3, 663)])

    assert table.manifests[0].partitions == [
        {
            "contains_null": True,
            "contains_nan": False,
            "lower_bound": (660).to_bytes(4, "little"),
            "upper_bound": (663).to_bytes(4, "little"),
        }
    ]


def test_the_same_attempt_writes_the_same_bytes():
    one, other = Table(), Table()
    for table in (one, other):
        table.commit([file(1)])
        table.commit([file(2)], [file(1).location])

    assert one.store.objects == other.store.objects


def test_everything_a_snapshot_needs_is_referenced_until_it_expires(table):
    table.commit([file(1)])
    table.commit([file(2)], [file(1).location])
    table.commit([], [file(2).location])
    everything = {*table.store.objects, file(1).location, file(2).location}

    assert referenced_locations(table.store, table.metadata) == everything
    kept = referenced_locations(table.store, expire(table.metadata, keep=1))
    assert kept == {table.metadata.current_snapshot.manifest_list, table.manifests[0].location}


def test_a_cache_saves_reading_manifests_and_holds_a_bounded_number_of_files():
    table = Table(ManifestCache(capacity=3))
    for number in range(5):
        table.commit([file(number)])
    table.store.reads.clear()

    assert table.numbers == [0, 1, 2, 3, 4]
    assert len(table.store.reads) > 2
    warm = ManifestCache()
    live_files(table.store, table.metadata, cache=warm)
    table.store.reads.clear()
    live_files(table.store, table.metadata, cache=warm)
    assert table.store.reads == [table.metadata.current_snapshot.manifest_list]


def rewritten(data, change):
    """Change an Avro file's records as another engine might have written them."""
    reader = fastavro.reader(io.BytesIO(data))
    records = [change(record) for record in reader]
    buffer = io.BytesIO()
    fastavro.writer(buffer, reader.writer_schema, records)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"content": 1}, "compact the table there"),
        ({"partition_spec_id": 1}, "rewrite the table with one spec"),
    ],
)
def test_delete_files_and_other_specs_are_refused_with_the_remedy(table, change, remedy):
    table.commit([file(1)])
    location = table.metadata.current_snapshot.manifest_list
    table.store.objects[location] = rewritten(table.store.objects[location], lambda record: {**record, **change})

    with pytest.raises(ConfigError, match=remedy):
        live_files(table.store, table.metadata)


@pytest.mark.parametrize("change", [{"content": 2}, {"file_format": "ORC"}])
def test_files_that_are_not_parquet_data_are_refused(table, change):
    table.commit([file(1)])
    location = table.manifests[0].location
    table.store.objects[location] = rewritten(
        table.store.objects[location], lambda record: {**record, "data_file": {**record["data_file"], **change}}
    )

    with pytest.raises(ConfigError, match="not a Parquet data file"):
        live_files(table.store, table.metadata)


def test_a_broken_manifest_is_refused(table):
    table.commit([file(1)])
    table.store.objects[table.manifests[0].location] = b"Obj?"

    with pytest.raises(ConfigError, match="restore it"):
        live_files(table.store, table.metadata)
