"""Write one Iceberg table's share of a commit: new rows, and what stays of the files that lose some.

Copy-on-write by file. Files that hold a dropped entity are rewritten without it; small files of the
partitions written to are folded in, so that their number grows with the logarithm of the loads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import Engine, name, parquet, paths, quote
from orderlake.model.data_file import ColumnStats, DataFile
from orderlake.model.ports import ObjectStore
from orderlake.storage.local import location_of
from orderlake.tables.layout import TableLayout

if TYPE_CHECKING:
    import duckdb

_FAN_IN: Final = 8
"""Files of one size class that a partition may have before they become one."""
_LARGE: Final = 1_000_000
"""Rows from which a file is left alone by folding."""
_FEW_ROWS: Final = 50_000
_SPREAD: Final = 2.5
"""Partitions per row group from which one pass that fans out beats a pass per partition."""
_OPTIONS: Final = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Files to add, locations to remove, and the number of new rows among those added."""

    added: tuple[DataFile, ...] = ()
    removed: tuple[str, ...] = ()
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What a table gets: a SELECT of new rows in the table's columns (or None), and the entities it drops.

    `dropped` names a temporary table whose columns `drop_key` match the layout's key columns in order.
    `merge` wraps the SELECT over folded rows, for tables that keep only the newest row of a key.
    """

    rows: str | None
    dropped: str | None = None
    drop_key: tuple[str, ...] = ()
    merge: str | None = None
    clustered_by: Sequence[str] = ()
    """Staged files whose row groups tell how far the new rows are clustered by partition."""


def rewrite(
    engine: Engine,
    store: ObjectStore,
    layout: TableLayout,
    location: str,
    live: Sequence[DataFile],
    change: Change,
    attempt: str,
) -> Rewrite:
    """Write the files of one table's change under `location`/data; nothing is visible until committed."""
    cursor = engine.cursor()
    part = _partition_sql(layout)
    hit = _hit_files(cursor, store, layout, live, change)
    incoming = _counts(cursor, change.rows, part)
    folded = _fold(live, hit, incoming, layout)
    taken = [*hit, *folded]
    if not taken and not incoming:
        return Rewrite()
    selects = [] if change.rows is None else [f"SELECT {_columns(layout)} FROM ({change.rows})"]
    if taken:
        selects.append(_survivors(store, layout, taken, hit, change))
    merged = " UNION ALL ".join(selects)
    source = f"({merged})" if change.merge is None or not taken else f"({change.merge.format(source=f'({merged})')})"
    parts = {key for key in incoming} | {_value(file, layout) for file in taken}
    added = _write(
        engine,
        cursor,
        store,
        layout,
        location,
        source,
        part,
        parts,
        change,
        attempt,
        sum(incoming.values()) + sum(f.records for f in taken),
    )
    return Rewrite(tuple(added), tuple(file.location for file in taken), sum(incoming.values()))


def _columns(layout: TableLayout) -> str:
    return ", ".join(f"CAST({name(column)} AS {kind.sql}) AS {name(column)}" for column, kind in layout.columns.items())


def _partition_sql(layout: TableLayout) -> str | None:
    partition = layout.spec.partition if layout.spec is not None else None
    if partition is None:
        return None
    column = name(partition.column)
    return {
        "month": f"(year({column}) - 1970) * 12 + month({column}) - 1",
        "year": f"year({column}) - 1970",
        "day": f"date_diff('day', DATE '1970-01-01', CAST({column} AS DATE))",
        "identity": column,
    }[partition.transform]


def _counts(cursor: duckdb.DuckDBPyConnection, rows: str | None, part: str | None) -> dict[int | str | None, int]:
    if rows is None:
        return {}
    found = cursor.execute(f"SELECT {part or 'NULL'} AS p, count(*) FROM ({rows}) GROUP BY p").fetchall()
    return {value: int(count) for value, count in found if count}


def _value(file: DataFile, layout: TableLayout) -> int | str | None:
    partition = layout.spec.partition if layout.spec is not None else None
    return None if partition is None else file.partition.get(partition.name)


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
    candidates = {store.local_path(file.location): file for file in may_hold(live, layout.key[0], row[0], row[1])}
    if not candidates:
        return []
    on = " AND ".join(
        f"t.{name(own)} = d.{name(other)}" for own, other in zip(layout.key, change.drop_key, strict=True)
    )
    found = cursor.execute(
        f"SELECT DISTINCT filename FROM {parquet(candidates, filename=True)} AS t SEMI JOIN {change.dropped} AS d ON {on}"
    ).fetchall()
    return [candidates[filename] for (filename,) in found]


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
                if file.location not in gone and file.records < _LARGE and _value(file, layout) == value
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


def _survivors(
    store: ObjectStore, layout: TableLayout, taken: Sequence[DataFile], hit: Sequence[DataFile], change: Change
) -> str:
    files = parquet(store.local_path(file.location) for file in taken)
    columns = ", ".join(f"t.{name(column)}" for column in layout.columns)
    base = f"SELECT {columns} FROM {files} AS t"
    if not hit:
        return base
    on = " AND ".join(
        f"t.{name(own)} = d.{name(other)}" for own, other in zip(layout.key, change.drop_key, strict=True)
    )
    return f"{base} ANTI JOIN {change.dropped} AS d ON {on}"


def _write(  # noqa: PLR0913, PLR0917 - what one write is made of
    engine: Engine,
    cursor: duckdb.DuckDBPyConnection,
    store: ObjectStore,
    layout: TableLayout,
    location: str,
    source: str,
    part: str | None,
    parts: set[int | str | None],
    change: Change,
    attempt: str,
    rows: int,
) -> list[DataFile]:
    folder = Path(store.local_path(location)) / "data"
    folder.mkdir(parents=True, exist_ok=True)
    ids = ", ".join(f"{name(column)}: {number}" for number, column in enumerate(layout.columns, 1))
    options = f"{_OPTIONS}, FIELD_IDS {{{ids}}}, RETURN_STATS"
    if part is None or len(parts) == 1:
        value = next(iter(parts)) if part is not None else None
        target = folder / f"{_folder(layout, value)}{attempt}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        done = cursor.execute(f"COPY (SELECT * FROM {source}) TO {quote(str(target))} ({options})").fetchall()
        return _files(layout, done, lambda _: value)
    if rows > _FEW_ROWS and _is_clustered(cursor, layout, change):
        return _per_partition(engine, layout, folder, source, part, parts, options, attempt)
    done = cursor.execute(
        f"COPY (SELECT *, {part} AS {name(_partition_name(layout))} FROM {source}) TO {quote(str(folder))} "
        f"({options}, PARTITION_BY ({name(_partition_name(layout))}), FILENAME_PATTERN {quote(attempt + '-{i}')}, OVERWRITE_OR_IGNORE)"
    ).fetchall()
    return _files(layout, done, lambda row: _partition_value(layout, row[5]))


def _per_partition(  # noqa: PLR0913, PLR0917 - what one write is made of
    engine: Engine,
    layout: TableLayout,
    folder: Path,
    source: str,
    part: str,
    parts: set[int | str | None],
    options: str,
    attempt: str,
) -> list[DataFile]:
    def one(cursor: duckdb.DuckDBPyConnection, value: int | str | None) -> list[DataFile]:
        target = folder / f"{_folder(layout, value)}{attempt}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        where = _where(layout, part, value)
        done = cursor.execute(
            f"COPY (SELECT * FROM {source} WHERE {where}) TO {quote(str(target))} ({options})"
        ).fetchall()
        return _files(layout, done, lambda _: value)

    ordered = sorted(parts, key=lambda value: (value is None, str(value)))
    return [file for files in engine.each(one, ordered) for file in files]


def _where(layout: TableLayout, part: str, value: int | str | None) -> str:
    """A filter on one partition; months as a range of the column, so that row groups can be skipped."""
    partition = layout.spec.partition if layout.spec is not None else None
    if value is None:
        return f"({part}) IS NULL"
    if partition is not None and partition.transform == "month" and isinstance(value, int):
        column = name(partition.column)
        first = f"DATE '1970-01-01' + INTERVAL {value} MONTH"
        return f"{column} >= {first} AND {column} < {first} + INTERVAL 1 MONTH"
    return f"({part}) = {value if isinstance(value, int) else quote(str(value))}"


def _is_clustered(cursor: duckdb.DuckDBPyConnection, layout: TableLayout, change: Change) -> bool:
    """Whether the staged row groups span few partitions each."""
    partition = layout.spec.partition if layout.spec is not None else None
    if partition is None or partition.transform != "month" or not change.clustered_by:
        return False
    row = cursor.execute(
        "SELECT avg(date_diff('month', CAST(stats_min_value AS DATE), CAST(stats_max_value AS DATE)) + 1) "
        f"FROM parquet_metadata({paths(change.clustered_by)}) WHERE path_in_schema LIKE {quote('%|DATE%')} AND stats_min_value IS NOT NULL"
    ).fetchone()
    return row is not None and row[0] is not None and float(row[0]) <= _SPREAD


def _partition_name(layout: TableLayout) -> str:
    return layout.partition[0].name


def _folder(layout: TableLayout, value: int | str | None) -> str:
    return (
        f"{_partition_name(layout)}={'__HIVE_DEFAULT_PARTITION__' if value is None else value}/"
        if layout.partition
        else ""
    )


def _partition_value(layout: TableLayout, keys: Mapping[str, str | None]) -> int | str | None:
    text = keys[_partition_name(layout)]
    if text is None or text in ("NULL", "__HIVE_DEFAULT_PARTITION__"):
        return None
    partition = layout.spec.partition if layout.spec is not None else None
    return int(text) if partition is not None and partition.transform != "identity" else text


def _files(layout: TableLayout, done: Sequence[tuple[object, ...]], value_of: object) -> list[DataFile]:
    files = []
    for row in done:
        path, records, size, _, columns = row[:5]
        if not records:
            Path(str(path)).unlink(missing_ok=True)
            continue
        value = value_of(row)  # type: ignore[operator]  # a callable of one row
        stats = {str(column).strip('"'): _stats(found) for column, found in columns.items()}  # type: ignore[attr-defined]  # a MAP from DuckDB
        partition = {_partition_name(layout): value} if layout.partition else {}
        files.append(DataFile(location_of(Path(str(path))), int(str(records)), int(str(size)), partition, stats))
    return files


def _stats(found: Mapping[str, str]) -> ColumnStats:
    return ColumnStats(
        int(found.get("null_count", 0)),
        int(found.get("num_values", 0)),
        int(found.get("column_size_bytes", 0)),
        found.get("min"),
        found.get("max"),
    )
