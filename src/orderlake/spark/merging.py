"""The second stage: what a commit has to write, cut into pieces by partition, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Final, TypeVar

from orderlake.engine import quote
from orderlake.model.pipeline import TableSpec
from orderlake.spark.portion import Failed, Together
from orderlake.spark.staging import Tasks
from orderlake.spark.task import Site
from orderlake.spark.write_task import Job, Piece, Plain, Put, Rows, Shrunk
from orderlake.tables import hive
from orderlake.tables.layout import TableLayout, check_results_layout
from orderlake.tables.rewrite import Change, Planned, Rewrite, cast_rows, plan_rewrite
from orderlake.tables.write import Value, partition_of, parts_of, select, where_in
from orderlake.tables.writing import Work, Written, write_change

_FILE: Final = 4_000_000
"""Rows from which the new rows of a partition become several files, each written by a task."""
_SHRUNK: Final = 50_000
"""Rows that a plain file is taken for which is written again."""
_LEAST: Final = 250_000
"""Rows that are worth a task."""
_PER_SLOT: Final = 3
"""Tasks that each place of the cluster gets, so that all of them end at about the same time."""
T = TypeVar("T")
Held = Mapping[str, Mapping[Value, int]]
"""By staged file, how many rows of a table it has in each partition."""


@dataclass(frozen=True, slots=True)
class Merging:
    """Writes the files of one commit of what was staged: `held` by table, `together` as it was staged."""

    tasks: Tasks
    site: Site
    work: Work
    held: Mapping[str, Held]
    together: Sequence[Together]
    slots: int

    def write(self) -> Written:
        """Write all of them; an error that no other try can help is raised."""
        here = [(layout, change) for layout, change in self.work.changes if layout.name == check_results_layout().name]
        there = [each for each in self.work.changes if each not in here]
        rewrites = {layout.name: write_change(self.work, layout, change) for layout, change in here}
        planned = {layout.name: self._planned(layout, change) for layout, change in there}
        pieces: list[tuple[str, Piece]] = []
        for name, plan in planned.items():
            pieces += [(name, piece) for piece in self._rows(name, plan)] if plan is not None else []
        for spec in self.work.plain:
            pieces += [(spec.name, piece) for piece in self._plain(spec)]
        job = Job(self.site, self.work.house.root, self.work.attempt, self.work.decision, self._views())
        groups = balanced(pieces, lambda each: each[1].weight, self.slots)
        done = self.tasks.each(job, [[piece for _, piece in group] for group in groups], "writing")
        puts = [(name, put) for group, some in zip(groups, done, strict=True) for (name, _), put in _each(group, some)]
        for name, plan in planned.items():
            added = [file for owner, put in puts if owner == name for file in put.files]
            rewrites[name] = Rewrite() if plan is None else plan.done(added)
        specs = [layout.name for layout, change in there if layout.spec is not None and change.rows is not None]
        return Written(
            {spec.name: _swap(put.swap for name, put in puts if name == spec.name) for spec in self.work.plain},
            rewrites,
            {name: _sum(put.rows for owner, put in puts if owner == name) for name in specs},
        )

    def _planned(self, layout: TableLayout, change: Change) -> Planned | None:
        opened = self.work.tables[layout.name]
        if layout.spec is not None and change.rows is not None:
            change = replace(change, incoming=_totals(self._held(layout.spec)))
        cursor, store = self.work.engine.cursor(), self.work.house.store
        return plan_rewrite(cursor, store, opened.layout, opened.live, change)

    def _held(self, spec: TableSpec) -> Held:
        """The staged files of a table, with their rows by partition."""
        return {file: self.held[spec.name][file] for file in self.work.batch.files(spec.rows)}

    def _rows(self, name: str, planned: Planned) -> Iterable[Piece]:
        opened = self.work.tables[name]
        spec, source = opened.layout.spec, planned.source
        if spec is None:  # the index keeps one row of a key, the quarantine is small: each is written by one task
            every = planned.rows + sum(file.records for file in source.taken)
            yield Rows(opened.layout, opened.location, None, select(source, source.taken, None), every)
            return
        held = self._held(spec) if source.rows is not None else {}
        for value in parts_of(source, opened.layout):
            taken = [file for file in source.taken if partition_of(file, opened.layout) == value]
            groups = list(_groups(held, value)) or [()]
            for number, files in enumerate(groups):
                is_pure = all(set(held[file]) == {value} for file in files)
                where = None if is_pure else where_in(opened.layout, value)
                rows, counting = self._selects(opened.layout, spec, files, where) if files else (None, "")
                own = taken if number == 0 else []
                weight = sum(held[file].get(value, 0) for file in files) + sum(file.records for file in own)
                sql = select(replace(source, rows=rows), own, where)
                yield Rows(opened.layout, opened.location, value, sql, weight, counting)

    def _selects(
        self, layout: TableLayout, spec: TableSpec, files: Sequence[str], where: str | None
    ) -> tuple[str, str]:
        """SELECTs of a table's new rows in some staged files, and of how many they are per source."""
        losers = self.work.decision.losers
        batch = self.work.batch.of_files({self.work.batch.grain_of(spec.rows): files})
        narrowed = "" if where is None else f" WHERE {where}"
        counting = f"SELECT _n, count(*) FROM ({hive.with_source(batch, spec, losers)}){narrowed} GROUP BY _n"
        return cast_rows(layout, batch.rows_of(spec, losers)), counting

    def _plain(self, spec: TableSpec) -> Iterable[Piece]:
        batch = self.work.batch
        number = {source: at for at, source in enumerate(batch.staged.sources)}
        for each in self.together:
            some = batch.of_files(each.grains)
            if any(each.grains.values()):
                numbers = tuple(number[source] for source in each.sources)
                records = sum(segment.records for segment in batch.staged.segments if segment.source in numbers)
                yield Plain(spec, some, numbers, records)
        bare = replace(batch, staged=replace(batch.staged, grains={}, rejected=(), taken={}))
        for at in range(len(self.work.decision.retired)):
            yield Shrunk(spec, bare, at, _SHRUNK)

    def _views(self) -> dict[str, str]:
        """The tables of the decision as files that every executor can read."""
        found: dict[str, str] = {}
        store, decision = self.work.house.store, self.work.decision
        for table in (decision.losers, decision.dropped, decision.hits):
            if table is not None:
                file = store.target_path(f"{self.site.place}/{self.work.attempt}-{table}.parquet")
                self.work.engine.cursor().execute(f"COPY {table} TO {quote(file)} (FORMAT parquet)")
                found[table] = file
        return found


def _each(group: Sequence[tuple[str, Piece]], puts: Sequence[Put] | Failed) -> Iterable[tuple[tuple[str, Piece], Put]]:
    if isinstance(puts, Failed):
        raise puts.error
    return zip(group, puts, strict=True)


def balanced(items: Iterable[T], weight: Callable[[T], int], slots: int) -> list[list[T]]:
    """Items in groups that take about as long, the longest first: some for each slot, and few when there is little.

    >>> balanced([20_000, 400_000, 30_000, 10_000], lambda each: each, 2)
    [[400000], [30000, 20000, 10000]]
    """
    heavy_first = sorted(items, key=weight, reverse=True)
    total = sum(map(weight, heavy_first))
    wanted = max(1, min(_PER_SLOT * slots, -(-total // _LEAST), len(heavy_first)))
    groups: list[list[T]] = [[] for _ in range(wanted)]
    held = [(0, at) for at in range(wanted)]
    for each in heavy_first:
        load, at = heappop(held)
        groups[at].append(each)
        heappush(held, (load + weight(each), at))
    return sorted((group for group in groups if group), key=lambda group: -sum(map(weight, group)))


def _swap(swaps: Iterable[hive.Swap | None]) -> hive.Swap:
    return sum((swap for swap in swaps if swap is not None), hive.Swap(rows={}))


def _totals(held: Held) -> dict[Value, int]:
    found: dict[Value, int] = {}
    for parts in held.values():
        for value, count in parts.items():
            found[value] = found.get(value, 0) + count
    return found


def _sum(counts: Iterable[Mapping[int, int] | None]) -> dict[int, int]:
    found: dict[int, int] = {}
    for each in counts:
        for source, count in (each or {}).items():
            found[source] = found.get(source, 0) + count
    return found


def _groups(held: Held, value: Value) -> Iterable[tuple[str, ...]]:
    """The files with rows of a partition, so many together as make a file."""
    group: list[str] = []
    rows = 0
    for file, parts in held.items():
        count = parts.get(value, 0)
        if count:
            if group and rows + count > _FILE:
                yield tuple(group)
                group, rows = [], 0
            group.append(file)
            rows += count
    if group:
        yield tuple(group)
