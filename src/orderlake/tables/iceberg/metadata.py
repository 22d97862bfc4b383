"""A table's metadata document, format version 2: what the catalog's pointer points at."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from orderlake.errors import ConfigError, NotFoundError
from orderlake.tables.iceberg.schema import (
    FIRST_PARTITION_ID,
    SPEC_ID,
    Field,
    PartitionField,
    Schema,
    spec_fields,
    spec_from_json,
    stored_type,
)

FORMAT_VERSION: Final = 2
MAIN: Final = "main"
LIST_SEAL: Final = "orderlake.manifest-list-seal"
"""In a snapshot's summary: the seal of its manifest list."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
_NO_SNAPSHOT: Final = -1
_OWN_MEMBERS: Final = frozenset({
    "format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms",
    "current-schema-id", "partition-specs", "default-spec-id", "last-partition-id", "properties",
    "current-snapshot-id", "snapshots", "snapshot-log", "metadata-log",
})  # fmt: skip


class SnapshotLogEntry(NamedTuple):
    """When (ms since the epoch) a snapshot became current."""

    snapshot_id: int
    timestamp_ms: int


class MetadataLogEntry(NamedTuple):
    """An earlier metadata file, and when (ms since the epoch) it was last updated."""

    location: str
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the table's files. `other` holds members we carry along unread."""

    id: int
    parent_id: int | None
    sequence_number: int
    timestamp_ms: int
    manifest_list: str
    summary: Mapping[str, str]
    schema_id: int | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the snapshot as the metadata file holds it."""
        document: dict[str, Any] = {
            **self.other,
            "snapshot-id": self.id,
            "sequence-number": self.sequence_number,
            "timestamp-ms": self.timestamp_ms,
            "manifest-list": self.manifest_list,
            "summary": dict(self.summary),
        }
        if self.parent_id is not None:
            document["parent-snapshot-id"] = self.parent_id
        if self.schema_id is not None:
            document["schema-id"] = self.schema_id
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Snapshot:
        """Read a snapshot object. Raises KeyError on one without a manifest list (format v1)."""
        rest = dict(document)
        return cls(
            id=rest.pop("snapshot-id"),
            parent_id=rest.pop("parent-snapshot-id", None),
            sequence_number=rest.pop("sequence-number", 0),
            timestamp_ms=rest.pop("timestamp-ms"),
            manifest_list=rest.pop("manifest-list"),
            summary=rest.pop("summary", {}),
            schema_id=rest.pop("schema-id", None),
            other=rest,
        )


@dataclass(frozen=True, slots=True)
class TableMetadata:
    """The whole state of a table. `other` holds members we carry along: old schemas, sort orders, refs.

    Times are ms since the epoch. `base_updated_ms` is the update time of the document this one was
    made from; it dates that document in the metadata log and is not stored itself.
    """

    uuid: str
    location: str
    last_sequence_number: int
    last_updated_ms: int
    schema: Schema
    partition: tuple[PartitionField, ...]
    properties: Mapping[str, str]
    current_snapshot_id: int | None = None
    snapshots: tuple[Snapshot, ...] = ()
    snapshot_log: tuple[SnapshotLogEntry, ...] = ()
    metadata_log: tuple[MetadataLogEntry, ...] = ()
    other: Mapping[str, Any] = field(default_factory=dict)
    base_updated_ms: int = field(default=0, compare=False)

    @property
    def current_snapshot(self) -> Snapshot | None:
        """The snapshot readers see, None for a table that was never written."""
        return None if self.current_snapshot_id is None else self.snapshot(self.current_snapshot_id)

    def snapshot(self, snapshot_id: int) -> Snapshot:
        """Give a snapshot by id. Raises NotFoundError when it expired or never was."""
        # The wanted one is nearly always the newest.
        for snapshot in reversed(self.snapshots):
            if snapshot.id == snapshot_id:
                return snapshot
        raise NotFoundError(f"{self.location} has no snapshot {snapshot_id}: it expired or never was")

    def with_snapshot(self, snapshot: Snapshot) -> TableMetadata:
        """Make a snapshot current on the main branch. Nothing is written."""
        refs = dict(self.other.get("refs", {}))
        refs[MAIN] = {**refs.get(MAIN, {}), "snapshot-id": snapshot.id, "type": "branch"}
        return replace(
            self,
            other={**self.other, "refs": refs},
            last_sequence_number=snapshot.sequence_number,
            last_updated_ms=snapshot.timestamp_ms,
            current_snapshot_id=snapshot.id,
            snapshots=(*self.snapshots, snapshot),
            snapshot_log=(*self.snapshot_log, SnapshotLogEntry(snapshot.id, snapshot.timestamp_ms)),
        )

    @property
    def last_column_id(self) -> int:
        """The highest column id that was ever given out: none is given out twice."""
        return max(int(self.other.get("last-column-id", 0)), self.schema.last_id)

    @property
    def schemas(self) -> Sequence[Mapping[str, Any]]:
        """Every schema the table has had, as the metadata file holds them."""
        found: Sequence[Mapping[str, Any]] = self.other["schemas"]
        return found

    def with_schema(self, fields: Sequence[Field]) -> TableMetadata:
        """Make these columns current, as a schema of their own; nothing changes when they are. Nothing is written."""
        if tuple(fields) == self.schema.fields:
            return self
        schema = Schema(tuple(fields), 1 + max(int(known["schema-id"]) for known in self.schemas))
        last = max(self.last_column_id, schema.last_id)
        other = {**self.other, "schemas": [*self.schemas, schema.to_json()], "last-column-id": last}
        return replace(self, schema=schema, other=other)

    def to_json(self) -> bytes:
        """Serialize; `from_json` gives an equal object back."""
        document = {
            **self.other,
            "format-version": FORMAT_VERSION,
            "table-uuid": self.uuid,
            "location": self.location,
            "last-sequence-number": self.last_sequence_number,
            "last-updated-ms": self.last_updated_ms,
            "current-schema-id": self.schema.id,
            "partition-specs": [{"spec-id": SPEC_ID, "fields": spec_fields(self.partition, self.schema)}],
            "default-spec-id": SPEC_ID,
            "last-partition-id": FIRST_PARTITION_ID - 1 + len(self.partition),
            "properties": dict(self.properties),
            "snapshots": [snapshot.to_json() for snapshot in self.snapshots],
            "snapshot-log": [
                {"snapshot-id": entry.snapshot_id, "timestamp-ms": entry.timestamp_ms} for entry in self.snapshot_log
            ],
            "metadata-log": [
                {"metadata-file": entry.location, "timestamp-ms": entry.timestamp_ms} for entry in self.metadata_log
            ],
        }
        if self.current_snapshot_id is not None:
            document["current-snapshot-id"] = self.current_snapshot_id
        return json.dumps(document, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> TableMetadata:
        """Parse a metadata file, gzip or plain. Raises ConfigError on what we could not keep right."""
        try:
            if data.startswith(_GZIP_MAGIC):
                data = zlib.decompress(data, _GZIP_WINDOW)
            document = json.loads(data)
            version = document["format-version"]
            if version == FORMAT_VERSION:
                return cls._parse(document)
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise ConfigError(f"not the metadata of an Iceberg v2 table, point at another file: {error!r}") from error
        raise ConfigError(f"the table has format version {version}, recreate it with 'format-version'='2'")

    @classmethod
    def _parse(cls, document: dict[str, Any]) -> TableMetadata:
        schemas = {raw["schema-id"]: raw for raw in document["schemas"]}
        schema = Schema.from_json(schemas[document["current-schema-id"]])
        current = document.get("current-snapshot-id")
        return cls(
            uuid=document["table-uuid"],
            location=document["location"].rstrip("/"),
            last_sequence_number=document["last-sequence-number"],
            last_updated_ms=document["last-updated-ms"],
            schema=schema,
            partition=spec_from_json(document["partition-specs"], schema),
            properties=document.get("properties", {}),
            current_snapshot_id=None if current == _NO_SNAPSHOT else current,
            snapshots=tuple(Snapshot.from_json(raw) for raw in document.get("snapshots", ())),
            snapshot_log=tuple(
                SnapshotLogEntry(raw["snapshot-id"], raw["timestamp-ms"]) for raw in document.get("snapshot-log", ())
            ),
            metadata_log=tuple(
                MetadataLogEntry(raw["metadata-file"], raw["timestamp-ms"]) for raw in document.get("metadata-log", ())
            ),
            other={key: value for key, value in document.items() if key not in _OWN_MEMBERS},
            base_updated_ms=document["last-updated-ms"],
        )


def create(  # noqa: PLR0913 - a table is made of these
    location: str,
    schema: Schema,
    partition: Sequence[PartitionField],
    properties: Mapping[str, str],
    *,
    uuid: str,
    now_ms: int,
) -> TableMetadata:
    """Give the metadata of an empty table. Raises ConfigError when a partition does not fit."""
    for item in partition:
        stored_type(item, schema)
    return TableMetadata(
        uuid=uuid,
        location=location.rstrip("/"),
        last_sequence_number=0,
        last_updated_ms=now_ms,
        schema=schema,
        partition=tuple(partition),
        properties=dict(properties),
        other={
            "last-column-id": schema.last_id,
            "schemas": [schema.to_json()],
            "sort-orders": [{"order-id": 0, "fields": []}],
            "default-sort-order-id": 0,
        },
        base_updated_ms=now_ms,
    )
