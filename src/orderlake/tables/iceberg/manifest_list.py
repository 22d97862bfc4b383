"""Manifest lists: one Avro file per snapshot, naming its manifests and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orderlake.errors import ConfigError
from orderlake.model.ports import Objects
from orderlake.model.seal import seal_of
from orderlake.tables.iceberg import avro
from orderlake.tables.iceberg.metadata import FORMAT_VERSION, Snapshot
from orderlake.tables.iceberg.schema import SPEC_ID

_DATA: Final = 0
_DELETES: Final = 1


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One manifest as its list describes it; sizes in bytes, `partitions` as Avro records, `seal` as of a DataFile."""

    location: str
    size: int
    sequence_number: int
    min_sequence_number: int
    added_snapshot_id: int
    added_files: int
    existing_files: int
    deleted_files: int
    added_rows: int
    existing_rows: int
    deleted_rows: int
    partitions: Sequence[Mapping[str, Any]] | None = None
    key_metadata: bytes | None = None
    seal: str | None = None

    @property
    def live_files(self) -> int:
        """How many files readers see through this manifest."""
        return self.added_files + self.existing_files

    @property
    def live_rows(self) -> int:
        """How many rows those files hold."""
        return self.added_rows + self.existing_rows


_FIELD_IDS: Final = {
    "location": 500,
    "size": 501,
    "sequence_number": 515,
    "min_sequence_number": 516,
    "added_snapshot_id": 503,
    "added_files": 504,
    "existing_files": 505,
    "deleted_files": 506,
    "added_rows": 512,
    "existing_rows": 513,
    "deleted_rows": 514,
    "partitions": 507,
    "key_metadata": 519,
    "seal": avro.MANIFEST_SEAL,
}
_SPEC_FIELD: Final = 502
_CONTENT_FIELD: Final = 517
_ZERO_WHEN_ABSENT: Final = frozenset({"sequence_number", "min_sequence_number"})


def read_manifest_list(store: Objects, location: str) -> tuple[ManifestFile, ...]:
    """Give a snapshot's manifests, also those without live files. Raises ConfigError on delete files."""
    file = avro.decode(location, store.read(location))
    # By id, for engines named these columns differently over the years.
    names = {field["field-id"]: field["name"] for field in file.schema["fields"]}
    return tuple(_parse(location, record, names) for record in file.records)


def _parse(location: str, record: Mapping[str, Any], names: Mapping[int, str]) -> ManifestFile:
    values: dict[str, Any] = {
        attribute: record.get(names.get(field_id, "")) for attribute, field_id in _FIELD_IDS.items()
    }
    for attribute in _ZERO_WHEN_ABSENT:  # written by format v1, before there were any
        values[attribute] = values[attribute] or 0
    if values["added_files"] is None or values["added_rows"] is None:
        raise ConfigError(f"{location} does not count files; run rewrite_manifests in the engine that wrote it")
    manifest = ManifestFile(**values)
    if record.get(names.get(_CONTENT_FIELD, ""), _DATA) == _DELETES and manifest.live_files > 0:
        raise ConfigError(
            f"{location} lists delete files, which only their engine can apply; "
            "compact the table there (OPTIMIZE, rewrite_data_files), then run again"
        )
    if record[names[_SPEC_FIELD]] != SPEC_ID:
        raise ConfigError(f"{location} has files of another partition spec; rewrite the table with one spec")
    return manifest


def write_manifest_list(store: Objects, location: str, manifests: Sequence[ManifestFile], snapshot: Snapshot) -> str:
    """Write the list of a snapshot, in the order given; give its seal."""
    records = [_record(manifest) for manifest in manifests]
    parent = "null" if snapshot.parent_id is None else str(snapshot.parent_id)
    data = avro.encode(
        location,
        avro.manifest_list_schema(),
        records,
        {
            "snapshot-id": str(snapshot.id),
            "parent-snapshot-id": parent,
            "sequence-number": str(snapshot.sequence_number),
            "format-version": str(FORMAT_VERSION),
        },
    )
    store.write(location, data)
    return seal_of(data)


def _record(manifest: ManifestFile) -> dict[str, Any]:
    return {
        "manifest_path": manifest.location,
        "manifest_length": manifest.size,
        "partition_spec_id": SPEC_ID,
        "content": _DATA,
        "sequence_number": manifest.sequence_number,
        "min_sequence_number": manifest.min_sequence_number,
        "added_snapshot_id": manifest.added_snapshot_id,
        "added_files_count": manifest.added_files,
        "existing_files_count": manifest.existing_files,
        "deleted_files_count": manifest.deleted_files,
        "added_rows_count": manifest.added_rows,
        "existing_rows_count": manifest.existing_rows,
        "deleted_rows_count": manifest.deleted_rows,
        "partitions": manifest.partitions,
        "key_metadata": manifest.key_metadata,
        avro.SEAL: manifest.seal,
    }
