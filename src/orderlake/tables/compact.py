"""Make few files of many: each partition of a table whose small files no load has folded yet becomes one file.

A compaction changes no row, and commits like a load: its heads move if they are where they were read, else it
looks again. A load that it meets goes first.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from orderlake.engine import Engine, name
from orderlake.model.data_file import DataFile
from orderlake.tables.evolve import stored_layout
from orderlake.tables.lakehouse import KEEP_INDEX_SNAPSHOTS, KEEP_SNAPSHOTS, Lakehouse, Move, Opened
from orderlake.tables.layout import TableLayout
from orderlake.tables.rewrite import LARGE, Rewrite
from orderlake.tables.write import Source, Writer, partition_of

Merge = Callable[[TableLayout], str]


@dataclass(frozen=True, slots=True)
class Compaction:
    """What became of one table: its files before and after."""

    table: str
    before: int
    after: int


def compact(engine: Engine, house: Lakehouse, layout: TableLayout, merge: Merge | None = None) -> Compaction:
    """Compact one table; `merge` gives what wraps the SELECT of what is folded, where a key's newest row is kept.

    CommitConflictError when loads were faster each time.
    """
    done = Compaction(layout.name, 0, 0)

    def folded() -> Move | None:
        nonlocal done
        opened = house.open([layout])[layout.name]
        if opened.metadata is not None:  # columns that are declared and not there come with a load
            opened = replace(opened, layout=stored_layout(layout, opened.metadata))
        taken, count = _small(opened.layout, opened.live), len(opened.live)
        done = Compaction(layout.name, count, count)
        if not taken:
            return None
        change = _rewritten(engine, house, opened, taken, merge)
        done = Compaction(layout.name, count, count - len(taken) + len(change.added))
        keep = KEEP_INDEX_SNAPSHOTS if layout.is_index else KEEP_SNAPSHOTS
        return house.move(opened, change, {"orderlake.operation": "compact"}, uuid.uuid4().hex, keep)

    house.land(folded)
    return done


def small_files(layout: TableLayout, live: Sequence[DataFile]) -> tuple[int, int]:
    """How many files a compaction would take, and of how many partitions."""
    taken = _small(layout, live)
    return len(taken), len({partition_of(file, layout) for file in taken})


def _small(layout: TableLayout, live: Sequence[DataFile]) -> list[DataFile]:
    """The small files of the partitions that have more than one."""
    small = [file for file in live if file.records < LARGE]
    counts = Counter(partition_of(file, layout) for file in small)
    return [file for file in small if counts[partition_of(file, layout)] > 1]


def _rewritten(
    engine: Engine, house: Lakehouse, opened: Opened, taken: Sequence[DataFile], merge: Merge | None
) -> Rewrite:
    layout, store = opened.layout, house.store

    def survivors(files: Sequence[DataFile]) -> list[str]:
        columns = ", ".join(name(column) for column in layout.columns)
        return [f"SELECT {columns} FROM {layout.rows(store.engine_path(file.location) for file in files)}"]

    writer = Writer(engine, store, layout, opened.location, uuid.uuid4().hex)
    added = writer.write(Source(None, {}, taken, survivors, None if merge is None else merge(layout)))
    store.sync(file.location for file in added)
    return Rewrite(tuple(added), tuple(file.location for file in taken))
