"""Write all the files of a commit, whoever does it: one after the other here, or many at once elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from orderlake.engine import Engine
from orderlake.model.pipeline import TableSpec
from orderlake.tables import hive
from orderlake.tables.batch import Batch
from orderlake.tables.decide import Decision
from orderlake.tables.lakehouse import Lakehouse, Opened
from orderlake.tables.layout import TableLayout
from orderlake.tables.rewrite import Change, Rewrite, rewrite

_SMALL: Final = 4 << 20
"""Bytes of a batch of source objects whose tables may be written at once: the engine's memory is for all of them."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a commit has to write: the files of `plain` Parquet tables, and the changes of Iceberg tables.

    `attempt` is a name that no other try has: what is written is called after it. The tables that `decision` names
    are the engine's.
    """

    engine: Engine
    house: Lakehouse
    batch: Batch
    decision: Decision
    tables: Mapping[str, Opened]
    attempt: str
    plain: tuple[TableSpec, ...]
    changes: tuple[tuple[TableLayout, Change], ...]


@dataclass(frozen=True, slots=True)
class Written:
    """By table what to publish, and what to add and to remove; `rows` counts those of Iceberg tables per source."""

    swaps: Mapping[str, hive.Swap]
    rewrites: Mapping[str, Rewrite]
    rows: Mapping[str, Mapping[int, int]]


Write = Callable[[Work], Written]
"""Writes the files of a commit. Nothing shows yet."""


def write_here(work: Work) -> Written:
    """Write with the engine: tables of a small batch at once, where they wait for a network one by one."""
    swaps: dict[str, hive.Swap] = {}
    done: dict[str, Rewrite] = {}

    def write(what: TableSpec | tuple[TableLayout, Change]) -> None:
        if isinstance(what, TableSpec):
            plain = hive.Plain(work.engine, work.house.store, work.house.root, what, work.attempt)
            swaps[what.name] = plain.prepare(work.batch, work.decision)
        else:
            done[what[0].name] = write_change(work, *what)

    todo: list[TableSpec | tuple[TableLayout, Change]] = [*work.plain, *work.changes]
    if sum(source.size for source in work.batch.staged.sources) <= _SMALL:
        work.house.store.each(write, todo)
    else:
        for one in todo:
            write(one)
    specs = [layout.spec for layout, change in work.changes if layout.spec is not None and change.rows is not None]
    if len(work.batch.staged.sources) == 1:
        rows = {spec.name: {0: done[spec.name].rows} for spec in specs}
    else:
        rows = {spec.name: _rows_per_source(work, spec) for spec in specs}
    return Written({spec.name: swaps[spec.name] for spec in work.plain}, done, rows)


def write_change(work: Work, layout: TableLayout, change: Change) -> Rewrite:
    """Write one table's change with the engine."""
    opened = work.tables[layout.name]
    return rewrite(
        work.engine,
        work.house.store,
        opened.layout,
        opened.live,
        change,
        location=opened.location,
        attempt=work.attempt,
    )


def _rows_per_source(work: Work, spec: TableSpec) -> dict[int, int]:
    batch, losers = work.batch, work.decision.losers
    anti = f" ANTI JOIN {losers} USING (_rid)" if losers is not None else ""
    sql = f"SELECT {batch.staged.source()} AS n, count(*) FROM {batch.relation(spec.rows)} AS s{anti} GROUP BY n"
    return {int(source): int(count) for source, count in work.engine.cursor().execute(sql).fetchall()}
