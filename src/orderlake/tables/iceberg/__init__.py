"""Apache Iceberg v2 tables: metadata, manifests and snapshots, written and read without an engine."""

from orderlake.tables.iceberg.live import ManifestCache, live_files, referenced_locations
from orderlake.tables.iceberg.metadata import Snapshot, TableMetadata, create
from orderlake.tables.iceberg.metadata_file import (
    keeps_its_name,
    metadata_location,
    obsolete_metadata,
    write_metadata,
)
from orderlake.tables.iceberg.retention import KEEP_SNAPSHOTS, expire, expired_snapshots
from orderlake.tables.iceberg.schema import Field, PartitionField, Schema
from orderlake.tables.iceberg.snapshot import merges_manifests, new_snapshot

__all__ = [
    "KEEP_SNAPSHOTS",
    "Field",
    "ManifestCache",
    "PartitionField",
    "Schema",
    "Snapshot",
    "TableMetadata",
    "create",
    "expire",
    "expired_snapshots",
    "keeps_its_name",
    "live_files",
    "merges_manifests",
    "metadata_location",
    "new_snapshot",
    "obsolete_metadata",
    "referenced_locations",
    "write_metadata",
]
