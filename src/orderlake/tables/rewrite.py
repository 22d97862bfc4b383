"""Write one Iceberg table's share of a commit: new rows, and what stays of the files that lose some.

Copy-on-write by file. Files that hold a dropped entity are rewritten without it; small files of the
partitions written to are folded in, so that their number grows with the logarithm of the loads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orderlake.engine import Engine, name
from orderlake.model.data_file import DataFile
from orderlake.model.ports import ObjectStore
from orderlake.tables.layout import TableLayout
from orderlake.tables.write import Source, Value, Writer, partition_of, partition_sql

if TYPE_CHECKING:
    import duckdb

_FAN_IN: Final = 8
"""Files of one size class that a partition may have before they become one."""
LARGE: Final = 1_000_000
"""Rows from which a file is left alone by folding."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Files to add, locations to remove, and the number of new rows among those added.

    `anew` has all manifests written once more: none tells of the values of a file that went before.
    """

    added: tuple[DataFile, ...] = ()
    removed: tuple[str, ...] = ()
    rows: int = 0
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a table gets: a SELECT of new rows in the table's columns (or None), and the entities it drops.

    `dropped` names a table whose columns `drop_key` match the layout's key columns in order. `merge`
    wraps the SELECT over folded rows, for tables that keep only the newest row of a key.
    `clustered_by` are staged files whose row groups tell how far new rows are clustered by partition. `count` is the
    number of new rows where it is known and the table has no partitions.
    """

    rows: str | None
    dropped: str | None = None
    drop_key: tuple[str, ...] = ()
    merge: str | None = None
    clustered_by: Sequence[str] = ()
    count: int | None = None
    incoming: Mapping[Value, int] | None = None
    """The number of new rows by partition, or one that is not too small, where that is known."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A rewrite that is to be written: its rows, new ones and those of files that it takes in."""

    source: Source

    @property
    def rows(self) -> int:
        """The number of new rows."""
        return sum(self.source.incoming.values())

    def done(self, added: Sequence[DataFile]) -> Rewrite:
        """The rewrite, once its files are written."""
        return Rewrite(tuple(added), tuple(file.location for file in self.source.taken), self.rows)


def rewrite(  # noqa: PLR0913 - the table, the change, and who writes it
    engine: Engine,
    store: ObjectStore,
    layout: TableLayout,
    live: Sequence[DataFile],
    change: Change,
    *,
    location: str,
    attempt: str,
) -> Rewrite:
    """Write the files of one table's change under `location`/data; nothing is visible until committed."""
    planned = plan_rewrite(engine.cursor(), store, layout, live, change)
    if planned is None:
        return Rewrite()
    return planned.done(Writer(engine, store, layout, location, attempt).write(planned.source))


def plan_rewrite(
    cursor: duckdb.DuckDBPyConnection, store: ObjectStore, layout: TableLayout, live: Sequence[DataFile], change: Change
) -> Planned | None:
    """Find out what a change has to write: files that lose rows, and small ones worth folding; None for nothing."""
    hit = _hit_files(cursor, store, layout, live, change)
    incoming = _counts(cursor, layout, change) if change.incoming is None else change.incoming
    taken = [*hit, *_fold(live, hit, incoming, layout)]
    if not taken and not incoming:
        return None
    hits = {file.location for file in hit}

    def survivors(files: Sequence[DataFile]) -> list[str]:
        """SELECTs of what stays of these files."""
        columns = ", ".join(f"t.{name(column)}" for column in layout.columns)
        selects = []
        for loses in (True, False):
            group = [file for file in files if (file.location in hits) is loses]
            if group:
                rows = f"SELECT {columns} FROM {layout.rows(store.engine_path(file.location) for file in group)} AS t"
                selects.append(
                    f"{rows} ANTI JOIN {change.dropped} AS d ON {_same_key(layout, change)}" if loses else rows
                )
        return selects

    return Planned(
        Source(
            None if change.rows is None else cast_rows(layout, change.rows),
            incoming,
            taken,
            survivors,
            change.merge if taken else None,
            change.clustered_by,
        )
    )


def cast_rows(layout: TableLayout, rows: str) -> str:
    """A SELECT of new rows as the table has them: its columns in order, each of its type."""
    return f"SELECT {_columns(layout)} FROM ({rows})"


def _same_key(layout: TableLayout, change: Change) -> str:
    pairs = zip(layout.key, change.drop_key, strict=True)
    return " AND ".join(f"t.{name(own)} = d.{name(other)}" for own, other in pairs)


def _columns(layout: TableLayout) -> str:
    def value(column: str) -> str:
        return "NULL" if column in layout.history else name(column)

    return ", ".join(
        f"CAST({value(column)} AS {kind.sql}) AS {name(column)}" for column, kind in layout.columns.items()
    )


def _counts(cursor: duckdb.DuckDBPyConnection, layout: TableLayout, change: Change) -> dict[int | str | None, int]:
    """New rows per partition value."""
    rows = change.rows
    if rows is None:
        return {}
    if change.count is not None:
        return {None: change.count}
    found = cursor.execute(
        f"SELECT {partition_sql(layout) or 'NULL'} AS p, count(*) FROM ({rows}) GROUP BY p"
    ).fetchall()
    return {value: int(count) for value, count in found if count}


def _hit_files(
    cursor: duckdb.DuckDBPyConnection, store: ObjectStore, layout: TableLayout, live: Sequence[DataFile], change: Change
) -> list[DataFile]:
    """The live files that hold a dropped entity: bounds first, then the key columns themselves."""
    if change.dropped is None or not live:
        return []
    first = change.drop_key[0]
    row = cursor.execute(f"SELECT min({first}), max({first}) FROM {change.dropped}").fetchone()
    if row is None or row[0] is None:
        return []
    candidates = {store.engine_path(file.location): file for file in may_hold(live, layout.key[0], row[0], row[1])}
    if not candidates:
        return []
    found = cursor.execute(
        f"SELECT DISTINCT filename FROM {layout.rows(candidates, filename=True)} AS t "
        f"SEMI JOIN {change.dropped} AS d ON {_same_key(layout, change)}"
    ).fetchall()
    return [candidates[filename] for (filename,) in found]


def newest(layout: TableLayout) -> str:
    """When index files are folded, only the newest row of each entity stays.

    By a window, which spills: an aggregate of rows holds them in memory, and takes twice as long.
    """
    keys, columns = ", ".join(layout.key), ", ".join(layout.columns)
    order = ", ".join(f"{column} DESC" for column in ("_version", "_time", "_source_file", "_source_row"))
    return f"SELECT {columns} FROM {{source}} QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"


def may_hold(files: Sequence[DataFile], column: str, low: object, high: object) -> list[DataFile]:
    """The files whose bounds of a column do not rule out a value from `low` to `high`."""

    def overlaps(file: DataFile) -> bool:
        stats = file.columns.get(column)
        if stats is None or stats.lower is None or stats.upper is None:
            return True
        if isinstance(low, int) and isinstance(high, int):
            return int(stats.lower) <= high and int(stats.upper) >= low
        if isinstance(low, str) and isinstance(high, str):
            return stats.lower <= high and stats.upper >= low[: len(stats.upper)]
        return True

    return [file for file in files if overlaps(file)]


def _fold(
    live: Sequence[DataFile], hit: Sequence[DataFile], incoming: Mapping[int | str | None, int], layout: TableLayout
) -> list[DataFile]:
    """Small files worth folding into what is written now: a geometric ladder, like a log-structured merge."""
    gone = {file.location for file in hit}
    folded: list[DataFile] = []
    for value, rows in incoming.items():
        rest = sorted(
            (
                file
                for file in live
                if file.location not in gone and file.records < LARGE and partition_of(file, layout) == value
            ),
            key=lambda file: file.records,
        )
        total = rows
        while True:
            rank = _rank(total)
            same = [file for file in rest if _rank(file.records) <= rank]
            if len(same) < _FAN_IN - 1:
                break
            folded += same
            total += sum(file.records for file in same)
            rest = rest[len(same) :]
    return folded


def _rank(rows: int) -> int:
    rank = 0
    while rows >= _FAN_IN:
        rows //= _FAN_IN
        rank += 1
    return rank
