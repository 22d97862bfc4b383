"""Maintenance of a lake, step by step; each is whole in itself, so that whoever dies in it is simply followed.

1. Finish what a dead load left, table by table: its snapshots' summaries are in the ledger before any of them goes.
2. Fold the small files of each partition (`tables/compact.py`): a commit like a load's, and a load goes first.
3. Expire old snapshots: a commit of metadata alone, and a load goes first here too.
4. List the lake's files, then read what all tables need, and remember what nothing needs.
5. Delete what is old enough, was remembered long enough ago, and is unneeded still.

A file that a load writes is younger than any load lasts; one that a reader of an expired snapshot holds has not been
known to be unneeded for long enough. So neither is deleted, whatever runs beside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orderlake.engine import Engine
from orderlake.errors import ConfigError, NotFoundError
from orderlake.maintain.report import MaintainReport, TableUpkeep
from orderlake.model.pipeline import Stream
from orderlake.model.ports import StoredObject, TableHead
from orderlake.tables.compact import compact, small_files
from orderlake.tables.iceberg import expired_snapshots
from orderlake.tables.lakehouse import Move, Opened
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

    `hours` is how long nothing must have needed a file, `days` how old a snapshot may get.
    """

    tables: tuple[str, ...] = ()
    hours: float = DEFAULT_HOURS
    days: float = DEFAULT_DAYS
    is_dry: bool = False
    now_ns: Callable[[], int] = time.time_ns


def maintain(backends: Backends, engine: Engine, wanted: Wanted | None = None) -> MaintainReport:
    """Maintain tables; NotFoundError when one that is named is not there."""
    return _Maintenance(backends, engine, Wanted() if wanted is None else wanted).report()


@dataclass(slots=True)
class _Maintenance:
    backends: Backends
    engine: Engine
    wanted: Wanted

    def report(self) -> MaintainReport:
        done = {layout.name: self._table(layout, stream) for layout, stream in self._layouts()}
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
            with self.backends.ledger.turn(layout.name if stream is None else stream.index):
                folded = compact(self.engine, self.backends.house, layout, merge)
                return TableUpkeep(layout.name, folded.before, folded.after, self._expired(layout))
        except (ConfigError, NotFoundError) as error:
            return TableUpkeep(layout.name, note=f"it is left as it is: {error}")

    def _foreseen(self, layout: TableLayout) -> TableUpkeep:
        opened = self.backends.house.open([layout])[layout.name]
        taken, partitions = small_files(opened.layout, opened.live)
        count = len(opened.live)
        keep = KEEP_ALWAYS - bool(taken)  # folding is a snapshot more
        return TableUpkeep(layout.name, count, count - taken + partitions, self._old(opened, keep))

    def _before_ms(self) -> int:
        return self.wanted.now_ns() // 1_000_000 - int(self.wanted.days * _DAY_MS)

    def _old(self, opened: Opened, keep: int = KEEP_ALWAYS) -> int:
        """How many snapshots are to go. Those of an index carry what was applied: loads see to them."""
        if opened.metadata is None or opened.layout.is_index:
            return 0
        return len(expired_snapshots(opened.metadata, keep, self._before_ms()))

    def _expired(self, layout: TableLayout) -> int:
        """How many snapshots went."""
        house, count = self.backends.house, 0

        def expired() -> Move | None:
            nonlocal count
            opened = house.open([layout], files=False)[layout.name]
            count = self._old(opened)
            return house.expire(opened, KEEP_ALWAYS, self._before_ms()) if count else None

        house.land(expired)
        return count

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
        }
        if not self.wanted.is_dry and (known or before):
            remember(store, root, known)
            gone = {each.location for files in going.values() for each in files}
            store.each(store.delete, gone)
            if gone:
                remember(store, root, {location: each for location, each in known.items() if location not in gone})
        return {
            table: _counted(each, found.get(table, ()), going[table], needs.unknown.get(table))
            for table, each in tables.items()
        }


def _counted(
    table: TableUpkeep, files: Sequence[StoredObject], going: Sequence[StoredObject], unknown: str | None
) -> TableUpkeep:
    size = sum(each.size for each in going)
    return replace(
        table,
        deleted=len(going),
        deleted_bytes=size,
        waiting=len(files) - len(going),
        waiting_bytes=sum(each.size for each in files) - size,
        note=table.note or ("" if unknown is None else f"its files are left alone: {unknown}"),
    )
