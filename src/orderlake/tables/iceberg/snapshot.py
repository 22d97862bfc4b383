"""The next snapshot of a table: files added and removed in one step, in as few objects as possible.

A commit writes one manifest and one manifest list, however many manifests it touches: new files,
the survivors of manifests that lose a file, and small manifests due for merging share one file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orderlake.errors import CommitConflictError, CommitStateUnknownError
from orderlake.model.data_file import DataFile
from orderlake.model.ports import Objects
from orderlake.tables.iceberg.files import file_record
from orderlake.tables.iceberg.live import ManifestCache
from orderlake.tables.iceberg.manifest import Entry, Status, write_manifest
from orderlake.tables.iceberg.manifest_list import (
    ManifestFile,
    read_manifest_list,
    write_manifest_list,
)
from orderlake.tables.iceberg.metadata import LIST_SEAL, Snapshot, TableMetadata
from orderlake.tables.iceberg.summary import snapshot_summary

FULL_MANIFEST: Final = 500
"""Files in a manifest that is left alone: merging it again would cost more than it saves."""

SMALL_MANIFESTS: Final = 8
"""Manifests below that size a snapshot may list before the smallest are merged."""

FEWEST_MERGED: Final = 2
"""Manifests a merge takes at least, so that their number falls."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the new manifests hold, and the manifests that stay as they are."""

    entries: tuple[Entry, ...]
    untouched: tuple[ManifestFile, ...]


def new_snapshot(  # noqa: PLR0913 - what a commit is made of
    store: Objects,
    metadata: TableMetadata,
    *,
    added: Sequence[DataFile],
    removed: Collection[str],
    summary: Mapping[str, str],
    snapshot_id: int,
    now_ms: int,
    attempt: str,
    cache: ManifestCache | None = None,
    merge: bool = False,
    anew: bool = False,
) -> TableMetadata:
    """Write the manifests of a snapshot and give metadata that has it; commit that to publish it.

    `removed` holds locations; `summary` joins the counters, and its `operation` (say `replace`, for
    a compaction) goes before the one deduced. With `merge` all small manifests become one; with
    `anew` every manifest is written once more, so that none tells of a file that went before.
    Nothing existing is changed, so a lost attempt leaves only garbage. Raises CommitConflictError
    when a removed file is not live (the plan was made on another head), CommitStateUnknownError
    when the snapshot is already there, SchemaMismatchError when a file does not fit the table,
    ConfigError on manifests of another kind.
    """
    _check(metadata, added, removed, snapshot_id)
    cache = ManifestCache() if cache is None else cache
    parent = metadata.current_snapshot
    before = () if parent is None else read_manifest_list(store, parent.manifest_list)
    # A manifest of nothing but deletions told its own snapshot's story; the next one drops it.
    listed = [manifest for manifest in before if manifest.live_files]
    sequence = metadata.last_sequence_number + 1
    fresh = tuple(Entry(Status.ADDED, snapshot_id, sequence, sequence, file_record(file, metadata)) for file in added)
    plan = _remove(store, listed, frozenset(removed), snapshot_id, cache)
    if anew:
        live = (entry.kept() for each in plan.untouched for entry in cache.entries(store, each) if entry.live)
        plan = _Plan((*plan.entries, *live), ())
    gone = tuple(entry for entry in plan.entries if not entry.live)
    plan = _merge(store, _Plan((*fresh, *plan.entries), plan.untouched), cache, everything=merge)
    written = _write(store, metadata, plan.entries, snapshot_id=snapshot_id, attempt=attempt, cache=cache)
    manifests = (*written, *plan.untouched)
    snapshot = Snapshot(
        id=snapshot_id,
        parent_id=None if parent is None else parent.id,
        sequence_number=sequence,
        # Engines refuse a history that runs backwards, which another machine's clock could cause.
        timestamp_ms=max(now_ms, metadata.last_updated_ms),
        manifest_list=f"{metadata.location}/metadata/snap-{snapshot_id}-{sequence}-{attempt}.avro",
        summary=snapshot_summary(fresh, gone, manifests, parent, summary),
        schema_id=metadata.schema.id,
    )
    seal = write_manifest_list(store, snapshot.manifest_list, manifests, snapshot)
    return metadata.with_snapshot(replace(snapshot, summary={**snapshot.summary, LIST_SEAL: seal}))


def _check(
    metadata: TableMetadata,
    added: Sequence[DataFile],
    removed: Collection[str],
    snapshot_id: int,
) -> None:
    if any(snapshot.id == snapshot_id for snapshot in metadata.snapshots):
        raise CommitStateUnknownError(f"snapshot {snapshot_id} is in the table already: an earlier attempt landed")
    locations = [file.location for file in added]
    if len({*locations, *removed}) != len(locations) + len(frozenset(removed)):
        raise ValueError("one data file is added twice, or added and removed: name files by attempt")


def _remove(
    store: Objects,
    listed: Sequence[ManifestFile],
    removed: frozenset[str],
    snapshot_id: int,
    cache: ManifestCache,
) -> _Plan:
    """Open the manifests that hold a removed file; the others stay."""
    missing = set(removed)
    entries: list[Entry] = []
    untouched: list[ManifestFile] = []
    for position, manifest in enumerate(listed):
        if not missing:
            untouched.extend(listed[position:])
            break
        live = [entry for entry in cache.entries(store, manifest) if entry.live]
        hit = missing.intersection(entry.location for entry in live)
        if not hit:
            untouched.append(manifest)
            continue
        missing -= hit
        entries.extend(entry.deleted(snapshot_id) if entry.location in hit else entry.kept() for entry in live)
    if missing:
        raise CommitConflictError(f"{min(missing)} is not in the table any more: read the table again and plan anew")
    return _Plan(tuple(entries), tuple(untouched))


def merges_manifests(store: Objects, metadata: TableMetadata) -> bool:
    """Whether a table has more small manifests than a commit would leave: another engine has written them."""
    snapshot = metadata.current_snapshot
    listed = () if snapshot is None else read_manifest_list(store, snapshot.manifest_list)
    return sum(0 < manifest.live_files < FULL_MANIFEST for manifest in listed) > SMALL_MANIFESTS


def _merge(store: Objects, plan: _Plan, cache: ManifestCache, *, everything: bool) -> _Plan:
    """Fold the smallest manifests into the one being written once there are too many, or all of them."""
    small = [manifest for manifest in plan.untouched if manifest.live_files < FULL_MANIFEST]
    if len(small) + bool(plan.entries) <= (1 if everything else SMALL_MANIFESTS):
        return plan
    # The smallest, while each is no larger than all before it: a manifest at least doubles when it is
    # copied, so an entry is copied about log(files) times in its life.
    small.sort(key=lambda manifest: manifest.live_files)
    gathered = len(plan.entries)
    folded: dict[str, ManifestFile] = {}
    for manifest in small:
        if not everything and len(folded) >= FEWEST_MERGED and manifest.live_files > gathered:
            break
        folded[manifest.location] = manifest
        gathered += manifest.live_files
    carried = (entry.kept() for manifest in folded.values() for entry in cache.entries(store, manifest) if entry.live)
    return _Plan(
        (*plan.entries, *carried),
        tuple(manifest for manifest in plan.untouched if manifest.location not in folded),
    )


def _write(  # noqa: PLR0913 - a manifest's name and content
    store: Objects,
    metadata: TableMetadata,
    entries: tuple[Entry, ...],
    *,
    snapshot_id: int,
    attempt: str,
    cache: ManifestCache,
) -> list[ManifestFile]:
    """Write the entries in manifests of at most twice the full size: nearly always one."""
    sequence = metadata.last_sequence_number + 1
    manifests = []
    for number, start in enumerate(range(0, len(entries), 2 * FULL_MANIFEST)):
        # The sequence number tells two heads apart when a conflict makes the attempt start over.
        location = f"{metadata.location}/metadata/{attempt}-{sequence}-m{number}.avro"
        chunk = entries[start : start + 2 * FULL_MANIFEST]
        manifests.append(write_manifest(store, location, metadata, chunk, snapshot_id))
        cache.hold(location, chunk)
    return manifests
