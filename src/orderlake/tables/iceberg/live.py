"""What a table's snapshots reference: the files readers see, and everything that must be kept."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

from orderlake.model.data_file import DataFile
from orderlake.model.ports import Objects
from orderlake.tables.iceberg.files import data_file
from orderlake.tables.iceberg.manifest import Entry, read_manifest
from orderlake.tables.iceberg.manifest_list import ManifestFile, read_manifest_list
from orderlake.tables.iceberg.metadata import Snapshot, TableMetadata


class ManifestCache:
    """Manifests and data files read before: they never change. Safe to share between threads.

    Holds at most `capacity` entries (some kB each) and as many data files; what was longest unused
    goes first.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        """Start empty."""
        self._capacity = capacity
        self._held = 0
        self._manifests: dict[str, tuple[Entry, ...]] = {}
        self._files: dict[tuple[str, int], DataFile] = {}
        self._lock = Lock()

    def entries(self, store: Objects, listed: ManifestFile) -> tuple[Entry, ...]:
        """Give a manifest's entries, from the store when they are not held."""
        with self._lock:
            entries = self._manifests.pop(listed.location, None)
            if entries is not None:
                self._manifests[listed.location] = entries
                return entries
        entries = read_manifest(store, listed)
        self.hold(listed.location, entries)
        return entries

    def hold(self, location: str, entries: tuple[Entry, ...]) -> None:
        """Remember a manifest that was just read or written."""
        with self._lock:
            self._held += len(entries) - len(self._manifests.pop(location, ()))
            self._manifests[location] = entries
            while self._held > self._capacity:
                oldest = next(iter(self._manifests))
                self._held -= len(self._manifests.pop(oldest))

    def data_file(self, entry: Entry, metadata: TableMetadata) -> DataFile:
        """Give an entry's file, decoded once per schema: it outlives the manifests that carry it."""
        key = (entry.location, metadata.schema.id)
        with self._lock:
            file = self._files.pop(key, None)
            if file is None:
                file = data_file(entry.file, metadata)
            self._files[key] = file
            if len(self._files) > self._capacity:
                del self._files[next(iter(self._files))]
        return file


def live_files(
    store: Objects,
    metadata: TableMetadata,
    snapshot_id: int | None = None,
    cache: ManifestCache | None = None,
) -> list[DataFile]:
    """Give the files of a snapshot, the current one unless another is named.

    Raises NotFoundError for a snapshot that is gone, ConfigError when there are delete files.
    """
    snapshot = metadata.current_snapshot if snapshot_id is None else metadata.snapshot(snapshot_id)
    cache = ManifestCache() if cache is None else cache
    return [cache.data_file(entry, metadata) for entry in _live_entries(store, snapshot, cache)]


def referenced_locations(store: Objects, metadata: TableMetadata, cache: ManifestCache | None = None) -> set[str]:
    """Give every manifest list, manifest and data file that some snapshot of the metadata needs.

    Whatever else lies under the table and is older than the longest attempt is garbage; metadata
    files are not among these. Reads one list per snapshot and each manifest once.
    """
    cache = ManifestCache() if cache is None else cache
    needed: set[str] = set()
    for snapshot in metadata.snapshots:
        needed.add(snapshot.manifest_list)
        for listed in read_manifest_list(store, snapshot.manifest_list):
            if listed.location in needed:
                continue
            needed.add(listed.location)
            needed.update(entry.location for entry in cache.entries(store, listed) if entry.live)
    return needed


def _live_entries(store: Objects, snapshot: Snapshot | None, cache: ManifestCache) -> Iterator[Entry]:
    if snapshot is None:
        return
    for listed in read_manifest_list(store, snapshot.manifest_list):
        yield from (entry for entry in cache.entries(store, listed) if entry.live)
