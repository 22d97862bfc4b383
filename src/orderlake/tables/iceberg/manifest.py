"""Manifests: Avro files that list data files, each with its status in the history of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from json import dumps
from typing import Any, Final

from orderlake.errors import ConfigError
from orderlake.model.ports import Objects
from orderlake.model.seal import seal_of
from orderlake.tables.iceberg import avro
from orderlake.tables.iceberg.manifest_list import ManifestFile
from orderlake.tables.iceberg.metadata import FORMAT_VERSION, TableMetadata
from orderlake.tables.iceberg.partition import partition_columns, summaries
from orderlake.tables.iceberg.schema import SPEC_ID, spec_fields

_DATA: Final = 0
_ARRAYS: Final = (
    "column_sizes",
    "value_counts",
    "null_value_counts",
    "nan_value_counts",
    "lower_bounds",
    "upper_bounds",
    "split_offsets",
    "equality_ids",
)


_BOUNDS: Final = frozenset({"lower_bounds", "upper_bounds"})


class Status(IntEnum):
    """What happened to a file in the snapshot that wrote the entry."""

    EXISTING = 0
    ADDED = 1
    DELETED = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a manifest. `file` is the Avro record; never change it in place, caches share it.

    The snapshot id and both sequence numbers say when the file came (for DELETED, the id says when
    it went); the sequence numbers survive every rewrite of the manifest.
    """

    status: Status
    snapshot_id: int
    sequence_number: int
    file_sequence_number: int
    file: Mapping[str, Any]

    @property
    def location(self) -> str:
        """Where the data file is."""
        location: str = self.file["file_path"]
        return location

    @property
    def live(self) -> bool:
        """Whether readers of the snapshot see the file."""
        return self.status is not Status.DELETED

    def kept(self) -> Entry:
        """Carry the file over into a new manifest."""
        return replace(self, status=Status.EXISTING)

    def deleted(self, snapshot_id: int) -> Entry:
        """Take the file out, as of that snapshot; the least and greatest values that it held are told no more."""
        file = {**self.file, **dict.fromkeys(_BOUNDS & self.file.keys())}
        return replace(self, status=Status.DELETED, snapshot_id=snapshot_id, file=file)


def read_manifest(store: Objects, listed: ManifestFile) -> tuple[Entry, ...]:
    """Give a manifest's entries with inherited numbers filled in.

    Raises ConfigError on delete files and other formats than Parquet.
    """
    records = avro.decode(listed.location, store.read(listed.location)).records
    return tuple(_entry(record, listed) for record in records)


def _entry(record: Mapping[str, Any], listed: ManifestFile) -> Entry:
    file = record["data_file"]
    if file.get("content", _DATA) != _DATA or file["file_format"].upper() != "PARQUET":
        raise ConfigError(
            f"{listed.location} lists {file['file_path']}, which is not a Parquet data file; "
            "rewrite the table's data files in the engine that wrote it"
        )
    snapshot_id = record.get("snapshot_id")
    sequence = record.get("sequence_number")
    file_sequence = record.get("file_sequence_number")
    return Entry(
        status=Status(record["status"]),
        snapshot_id=listed.added_snapshot_id if snapshot_id is None else snapshot_id,
        sequence_number=listed.sequence_number if sequence is None else sequence,
        file_sequence_number=listed.sequence_number if file_sequence is None else file_sequence,
        file=file,
    )


def write_manifest(
    store: Objects,
    location: str,
    metadata: TableMetadata,
    entries: Sequence[Entry],
    snapshot_id: int,
) -> ManifestFile:
    """Write a manifest for the snapshot that follows `metadata`; give its line for the list."""
    columns = partition_columns(metadata.partition, metadata.schema)
    data = avro.encode(
        location,
        avro.manifest_schema(columns),
        [_record(entry) for entry in entries],
        {
            "schema": dumps(metadata.schema.to_json()),
            "schema-id": str(metadata.schema.id),
            "partition-spec": dumps(spec_fields(metadata.partition, metadata.schema)),
            "partition-spec-id": str(SPEC_ID),
            "format-version": str(FORMAT_VERSION),
            "content": "data",
        },
    )
    store.write(location, data)
    rows = dict.fromkeys(Status, 0)
    files = dict.fromkeys(Status, 0)
    for entry in entries:
        files[entry.status] += 1
        rows[entry.status] += entry.file["record_count"]
    sequence = metadata.last_sequence_number + 1
    return ManifestFile(
        location=location,
        size=len(data),
        sequence_number=sequence,
        min_sequence_number=min((entry.sequence_number for entry in entries if entry.live), default=sequence),
        added_snapshot_id=snapshot_id,
        added_files=files[Status.ADDED],
        existing_files=files[Status.EXISTING],
        deleted_files=files[Status.DELETED],
        added_rows=rows[Status.ADDED],
        existing_rows=rows[Status.EXISTING],
        deleted_rows=rows[Status.DELETED],
        partitions=summaries(columns, [entry.file["partition"] for entry in entries]),
        seal=seal_of(data),
    )


def _record(entry: Entry) -> dict[str, Any]:
    # Naming the branch of a union spares the Avro writer checking every pair: twice as fast, same bytes.
    arrays = {name: ("array", entry.file[name]) for name in _ARRAYS if entry.file.get(name) is not None}
    # A new file takes its numbers from the manifest list, where a commit may still assign them.
    added = entry.status is Status.ADDED
    return {
        "status": int(entry.status),
        "snapshot_id": entry.snapshot_id,
        "sequence_number": None if added else entry.sequence_number,
        "file_sequence_number": None if added else entry.file_sequence_number,
        "data_file": {"content": _DATA, **entry.file, **arrays},
    }
