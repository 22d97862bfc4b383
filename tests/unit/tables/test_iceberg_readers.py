"""Tables we write, read back by pyiceberg from real Parquet files."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyiceberg.table import StaticTable
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.table.snapshots import Operation

from orderlake.model.data_file import ColumnStats, DataFile
from orderlake.model.seal import seal_of
from orderlake.tables.iceberg import (
    Field,
    PartitionField,
    Schema,
    TableMetadata,
    create,
    live_files,
    new_snapshot,
    write_metadata,
)
from orderlake.tables.iceberg.manifest_list import read_manifest_list

SCHEMA = Schema(
    (
        Field(1, "order_id", "long", required=True, doc="unique"),
        Field(2, "customer", "string", required=False),
        Field(3, "amount", "decimal(12, 2)", required=False),
        Field(4, "order_date", "date", required=False),
        Field(5, "placed_at", "timestamptz", required=False),
        Field(6, "local_time", "timestamp", required=False),
        Field(7, "weight", "double", required=False),
        Field(8, "paid", "boolean", required=False),
        Field(9, "items", "int", required=False),
    )
)
MONTH = (PartitionField("order_date", "month", "order_date_month"),)
COLUMNS = {
    "order_id": "BIGINT",
    "customer": "VARCHAR",
    "amount": "DECIMAL(12,2)",
    "order_date": "DATE",
    "placed_at": "TIMESTAMPTZ",
    "local_time": "TIMESTAMP",
    "weight": "DOUBLE",
    "paid": "BOOLEAN",
    "items": "INTEGER",
}
NOON = "2025-01-01 12:00:00"
ROWS = (
    f"(1, 'Åsa 字', 12.50, date '2025-01-03', timestamptz '{NOON}+00', timestamp '{NOON}', 1.5, true, 1)",
    f"(2, 'a longer name than sixteen', -0.07, date '2025-01-31', timestamptz '{NOON}.25+02', null, -2.0, false, 2)",
    f"(3, null, 9999999999.99, date '2025-02-01', null, timestamp '{NOON}.000001', null, null, 3)",
    "(4, 'no date', 0.00, null, null, null, 0.0, true, null)",
)


class Folder:
    """An object store on the local disk."""

    def read(self, location: str) -> bytes:
        return Path(location.removeprefix("file://")).read_bytes()

    def write(self, location: str, data: bytes) -> None:
        path = Path(location.removeprefix("file://"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class Lake:
    """One table and the commits made to it."""

    def __init__(self, folder: Path, partition=MONTH, schema=SCHEMA):
        self.folder = folder
        self.store: Any = Folder()
        self.metadata = create(
            f"file://{folder}",
            schema,
            partition,
            {"owner": "me"},
            uuid="9c12d441-03fe-4693-9a96-a0705ddf69c1",
            now_ms=1,
        )
        self.location: str | None = None
        self.commits = 0

    def copy(self, rows, name):
        """Write rows with DuckDB, one file per month."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        ids = ", ".join(f"{field.name}: {field.id}" for field in SCHEMA.fields)
        columns = ", ".join(f'"{column}"::{type_} AS "{column}"' for column, type_ in COLUMNS.items())
        names = ", ".join(COLUMNS)
        source = f"SELECT {columns} FROM (VALUES {', '.join(rows)}) t({names})"
        months = "(year(order_date) - 1970) * 12 + month(order_date) - 1"
        copied = connection.execute(
            f"COPY (SELECT *, {months} AS m FROM ({source})) TO '{self.folder}/data/{name}' (FORMAT parquet,"
            f" PARTITION_BY (m), FIELD_IDS {{{ids}}}, RETURN_STATS)"
        )
        return [self._file(*row) for row in copied.fetchall()]

    def _file(self, path, count, size, _footer, statistics, keys, *_rest):
        month = keys["m"]
        return DataFile(
            location=f"file://{path}",
            records=count,
            size=size,
            partition={"order_date_month": None if month in {None, "NULL"} else int(month)},
            columns={
                name.strip('"'): ColumnStats(
                    nulls=int(one["null_count"]),
                    values=int(one["num_values"]),
                    size=int(one["column_size_bytes"]),
                    lower=one.get("min"),
                    upper=one.get("max"),
                )
                for name, one in statistics.items()
            },
        )

    def commit(self, added=(), removed=(), **summary):
        self.commits += 1
        attempt = f"00000000-0000-0000-0000-{self.commits:012d}"
        changed = new_snapshot(
            self.store,
            self.metadata,
            added=list(added),
            removed=list(removed),
            summary=summary,
            snapshot_id=self.commits * 11,
            now_ms=1_700_000_000_000 + self.commits * 1000,
            attempt=attempt,
        )
        self.location = write_metadata(self.store, changed, self.location)
        self.metadata = TableMetadata.from_json(self.store.read(self.location))
        return changed

    @property
    def table(self) -> StaticTable:
        assert self.location is not None
        return StaticTable.from_metadata(self.location)

    def ids(self, **options):
        return sorted(self.table.scan(**options).to_arrow()["order_id"].to_pylist())


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "orders")


def test_pyiceberg_reads_every_type_of_value(lake):
    lake.commit(lake.copy(ROWS, "a"))

    rows = {row["order_id"]: row for row in lake.table.scan().to_arrow().to_pylist()}

    assert rows[1] == {
        "order_id": 1,
        "customer": "Åsa 字",
        "amount": Decimal("12.50"),
        "order_date": date(2025, 1, 3),
        "placed_at": datetime(2025, 1, 1, 12, tzinfo=UTC),
        "local_time": datetime(2025, 1, 1, 12),  # noqa: DTZ001 - Iceberg's timestamp has no zone
        "weight": 1.5,
        "paid": True,
        "items": 1,
    }
    assert rows[3]["amount"] == Decimal("9999999999.99")
    assert rows[4]["order_date"] is None
    assert [field.name for field in lake.table.schema().fields] == [field.name for field in SCHEMA.fields]
    assert str(lake.table.schema().find_type("amount")) == "decimal(12, 2)"


def test_pyiceberg_reads_the_rows_of_a_table_after_files_were_replaced(lake):
    first = lake.copy(ROWS, "a")
    lake.commit(first)
    january = next(file for file in first if file.partition["order_date_month"] == 660)
    merged = lake.copy((ROWS[0].replace("12.50", "99.00"), ROWS[1], ROWS[0].replace("(1,", "(7,")), "b")

    lake.commit(merged, [january.location])

    assert lake.ids() == [1, 2, 3, 4, 7]
    assert lake.ids(row_filter="amount = 99.00") == [1]
    assert lake.table.inspect.files()["file_path"].to_pylist() == [
        file.location for file in live_files(lake.store, lake.metadata)
    ]


def test_pyiceberg_travels_to_an_older_snapshot(lake):
    first = lake.copy(ROWS, "a")
    lake.commit(first)
    lake.commit((), [file.location for file in first])
    lake.commit(lake.copy((ROWS[2].replace("(3,", "(5,"),), "b"))

    assert lake.ids() == [5]
    assert lake.ids(snapshot_id=11) == [1, 2, 3, 4]
    assert lake.ids(snapshot_id=22) == []
    assert [snapshot.summary.operation for snapshot in lake.table.snapshots()] == [
        Operation.APPEND,
        Operation.DELETE,
        Operation.APPEND,
    ]
    assert [entry.snapshot_id for entry in lake.table.history()] == [11, 22, 33]


def test_a_filter_on_the_date_opens_only_the_files_of_its_month(lake):
    lake.commit(lake.copy(ROWS, "a"))

    def planned(row_filter):
        return len(list(lake.table.scan(row_filter=row_filter).plan_files()))

    assert planned("order_date >= '2025-02-01'") == 1
    assert planned("order_date IS NULL") == 1
    assert planned("order_date = '2024-12-31'") == 0


@pytest.mark.parametrize(
    ("row_filter", "files"),
    [
        ("order_id = 2", 1),
        ("customer = 'a longer name than sixteen'", 1),
        ("customer = 'Z'", 0),
        ("amount = -0.07", 1),
        ("amount >= 13.00", 1),
        ("paid = false", 1),
        ("local_time = '2025-01-01T12:00:00.000001'", 1),
        ("placed_at = '2025-01-01T10:00:00.250000+00:00'", 1),
        ("items = 3", 1),
        ("items = 1 AND order_id = 3", 0),
        ("weight = -2.0", 1),
    ],
)
def test_bounds_prune_files_by_every_type(lake, row_filter, files):
    lake.commit(lake.copy(ROWS, "a"))

    assert len(list(lake.table.scan(row_filter=row_filter).plan_files())) == files


def test_removed_files_keep_the_numbers_of_their_arrival_in_the_entries(lake):
    first = lake.copy(ROWS, "a")
    lake.commit(first)
    lake.commit(lake.copy((ROWS[2].replace("(3,", "(5,"),), "b"), [first[0].location])

    entries = lake.table.inspect.entries().to_pylist()
    seen = sorted((e["status"], e["snapshot_id"], e["sequence_number"], e["file_sequence_number"]) for e in entries)

    assert seen == [(0, 11, 1, 1), (0, 11, 1, 1), (1, 22, 2, 2), (2, 22, 1, 1)]


def test_summaries_count_files_and_records(lake):
    first = lake.copy(ROWS, "a")
    lake.commit(first, source="s3://in/1")
    second = lake.copy((ROWS[2],), "b")
    changed = lake.commit(second, [first[0].location], source="s3://in/2")
    snapshot = changed.current_snapshot
    assert snapshot is not None

    kept = [*first[1:], *second]
    assert dict(snapshot.summary) == {
        "source": "s3://in/2",
        "operation": "overwrite",
        "added-data-files": "1",
        "added-records": "1",
        "added-files-size": str(second[0].size),
        "deleted-data-files": "1",
        "deleted-records": str(first[0].records),
        "removed-files-size": str(first[0].size),
        "changed-partition-count": str(len({str(f.partition) for f in (second[0], first[0])})),
        "total-data-files": "3",
        "total-records": str(sum(file.records for file in kept)),
        "total-delete-files": "0",
        "total-position-deletes": "0",
        "total-equality-deletes": "0",
        "total-files-size": str(sum(file.size for file in kept)),
        "orderlake.manifest-list-seal": seal_of(lake.store.read(snapshot.manifest_list)),
    }


def test_a_caller_may_say_that_a_commit_only_replaces_files(lake):
    first = lake.copy(ROWS, "a")
    lake.commit(first)
    lake.commit(lake.copy(ROWS, "b"), [file.location for file in first], operation="replace")

    assert lake.table.current_snapshot().summary.operation is Operation.REPLACE
    assert lake.ids() == [1, 2, 3, 4]


def test_live_files_give_back_what_was_added(lake):
    added = lake.copy(ROWS, "a")
    lake.commit(added)

    found = {file.location: file for file in live_files(lake.store, lake.metadata)}

    assert found.keys() == {file.location for file in added}
    for file in added:
        back = found[file.location]
        assert replace(back, columns={}) == replace(file, columns={})
        for name, wanted in file.columns.items():
            assert replace(back.columns[name], lower=None, upper=None) == replace(wanted, lower=None, upper=None)
    january = next(file for file in found.values() if file.partition["order_date_month"] == 660).columns
    assert (january["customer"].lower, january["customer"].upper) == ("a longer name th", "Åsa 字")
    assert (january["amount"].lower, january["amount"].upper) == ("-0.07", "12.50")
    assert january["order_date"].upper == "2025-01-31"
    assert (january["placed_at"].lower, january["placed_at"].upper) == (
        "2025-01-01 10:00:00.25+00",
        "2025-01-01 12:00:00+00",
    )
    assert (january["paid"].lower, january["paid"].upper) == ("false", "true")


def test_a_snapshot_may_carry_nothing_but_its_summary(lake):
    lake.commit((), source="nothing in it")

    assert lake.ids() == []
    assert lake.table.current_snapshot().summary["source"] == "nothing in it"


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        (PartitionField("order_date", "day", "day"), 20091, "2025-01-03"),
        (PartitionField("order_date", "year", "year"), 55, "2025"),
        (PartitionField("order_date", "identity", "whole"), "2025-01-03", "2025-01-03"),
        (PartitionField("customer", "identity", "customer"), "Åsa 字", "Åsa 字"),
        (PartitionField("order_id", "identity", "id"), 1, "1"),
        (PartitionField("placed_at", "month", "placed_month"), 660, "2025-01"),
    ],
)
def test_pyiceberg_understands_every_transform(tmp_path, field, value, text):
    lake = Lake(tmp_path / "orders", partition=(field,))
    file = replace(lake.copy(ROWS[:1], "a")[0], partition={field.name: value})
    lake.commit([file])
    lake.commit([], [])

    (task,) = lake.table.scan(row_filter="order_id = 1").plan_files()
    spec = lake.table.spec()
    assert (
        spec.fields[0].transform.to_human_string(lake.table.schema().find_type(field.source), task.file.partition[0])
        == text
    )
    (back,) = live_files(lake.store, lake.metadata)
    assert back.partition == {field.name: value}


def test_the_metadata_passes_pyicebergs_validation(lake):
    lake.commit(lake.copy(ROWS, "a"))
    before = lake.location
    lake.commit()
    document = lake.store.read(lake.location)

    checked = TableMetadataUtil.parse_raw(document.decode())

    assert checked.format_version == 2
    assert checked.last_column_id == 9
    assert checked.last_partition_id == 1000
    assert checked.refs["main"].snapshot_id == 22
    assert [entry.metadata_file for entry in checked.metadata_log] == [before]
    empty = create("file:///t", SCHEMA, (), {}, uuid=lake.metadata.uuid, now_ms=1).to_json()
    assert TableMetadataUtil.parse_obj(json.loads(empty)).current_snapshot() is None


def test_seals_stay_with_their_files_and_pyiceberg_passes_over_them(lake):
    (first,) = lake.copy(ROWS[:1], "a")
    sealed = replace(first, seal=seal_of(Path(first.location.removeprefix("file://")).read_bytes()))
    lake.commit([sealed])
    for number in range(20):
        lake.commit(lake.copy(ROWS[1:2], f"more{number}"))  # manifests are merged on the way

    assert {file.location: file.seal for file in live_files(lake.store, lake.metadata)}[first.location] == sealed.seal
    assert lake.table.scan().to_arrow().num_rows == 21
    (listed, *_) = read_manifest_list(lake.store, lake.metadata.current_snapshot.manifest_list)
    assert listed.seal == seal_of(lake.store.read(listed.location))
