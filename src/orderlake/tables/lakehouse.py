"""The tables of a lake at one moment: heads, metadata and live files, and how to stage a move of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from orderlake.errors import CommitConflictError, LakeError
from orderlake.model.data_file import DataFile
from orderlake.model.ports import Catalog, HeadUpdate, ObjectStore
from orderlake.tables import iceberg
from orderlake.tables.evolve import evolve, fields_of
from orderlake.tables.iceberg import ManifestCache, TableMetadata
from orderlake.tables.layout import TableLayout
from orderlake.tables.rewrite import Rewrite

KEEP_SNAPSHOTS: Final = 100
KEEP_INDEX_SNAPSHOTS: Final = 8
"""Index snapshots carry whole load reports, so fewer are kept; they are in the ledger before they go."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A table as read: where its head was, and its metadata (None before its first commit).

    `layout` has all columns that its next snapshot will have; `changes` and `conflicts` are those of Evolution.
    `properties` are put into its next metadata.
    """

    layout: TableLayout
    location: str
    head: str | None
    metadata: TableMetadata | None
    live: tuple[DataFile, ...] = ()
    changes: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def grows(self) -> bool:
        """Whether a declared table moves though it gets no row: it is not there yet, or gets another column."""
        return self.layout.spec is not None and (self.metadata is None or bool(self.changes))

    @property
    def next_sequence(self) -> int:
        """The number of the commit that follows this head."""
        return 1 if self.metadata is None else self.metadata.last_sequence_number + 1


@dataclass(frozen=True, slots=True)
class Move:
    """New metadata written for a table, ready to commit; `obsolete` may be deleted once it has landed."""

    update: HeadUpdate
    obsolete: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Written:
    """The objects of one snapshot, kept until `flush` puts all of them at once: none tells of one that must be there.

    Whoever dies in between leaves some of them, and no head that names one.
    """

    store: ObjectStore
    objects: dict[str, bytes] = field(default_factory=dict)

    def read(self, location: str) -> bytes:
        """Give the whole object."""
        return self.objects[location] if location in self.objects else self.store.read(location)

    def write(self, location: str, data: bytes) -> None:
        """Keep it for `flush`."""
        self.objects[location] = data

    def flush(self) -> None:
        """Write them all, none over another: the names are this attempt's own, and what stands never changes."""
        self.store.each(lambda one: self.store.create(*one), self.objects.items())


@dataclass(slots=True)
class Lakehouse:
    """Opens tables of the lake under `root` (a location) and writes their next metadata.

    `now_ms` is the clock, `new_id` gives random 62-bit ids.
    """

    store: ObjectStore
    catalog: Catalog
    root: str
    now_ms: Callable[[], int]
    new_id: Callable[[], int]
    cache: ManifestCache

    def open(self, layouts: Sequence[TableLayout], *, files: bool = True) -> dict[str, Opened]:
        """Read the heads of all these tables at once, then their metadata and live files."""
        heads = self.catalog.heads([layout.name for layout in layouts])

        def opened(layout: TableLayout) -> Opened:
            return self._open(layout, heads[layout.name].metadata, files=files)

        return {found.layout.name: found for found in self.store.each(opened, layouts)}

    def _open(self, layout: TableLayout, head: str | None, *, files: bool) -> Opened:
        location = f"{self.root}/{layout.name}"
        if head is None:
            return Opened(layout, location, None, None)
        metadata = TableMetadata.from_json(self.store.read(head))
        live = tuple(iceberg.live_files(self.store, metadata, cache=self.cache)) if files else ()
        become = evolve(layout, metadata)
        return Opened(become.layout, metadata.location, head, metadata, live, become.changes, become.conflicts)

    def move(  # noqa: PLR0913 - the table, its change, and how that is told
        self,
        opened: Opened,
        change: Rewrite,
        summary: Mapping[str, str],
        attempt: str,
        keep: int = KEEP_SNAPSHOTS,
        *,
        merge: bool = False,
    ) -> Move:
        """Write the manifests and metadata of a table's next snapshot; nothing is visible yet.

        With `merge` all small manifests become one.
        """
        metadata = opened.metadata
        if metadata is None:
            metadata = iceberg.create(
                opened.location,
                opened.layout.schema,
                opened.layout.partition,
                {"write.parquet.compression-codec": "zstd", "commit.retry.num-retries": "0"},
                uuid=str(uuid.uuid4()),
                now_ms=self.now_ms(),
            )
        metadata = metadata.with_schema(fields_of(opened.layout, metadata))
        metadata = replace(metadata, properties={**metadata.properties, **opened.properties})
        written = _Written(self.store)
        after = iceberg.new_snapshot(
            written,
            metadata,
            added=change.added,
            removed=change.removed,
            summary=summary,
            snapshot_id=self.new_id(),
            now_ms=self.now_ms(),
            attempt=attempt,
            cache=self.cache,
            merge=merge,
            anew=change.anew,
        )
        after = replace(iceberg.expire(after, keep), base_updated_ms=metadata.last_updated_ms)
        obsolete = iceberg.obsolete_metadata(after, opened.head)
        location = iceberg.write_metadata(written, after, opened.head)
        written.flush()
        return Move(HeadUpdate(opened.layout.name, opened.head, location), obsolete)

    def expire(self, opened: Opened, keep: int, before_ms: int) -> Move | None:
        """Write a table's metadata without the snapshots of before a time, the `keep` newest apart; None if none goes.

        Nothing is visible yet, and no file is deleted.
        """
        metadata = opened.metadata
        if metadata is None or not iceberg.expired_snapshots(metadata, keep, before_ms):
            return None
        written = _Written(self.store)
        # Later than the state before: who reads the log of states by time must find each.
        now = max(self.now_ms(), metadata.last_updated_ms + 1)
        after = replace(iceberg.expire(metadata, keep, before_ms), last_updated_ms=now)
        obsolete = iceberg.obsolete_metadata(after, opened.head)
        location = iceberg.write_metadata(written, after, opened.head)
        written.flush()
        return Move(HeadUpdate(opened.layout.name, opened.head, location), obsolete)

    def drop_snapshots(self, layout: TableLayout, keep: int, before_ms: int) -> int:
        """Commit a table without the snapshots of before a time, the `keep` newest apart; how many went."""
        count = 0

        def expired() -> Move | None:
            nonlocal count
            opened = self.open([layout], files=False)[layout.name]
            known = opened.metadata
            count = 0 if known is None else len(iceberg.expired_snapshots(known, keep, before_ms))
            return self.expire(opened, keep, before_ms)

        self.land(expired)
        return count

    def land(
        self,
        make: Callable[[], Move | None],
        attempts: int = 5,
        again: tuple[type[LakeError], ...] = (CommitConflictError,),
    ) -> bool:
        """Commit a move of one table; where another commit was faster it is made anew, from the table as it is then.

        False when there is nothing to move. After so many attempts the last error is raised; `again` are those after
        which another is made.
        """
        for attempt in range(1, attempts + 1):
            move = make()
            if move is None:
                return False
            try:
                self.catalog.commit([move.update])
            except again:
                if attempt == attempts:
                    raise
                continue
            self.store.each(self.store.delete, move.obsolete)
            break
        return True
