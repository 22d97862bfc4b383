"""Make few files of many: the small files of each partition become files of about a target size, sorted.

Rows are written in the order of their partition's column and their key, so that a question of some days or some keys
passes over row groups and files. A compaction changes no row. It writes while loads go on, a step at a time, and
commits each step in its stream's turn: files of the step that a load has replaced meanwhile are left for another step.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from orderlake.engine import Engine, name
from orderlake.errors import CommitConflictError
from orderlake.model.data_file import DataFile
from orderlake.tables.evolve import stored_layout
from orderlake.tables.iceberg import merges_manifests
from orderlake.tables.lakehouse import KEEP_INDEX_SNAPSHOTS, KEEP_SNAPSHOTS, Lakehouse, Move, Opened
from orderlake.tables.layout import TableLayout
from orderlake.tables.rewrite import Rewrite
from orderlake.tables.write import Source, Value, Writer, partition_of

if TYPE_CHECKING:
    import duckdb

Merge = Callable[[TableLayout], str]

TARGET: Final = 128 << 20
"""Bytes of a file: less, and questions open many; more, and a correction rewrites much."""
_FULL: Final = 0.75
"""The share of the target from which a file is left alone."""
_STEP: Final = 256 << 20
"""Bytes that one commit takes: what is lost when it dies, or a load was faster."""
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Bin:
    """Small files of one partition that become one."""

    partition: Value
    files: tuple[DataFile, ...]

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Folding:
    """How files are folded: to about `target` bytes, no fewer than `least` at a time, for as long as `proceed` says.

    Where it is said, `turn` is taken for each commit.
    """

    target: int = TARGET
    least: int = 2
    proceed: Callable[[], bool] = lambda: True
    turn: Callable[[], AbstractContextManager[None]] = nullcontext


EVERYTHING: Final = Folding()
NOTHING: Final = Folding(target=0)


@dataclass(frozen=True, slots=True)
class Compaction:
    """What became of one table: its files before and after, and whether there is more to do."""

    table: str
    before: int
    after: int
    is_done: bool = True


def compact(
    engine: Engine, house: Lakehouse, layout: TableLayout, merge: Merge | None = None, how: Folding = EVERYTHING
) -> Compaction:
    """Compact one table; `merge` gives what wraps the SELECT of what is folded, where a key's newest row is kept.

    CommitConflictError when loads were faster each time.
    """
    return _Compacting(engine, house, layout, merge, how).run()


def bins(layout: TableLayout, live: Sequence[DataFile], target: int = TARGET, least: int = 2) -> list[Bin]:
    """The small files that belong together: of one partition, neighbours by key, about `target` bytes in all."""
    small = sorted((file for file in live if file.size < target * _FULL), key=lambda file: _place(file, layout))
    found: list[Bin] = []
    for value, files in groupby(small, lambda file: partition_of(file, layout)):
        group: list[DataFile] = []
        for file in files:
            group.append(file)
            if sum(each.size for each in group) >= target * _FULL:
                found.append(Bin(value, tuple(group)))
                group = []
        found.append(Bin(value, tuple(group)))
    return [each for each in found if len(each.files) >= max(2, least)]


def order_of(layout: TableLayout) -> tuple[str, ...]:
    """The columns that rows are sorted by: that of the partition, then those of the key."""
    partition = layout.spec.partition if layout.spec is not None else None
    first = () if partition is None else (partition.column,)
    return tuple(dict.fromkeys((*first, *layout.key)))


def _place(file: DataFile, layout: TableLayout) -> tuple[str, tuple[tuple[int, str], ...], str]:
    """Where a file stands among others: by partition, then by the least values it has."""

    def least(column: str) -> tuple[int, str]:
        stats = file.columns.get(column)
        text = "" if stats is None or stats.lower is None else stats.lower
        is_number = layout.columns[column].iceberg in ("int", "long")
        return (len(text) if is_number else 0, text)

    return str(partition_of(file, layout)), tuple(map(least, order_of(layout))), file.location


@dataclass(slots=True)
class _Compacting:
    engine: Engine
    house: Lakehouse
    layout: TableLayout
    merge: Merge | None
    how: Folding

    def run(self) -> Compaction:
        opened = self._open()
        before = len(opened.live)
        while (step := self._step(opened)) or self._is_scattered(opened):
            if not self.how.proceed():
                return Compaction(self.layout.name, before, len(opened.live), is_done=False)
            opened = self._fold(opened, step)
        return Compaction(self.layout.name, before, len(opened.live))

    def _open(self) -> Opened:
        opened = self.house.open([self.layout])[self.layout.name]
        if opened.metadata is None:  # columns that are declared and not there come with a load
            return opened
        return replace(opened, layout=stored_layout(self.layout, opened.metadata))

    def _step(self, opened: Opened) -> list[Bin]:
        """What the next commit folds: a bin, and more of them while they are small."""
        found = bins(opened.layout, opened.live, self.how.target, self.how.least)
        taken, size = found[:1], 0
        for before, each in pairwise(found):
            size += before.size
            if size + each.size > _STEP:
                break
            taken.append(each)
        return taken

    def _is_scattered(self, opened: Opened) -> bool:
        """Whether the table's files are told of in more manifests than they need."""
        return (
            bool(self.how.target)
            and opened.metadata is not None
            and merges_manifests(self.house.store, opened.metadata)
        )

    def _fold(self, opened: Opened, step: Sequence[Bin]) -> Opened:
        """Fold these files, or what of them is there still; give the table as it is then."""
        for attempt in range(1, _ATTEMPTS + 1):
            change = self._rewritten(opened, step)
            try:
                with self.how.turn():
                    self.house.land(partial(self._move, change))
                return self._open()
            except CommitConflictError:
                self.house.store.each(self.house.store.delete, [file.location for file in change.added])
                if attempt == _ATTEMPTS:
                    raise
                opened = self._open()
                step = self._step(opened)
        return opened

    def _move(self, change: Rewrite) -> Move:
        """The next state of the table; CommitConflictError when a file that was folded is not in it any more."""
        keep = KEEP_INDEX_SNAPSHOTS if self.layout.is_index else KEEP_SNAPSHOTS
        summary = {"operation": "replace", "orderlake.operation": "compact"}
        return self.house.move(self._open(), change, summary, uuid.uuid4().hex, keep, merge=True)

    def _rewritten(self, opened: Opened, step: Sequence[Bin]) -> Rewrite:
        layout, store = opened.layout, self.house.store

        def survivors(files: Sequence[DataFile]) -> list[str]:
            columns = ", ".join(name(column) for column in layout.columns)
            return [f"SELECT {columns} FROM {layout.rows(store.engine_path(file.location) for file in files)}"]

        def written(_: duckdb.DuckDBPyConnection, each: Bin) -> list[DataFile]:
            writer = Writer(self.engine, store, layout, opened.location, uuid.uuid4().hex)
            merge = None if self.merge is None else self.merge(layout)
            return writer.write(Source(None, {}, each.files, survivors, merge, order=order_of(layout)))

        added = [file for files in self.engine.each(written, step) for file in files]
        store.sync(file.location for file in added)
        return Rewrite(tuple(added), tuple(file.location for each in step for file in each.files))


def outlook(layout: TableLayout, live: Sequence[DataFile], how: Folding = EVERYTHING) -> tuple[int, int]:
    """How many files a compaction would take, and how many it would make of them."""
    found = bins(layout, live, how.target, how.least)
    return sum(len(each.files) for each in found), len(found)
