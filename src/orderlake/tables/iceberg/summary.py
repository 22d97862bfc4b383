"""What a snapshot says of itself: its operation and the standard counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from orderlake.errors import ConfigError
from orderlake.tables.iceberg.manifest import Entry
from orderlake.tables.iceberg.manifest_list import ManifestFile
from orderlake.tables.iceberg.metadata import Snapshot

OPERATIONS: Final = frozenset({"append", "overwrite", "replace", "delete"})


def snapshot_summary(
    added: Sequence[Entry],
    removed: Sequence[Entry],
    manifests: Sequence[ManifestFile],
    parent: Snapshot | None,
    extra: Mapping[str, str],
) -> dict[str, str]:
    """Give the summary. Raises ConfigError when `extra` names an operation Iceberg does not know."""
    operation = extra.get("operation", _operation(added, removed))
    if operation not in OPERATIONS:
        raise ConfigError(f"operation {operation!r} is not one of {', '.join(sorted(OPERATIONS))}")
    added_size, removed_size = _size(added), _size(removed)
    changes = {
        "added-data-files": len(added),
        "added-records": _records(added),
        "added-files-size": added_size,
        "deleted-data-files": len(removed),
        "deleted-records": _records(removed),
        "removed-files-size": removed_size,
        "changed-partition-count": _partitions((*added, *removed)),
    }
    totals = {
        "total-data-files": sum(manifest.live_files for manifest in manifests),
        "total-records": sum(manifest.live_rows for manifest in manifests),
        "total-delete-files": 0,
        "total-position-deletes": 0,
        "total-equality-deletes": 0,
    }
    total_size = _total_size(parent, added_size - removed_size)
    return {
        **extra,
        "operation": operation,
        **{name: str(count) for name, count in changes.items() if count},
        **{name: str(count) for name, count in totals.items()},
        **({} if total_size is None else {"total-files-size": str(total_size)}),
    }


def _operation(added: Sequence[Entry], removed: Sequence[Entry]) -> str:
    if not removed:
        return "append"
    return "overwrite" if added else "delete"


def _total_size(parent: Snapshot | None, growth: int) -> int | None:
    """Go on from the parent's total; manifests lists hold no sizes, so unknown stays unknown."""
    before = "0" if parent is None else parent.summary.get("total-files-size", "")
    return int(before) + growth if before.isdecimal() else None


def _records(entries: Sequence[Entry]) -> int:
    return sum(int(entry.file["record_count"]) for entry in entries)


def _size(entries: Sequence[Entry]) -> int:
    return sum(int(entry.file["file_size_in_bytes"]) for entry in entries)


def _partitions(entries: Sequence[Entry]) -> int:
    """Count the partitions touched, for a table that has any."""
    return len({tuple(entry.file["partition"].values()) for entry in entries} - {()})
