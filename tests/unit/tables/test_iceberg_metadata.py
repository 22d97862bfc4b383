"""Metadata documents: round trips, other engines' members, retention, names."""

import gzip
import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from orderlake.errors import ConfigError, NotFoundError, SchemaMismatchError
from orderlake.model.seal import seal_of
from orderlake.tables.iceberg import (
    Field,
    PartitionField,
    Schema,
    Snapshot,
    TableMetadata,
    create,
    expire,
    expired_snapshots,
    keeps_its_name,
    obsolete_metadata,
    write_metadata,
)

UUID = "9c12d441-03fe-4693-9a96-a0705ddf69c1"
SCHEMA = Schema((Field(1, "id", "long", required=True, doc="the key"), Field(2, "day", "date", required=False)))
MONTH = PartitionField("day", "month", "day_month")


class Memory:
    """An object store in a dict."""

    def __init__(self):
        self.objects = {}

    def read(self, location):
        return self.objects[location]

    def write(self, location, data):
        self.objects[location] = data


def table(snapshots=0):
    metadata = create("file:///lake/orders/", SCHEMA, [MONTH], {"owner": "me"}, uuid=UUID, now_ms=1000)
    for number in range(1, snapshots + 1):
        parent = number - 1 or None
        metadata = metadata.with_snapshot(
            Snapshot(
                number, parent, number, 1000 + number, f"file:///lake/orders/metadata/{number}.avro", {"n": "1"}, 0
            )
        )
    return metadata


def changed(metadata, **members):
    return json.dumps({**json.loads(metadata.to_json()), **members}).encode()


@pytest.mark.parametrize("snapshots", [0, 1, 3])
def test_metadata_survives_the_round_trip(snapshots):
    metadata = table(snapshots)

    assert TableMetadata.from_json(metadata.to_json()) == metadata


def test_what_other_engines_wrote_is_carried_along():
    foreign = {
        "schemas": [
            {"type": "struct", "schema-id": 0, "fields": [{"id": 9, "name": "x", "required": False, "type": "uuid"}]},
            {**SCHEMA.to_json(), "schema-id": 1, "identifier-field-ids": [1]},
        ],
        "current-schema-id": 1,
        "last-column-id": 9,
        "sort-orders": [{"order-id": 3, "fields": [{"source-id": 1, "transform": "identity", "direction": "asc"}]}],
        "default-sort-order-id": 3,
        "refs": {
            "main": {"snapshot-id": 2, "type": "branch", "max-ref-age-ms": 5},
            "audit": {"snapshot-id": 1, "type": "tag"},
        },
        "statistics": [{"snapshot-id": 1, "statistics-path": "file:///s"}],
        "encryption-keys": [],
    }
    metadata = TableMetadata.from_json(changed(table(2), **foreign))

    written = json.loads(metadata.to_json())

    assert metadata.schema.id == 1
    assert {key: written[key] for key in foreign} == foreign
    assert json.loads(metadata.with_snapshot(replace(metadata.snapshots[1], id=3)).to_json())["refs"] == {
        "main": {"snapshot-id": 3, "type": "branch", "max-ref-age-ms": 5},
        "audit": {"snapshot-id": 1, "type": "tag"},
    }


def test_gzipped_metadata_and_a_current_snapshot_of_minus_one_are_read():
    metadata = table()

    assert TableMetadata.from_json(gzip.compress(changed(metadata, **{"current-snapshot-id": -1}))) == metadata


@pytest.mark.parametrize(
    ("members", "remedy"),
    [
        ({"format-version": 3}, "format version 3, recreate it"),
        ({"format-version": 1}, "format version 1, recreate it"),
        ({"partition-specs": [{"spec-id": 0, "fields": []}, {"spec-id": 1, "fields": []}]}, "rewrite it into a table"),
        ({"partition-specs": [{"spec-id": 1, "fields": []}]}, "rewrite it into a table"),
        (
            {
                "partition-specs": [
                    {
                        "spec-id": 0,
                        "fields": [{"source-id": 1, "field-id": 1000, "transform": "bucket[8]", "name": "b"}],
                    }
                ]
            },
            "use one of month, day, year, identity",
        ),
        (
            {
                "schemas": [
                    {"schema-id": 0, "fields": [{"id": 1, "name": "l", "required": True, "type": {"type": "list"}}]}
                ]
            },
            "use one of",
        ),
        ({"current-schema-id": 7}, "point at another file"),
        ({"snapshots": [{"snapshot-id": 1, "timestamp-ms": 1, "manifests": []}]}, "point at another file"),
    ],
)
def test_tables_we_cannot_keep_right_are_refused_with_the_remedy(members, remedy):
    with pytest.raises(ConfigError, match=remedy.replace("[", r"\[")):
        TableMetadata.from_json(changed(table(), **members))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"\x1f\x8bno", b"\xff\xfe\xfd"])
def test_bytes_that_are_no_metadata_are_refused(data):
    with pytest.raises(ConfigError, match="not the metadata of an Iceberg v2 table"):
        TableMetadata.from_json(data)


def test_a_snapshot_that_is_gone_is_not_found():
    with pytest.raises(NotFoundError, match="has no snapshot 9"):
        table(2).snapshot(9)


@pytest.mark.parametrize(("source", "transform"), [("id", "month"), ("day", "bucket"), ("amount", "identity")])
def test_a_partition_that_does_not_fit_its_column_is_refused(source, transform):
    schema = Schema((*SCHEMA.fields, Field(3, "amount", "decimal(4, 2)", required=False)))

    with pytest.raises(ConfigError):
        create("file:///t", schema, [PartitionField(source, transform, "p")], {}, uuid=UUID, now_ms=1)


def test_names_that_clash_or_mislead_are_refused():
    with pytest.raises(ConfigError, match="letters, digits"):
        PartitionField("day", "month", "day-month")
    with pytest.raises(ConfigError, match="twice"):
        Schema((SCHEMA.fields[0], SCHEMA.fields[0]))
    with pytest.raises(ConfigError, match="decimal"):
        Field(1, "amount", "decimal(39, 2)", required=False)
    with pytest.raises(SchemaMismatchError, match="it has id, day"):
        SCHEMA.field("nope")


def test_expiry_keeps_the_newest_the_current_and_what_a_tag_points_at():
    tagged = changed(
        table(6), refs={"main": {"snapshot-id": 6, "type": "branch"}, "q1": {"snapshot-id": 2, "type": "tag"}}
    )
    metadata = TableMetadata.from_json(tagged)

    kept = expire(metadata, keep=2)

    assert [snapshot.id for snapshot in expired_snapshots(metadata, keep=2)] == [1, 3, 4]
    assert [snapshot.id for snapshot in kept.snapshots] == [2, 5, 6]
    assert [entry.snapshot_id for entry in kept.snapshot_log] == [5, 6]
    assert kept.current_snapshot_id == 6
    assert expire(kept, keep=3) is kept


def test_expiry_never_drops_the_current_snapshot_even_after_a_rollback():
    metadata = replace(table(3), current_snapshot_id=1)

    assert [snapshot.id for snapshot in expire(metadata, keep=0).snapshots] == [1, 3]


def test_expiry_drops_the_statistics_of_dropped_snapshots():
    statistics = [{"snapshot-id": 1}, {"snapshot-id": 3}]
    metadata = TableMetadata.from_json(changed(table(3), statistics=statistics))

    assert expire(metadata, keep=1).other["statistics"] == [{"snapshot-id": 3}]


def test_metadata_files_are_numbered_and_remember_the_last_twenty():
    store: Any = Memory()
    location = None
    obsolete: list[str] = []
    for number in range(25):
        metadata = table() if location is None else TableMetadata.from_json(store.read(location))
        obsolete.extend(obsolete_metadata(metadata, location))
        metadata = replace(metadata, last_updated_ms=2000 + number)
        location = write_metadata(store, metadata, location)

    assert location is not None
    assert location.startswith("file:///lake/orders/metadata/00024-")
    log = TableMetadata.from_json(store.read(location)).metadata_log
    assert [entry.location for entry in log] == list(store.objects)[4:24]
    assert [entry.location.split("/")[-1][:6] for entry in log] == [f"{number:05d}-" for number in range(4, 24)]
    assert [entry.timestamp_ms for entry in log] == list(range(2004, 2024))
    assert obsolete == list(store.objects)[:4]


@pytest.mark.parametrize(
    ("previous", "name"),
    [
        ("file:///t/metadata/v9.metadata.json", "00010"),
        ("file:///t/metadata/00041-b.gz.metadata.json", "00042"),
        ("file:///t/metadata/strange.json", "00001"),
    ],
)
def test_numbering_goes_on_from_other_engines_names(previous, name):
    store: Any = Memory()

    assert f"/{name}-" in write_metadata(store, table(), previous)


def test_a_metadata_file_is_named_after_its_bytes_in_a_form_that_engines_take_for_a_uuid():
    store: Any = Memory()
    location = write_metadata(store, table(), None)
    data = store.read(location)
    seal, other = seal_of(data), seal_of(data.replace(b"orders", b"orderz"))

    assert uuid.UUID(location[-50:-14]).version == 8
    assert keeps_its_name(location, seal) is True
    assert keeps_its_name(location, other) is False
    assert keeps_its_name("file:///t/metadata/00001-4f2e2a3c-0000-4000-8000-000000000000.metadata.json", seal) is None
