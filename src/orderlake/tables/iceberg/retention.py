"""How long snapshots stay readable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from orderlake.tables.iceberg.metadata import Snapshot, SnapshotLogEntry, TableMetadata

KEEP_SNAPSHOTS: Final = 100
_PER_SNAPSHOT_MEMBERS: Final = ("statistics", "partition-statistics")


def expired_snapshots(
    metadata: TableMetadata, keep: int = KEEP_SNAPSHOTS, before_ms: int | None = None
) -> tuple[Snapshot, ...]:
    """Give the snapshots beyond the `keep` newest, oldest first; where a time is given, only those of before it.

    Never the current one, nor one that a branch or tag of another engine points at.
    """
    refs = metadata.other.get("refs", {})
    pinned = {ref["snapshot-id"] for name, ref in refs.items() if name != "main"}
    pinned.add(metadata.current_snapshot_id)
    oldest_first = sorted(metadata.snapshots, key=lambda snapshot: snapshot.sequence_number)
    surplus = oldest_first[: max(0, len(oldest_first) - max(keep, 1))]
    return tuple(
        snapshot
        for snapshot in surplus
        if snapshot.id not in pinned and (before_ms is None or snapshot.timestamp_ms < before_ms)
    )


def expire(metadata: TableMetadata, keep: int = KEEP_SNAPSHOTS, before_ms: int | None = None) -> TableMetadata:
    """Drop `expired_snapshots` from the metadata. No file is deleted.

    Mark what those snapshots applied in the ledger first: their summaries go with them.
    """
    gone = {snapshot.id for snapshot in expired_snapshots(metadata, keep, before_ms)}
    if not gone:
        return metadata
    return replace(
        metadata,
        snapshots=tuple(snapshot for snapshot in metadata.snapshots if snapshot.id not in gone),
        snapshot_log=_readable_log(metadata.snapshot_log, gone),
        other=_without_statistics(metadata.other, gone),
    )


def _readable_log(log: tuple[SnapshotLogEntry, ...], gone: set[int]) -> tuple[SnapshotLogEntry, ...]:
    """Keep the log after its last gap: time travel by date must not skip a missing snapshot."""
    gaps = [position for position, entry in enumerate(log) if entry.snapshot_id in gone]
    return log[gaps[-1] + 1 :] if gaps else log


def _without_statistics(other: Mapping[str, Any], gone: set[int]) -> Mapping[str, Any]:
    return {
        key: [raw for raw in value if raw["snapshot-id"] not in gone] if key in _PER_SNAPSHOT_MEMBERS else value
        for key, value in other.items()
    }
