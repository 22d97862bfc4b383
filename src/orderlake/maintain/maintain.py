"""Maintenance of a lake, step by step; each is whole in itself, so that whoever dies in it is simply followed.

1. Finish what a dead load left, table by table: its snapshots' summaries are in the ledger before any of them goes.
2. Fold the small files of each partition (`tables/compact.py`), a step at a time: each is a commit like a load's, and
   whoever runs out of time leaves the other steps to the next one.
3. Expire old snapshots: a commit of metadata alone, and a load goes first here too.
4. List the lake's files, then read what all tables need, and remember what nothing needs.
5. Delete what is old enough, was remembered long enough ago, and is unneeded still.

A file that a load writes is younger than any load lasts; one that a reader of an expired snapshot holds has not been
known to be unneeded for long enough. So neither is deleted, whatever runs beside.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Final

from orderlake.engine import Engine
from orderlake.errors import ConfigError, NotFoundError
from orderlake.maintain.recover import recover
from orderlake.maintain.report import MaintainReport, TableUpkeep
from orderlake.model.pipeline import Stream
from orderlake.model.ports import COMPACTION, ORPHAN_FILE_DELETION, RETENTION, StoredObject, TableHead
from orderlake.tables.compact import EVERYTHING, NOTHING, Folding, compact, outlook
from orderlake.tables.iceberg import expired_snapshots
from orderlake.tables.lakehouse import Opened
from orderlake.tables.layout import TableLayout, index_layout, system_layouts, table_layout
from orderlake.tables.rewrite import newest
from orderlake.tables.unneeded import Known, needs_of, remember, remembered, unneeded
from orderlake.wiring import Backends

DEFAULT_HOURS: Final = 24.0
"""No load and no question may last longer."""
DEFAULT_DAYS: Final = 30.0
"""How long snapshots stay."""
KEEP_ALWAYS: Final = 10
"""So many snapshots stay, however old they are."""
_HOUR: Final = 3_600_000_000_000
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted: `tables` alone (all of them when empty), how long things stay, and whether nothing is to be done.

    `hours` is how long nothing must have needed a file, `days` how old a snapshot may get, `folding` how files are
    folded.
    """

    tables: tuple[str, ...] = ()
    hours: float = DEFAULT_HOURS
    days: float = DEFAULT_DAYS
    is_dry: bool = False
    folding: Folding = EVERYTHING
    now_ns: Callable[[], int] = time.time_ns


def maintained(backends: Backends, wanted: Wanted) -> MaintainReport:
    """Finish what dead loads left (step 1), and maintain tables, with an engine of its own."""
    engine = backends.engine(backends.project.state / "work" / f"{os.getpid()}-maintain")
    try:
        if not wanted.is_dry:
            for stream in backends.streams:
                recover(backends, engine, stream)
        return maintain(backends, engine, wanted)
    finally:
        engine.close()


def maintain(backends: Backends, engine: Engine, wanted: Wanted | None = None) -> MaintainReport:
    """Maintain tables; NotFoundError when one that is named is not there."""
    return _Maintenance(backends, engine, Wanted() if wanted is None else wanted).report()


@dataclass(slots=True)
class _Maintenance:
    backends: Backends
    engine: Engine
    wanted: Wanted
    optimized: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What the catalog does for each table by itself, and is left to it."""

    def report(self) -> MaintainReport:
        layouts = self._layouts()
        self.optimized = self.backends.catalog.optimized([layout.name for layout, _ in layouts])
        done = {layout.name: self._table(layout, stream) for layout, stream in layouts}
        swept = self._swept(done)
        return MaintainReport(tuple(swept[table] for table in sorted(swept)), self.wanted.is_dry)

    def _layouts(self) -> list[tuple[TableLayout, Stream | None]]:
        """The tables that are wanted, a stream's index with the first of its tables."""
        found: list[tuple[TableLayout, Stream | None]] = []
        for stream in self.backends.streams:
            found += [(table_layout(stream, spec), stream) for spec in stream.tables if spec.format == "iceberg"]
            found.append((index_layout(stream), stream))
        found += [(layout, None) for layout in system_layouts()]
        names = [layout.name for layout, _ in found]
        lacking = [table for table in self.wanted.tables if table not in names]
        if lacking:
            raise NotFoundError(f"there is no Iceberg table {lacking[0]}: there are {', '.join(sorted(names))}")
        return [each for each in found if not self.wanted.tables or each[0].name in self.wanted.tables]

    def _table(self, layout: TableLayout, stream: Stream | None) -> TableUpkeep:
        """Fold and expire; a load that is at its tables has its turn first. What is damaged is left as it is."""
        try:
            if self.wanted.is_dry:
                return self._foreseen(layout)
            merge = newest if layout.is_index else None

            def turn() -> AbstractContextManager[None]:
                return self.backends.ledger.turn(layout.name if stream is None else stream.index)

            how = replace(self._folding(layout), turn=turn)
            done = compact(self.engine, self.backends.house, layout, merge, how)
            with turn():
                expired = self._expired(layout)
            note = self._left(layout.name)
            return TableUpkeep(layout.name, done.before, done.after, expired, note=note, is_done=done.is_done)
        except (ConfigError, NotFoundError) as error:
            return TableUpkeep(layout.name, note=f"it is left as it is: {error}")

    def _foreseen(self, layout: TableLayout) -> TableUpkeep:
        opened = self.backends.house.open([layout])[layout.name]
        taken, made = outlook(opened.layout, opened.live, self._folding(layout))
        count = len(opened.live)
        keep = KEEP_ALWAYS - bool(taken)  # folding is a snapshot more
        return TableUpkeep(
            layout.name, count, count - taken + made, self._old(opened, keep), note=self._left(layout.name)
        )

    def _does(self, what: str, layout: TableLayout) -> bool:
        """Whether the catalog does that for a table by itself."""
        return what in self.optimized.get(layout.name, ())

    def _folding(self, layout: TableLayout) -> Folding:
        """How a table's files are folded; not at all where the catalog does it."""
        return NOTHING if self._does(COMPACTION, layout) else self.wanted.folding

    def _left(self, table: str) -> str:
        """What is left to the catalog, in words."""
        does = sorted(each.replace("_", " ") for each in self.optimized.get(table, ()))
        return f"left to the catalog's own optimizers: {', '.join(does)}" if does else ""

    def _before_ms(self) -> int:
        return self.wanted.now_ns() // 1_000_000 - int(self.wanted.days * _DAY_MS)

    def _old(self, opened: Opened, keep: int = KEEP_ALWAYS) -> int:
        """How many snapshots are to go. Those of an index carry what was applied: loads see to them."""
        if opened.metadata is None or opened.layout.is_index or self._does(RETENTION, opened.layout):
            return 0
        return len(expired_snapshots(opened.metadata, keep, self._before_ms()))

    def _expired(self, layout: TableLayout) -> int:
        """How many snapshots went."""
        if layout.is_index or self._does(RETENTION, layout):
            return 0
        return self.backends.house.drop_snapshots(layout, KEEP_ALWAYS, self._before_ms())

    def _swept(self, tables: Mapping[str, TableUpkeep]) -> Mapping[str, TableUpkeep]:
        """Delete what has been unneeded for long enough, and remember the rest: what is known of tables, and this."""
        store, root, now = self.backends.store, self.backends.root, self.wanted.now_ns()
        age = int(self.wanted.hours * _HOUR)
        listed = list(store.list(root, hidden=True))
        heads: Sequence[TableHead] = self.backends.catalog.tables()
        needs = needs_of(store, heads, self.backends.house.cache)
        found = unneeded(store, root, listed, {*tables, *(head.table for head in heads)}, needs)
        before = remembered(store, root)
        known = {
            each.location: before.get(each.location, Known(now, each.size))
            for files in found.values()
            for each in files
        }
        going = {
            table: [each for each in found.get(table, ()) if max(each.version, known[each.location].since) <= now - age]
            for table in tables
            if ORPHAN_FILE_DELETION not in self.optimized.get(table, ())
        }
        if not self.wanted.is_dry and (known or before):
            remember(store, root, known)
            gone = {each.location for files in going.values() for each in files}
            store.each(store.delete, gone)
            if gone:
                remember(store, root, {location: each for location, each in known.items() if location not in gone})
        return {
            table: _counted(each, found.get(table, ()), going.get(table, ()), needs.unknown.get(table, ""))
            for table, each in tables.items()
        }


def _counted(
    table: TableUpkeep, files: Sequence[StoredObject], going: Sequence[StoredObject], unknown: str
) -> TableUpkeep:
    size = sum(each.size for each in going)
    return replace(
        table,
        deleted=len(going),
        deleted_bytes=size,
        waiting=len(files) - len(going),
        waiting_bytes=sum(each.size for each in files) - size,
        note=table.note or (f"its files are left alone: {unknown}" if unknown else ""),
    )
