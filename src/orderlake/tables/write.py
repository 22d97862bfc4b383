"""Write a table's Parquet files: one per partition and attempt, with the statistics their manifest needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote as percent

from orderlake.engine import Engine, name, paths, quote
from orderlake.model.data_file import ColumnStats, DataFile
from orderlake.model.ports import ObjectStore
from orderlake.tables.layout import TableLayout

if TYPE_CHECKING:
    import duckdb

Value = int | str | None
_FEW_ROWS: Final = 50_000
_SPREAD: Final = 2.5
"""Partitions per row group from which one pass that fans out beats a pass per partition."""
_OPTIONS: Final = "FORMAT parquet, ROW_GROUP_SIZE 61440, RETURN_STATS"
_FOR_READERS: Final = "COMPRESSION zstd, COMPRESSION_LEVEL 1"
_FOR_US: Final = "COMPRESSION snappy, PARQUET_VERSION V2"
"""Only we read the index, and it is written at every load: a fifth less CPU, and half the bytes."""
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows to write: a SELECT of new ones (`incoming` counts them per partition), and `survivors` of taken files.

    `merge` wraps the SELECT of all of them; `clustered_by` as in Change. Files are sorted by the columns `order`.
    """

    rows: str | None
    incoming: Mapping[Value, int]
    taken: Sequence[DataFile]
    survivors: Callable[[Sequence[DataFile]], list[str]]
    merge: str | None = None
    clustered_by: Sequence[str] = ()
    order: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes files of one table for one attempt, on all of the engine's workers."""

    engine: Engine
    store: ObjectStore
    layout: TableLayout
    location: str
    attempt: str

    def write(self, source: Source) -> list[DataFile]:
        """Write all rows of the source, each partition to files of its own."""
        parts = parts_of(source, self.layout)
        if len(parts) == 1:
            return self.one(self.engine.cursor(), select(source, source.taken, None), parts[0])
        new, old = sum(source.incoming.values()), sum(file.records for file in source.taken)
        if old > new or (new > _FEW_ROWS and self._is_clustered(source)):
            return self._each(source, parts)
        return self._fan_out(select(source, source.taken, None))

    def _each(self, source: Source, parts: Sequence[Value]) -> list[DataFile]:
        def one(cursor: duckdb.DuckDBPyConnection, value: Value) -> list[DataFile]:
            taken = [file for file in source.taken if partition_of(file, self.layout) == value]
            where = where_in(self.layout, value) if value in source.incoming else "false"
            return self.one(cursor, select(source, taken, where), value)

        return [file for files in self.engine.each(one, parts) for file in files]

    def one(self, cursor: duckdb.DuckDBPyConnection, select: str, value: Value) -> list[DataFile]:
        """Write the rows of one partition to a file; none when there are none."""
        shown = _NO_VALUE if value is None else percent(str(value), safe="")
        folder = f"/{self._partition_name()}={shown}" if self.layout.partition else ""
        target = f"{self._data()}{folder}/{self.attempt}.parquet"
        path = self.store.target_path(target)
        done = cursor.execute(f"COPY ({select}) TO {quote(path)} ({self._options()})").fetchall()
        return [file for row in done for file in self._file(row, target, value)]

    def _fan_out(self, select: str) -> list[DataFile]:
        field = name(self._partition_name())
        folder = self.store.folder(self._data())
        done = self.engine.cursor().execute(
            f"COPY (SELECT *, {partition_sql(self.layout)} AS {field} FROM ({select})) TO {quote(str(folder))} "
            f"({self._options()}, PARTITION_BY ({field}), "
            f"FILENAME_PATTERN {quote(self.attempt + '-{i}')}, OVERWRITE_OR_IGNORE)"
        )
        written = [(Path(row[0]), row) for row in done.fetchall()]
        placed = [(path, f"{self._data()}/{path.relative_to(folder).as_posix()}", row) for path, row in written]
        self.store.each(lambda one: self.store.adopt(one[0], one[1]), placed)
        return [file for _, target, row in placed for file in self._file(row, target, self._value(row[5]))]

    def _data(self) -> str:
        return f"{self.location}/data"

    def _options(self) -> str:
        ids = ", ".join(f"{name(column)}: {number}" for column, number in self.layout.field_ids.items())
        return f"{_OPTIONS}, {_FOR_US if self.layout.is_index else _FOR_READERS}, FIELD_IDS {{{ids}}}"

    def _partition_name(self) -> str:
        return self.layout.partition[0].name

    def _is_clustered(self, source: Source) -> bool:
        """Whether the staged row groups span few partitions each."""
        partition = self.layout.spec.partition if self.layout.spec is not None else None
        if partition is None or partition.transform != "month" or not source.clustered_by:
            return False
        months = "date_diff('month', CAST(stats_min_value AS DATE), CAST(stats_max_value AS DATE)) + 1"
        row = (
            self.engine.cursor()
            .execute(
                f"SELECT avg({months}) FROM parquet_metadata({paths(source.clustered_by)}) "
                "WHERE path_in_schema LIKE '%|DATE%' AND stats_min_value IS NOT NULL"
            )
            .fetchone()
        )
        return row is not None and row[0] is not None and float(row[0]) <= _SPREAD

    def _value(self, keys: Mapping[str, str | None]) -> Value:
        text = keys[self._partition_name()]
        if text is None:
            return None
        partition = self.layout.spec.partition if self.layout.spec is not None else None
        textual = partition is not None and partition.transform == "identity" and self._is_textual(partition.column)
        return text if textual else int(text)

    def _is_textual(self, column: str) -> bool:
        return self.layout.columns[column].name not in ("int", "bigint", "id")

    def _file(self, row: Sequence[Any], location: str, value: Value) -> list[DataFile]:
        """The data file that a row of RETURN_STATS tells of; none when it is empty."""
        _, records, size, _, columns = row[:5]
        if not records:
            self.store.delete(location)
            return []
        stats = {column.strip('"'): _stats(found) for column, found in columns.items()}
        partition = {self._partition_name(): value} if self.layout.partition else {}
        return [DataFile(location, int(records), int(size), partition, stats, self.store.seal(location))]


def parts_of(source: Source, layout: TableLayout) -> list[Value]:
    """The partitions that a source has rows of, in order."""
    return sorted(
        set(source.incoming) | {partition_of(file, layout) for file in source.taken},
        key=lambda value: (value is None, str(value)),
    )


def select(source: Source, taken: Sequence[DataFile], where: str | None) -> str:
    """All rows that go into one write: the new ones (those that `where` admits), and what stays of taken files."""
    selects = source.survivors(taken)
    if source.rows is not None:
        selects.insert(0, source.rows if where is None else f"SELECT * FROM ({source.rows}) WHERE {where}")
    merged = " UNION ALL ".join(selects)
    if source.merge is not None:
        merged = source.merge.format(source=f"({merged})")
    return f"SELECT * FROM ({merged}) ORDER BY {', '.join(map(name, source.order))}" if source.order else merged


def where_in(layout: TableLayout, value: Value) -> str:
    """A filter on one partition; months as a range of the column, so that row groups can be skipped."""
    partition = layout.spec.partition if layout.spec is not None else None
    if value is None:
        return f"({partition_sql(layout)}) IS NULL"
    if partition is not None and partition.transform == "month" and isinstance(value, int):
        column = name(partition.column)
        first = f"DATE '1970-01-01' + INTERVAL ({value}) MONTH"
        return f"{column} >= {first} AND {column} < {first} + INTERVAL 1 MONTH"
    return f"({partition_sql(layout)}) = {value if isinstance(value, int) else quote(value)}"


def _stats(found: Mapping[str, str]) -> ColumnStats:
    nulls, values, size = (int(found.get(key, 0)) for key in ("null_count", "num_values", "column_size_bytes"))
    return ColumnStats(nulls, values, size, found.get("min"), found.get("max"))


def partition_of(file: DataFile, layout: TableLayout) -> Value:
    """The partition value of a file; None too for a table without partitions."""
    return file.partition.get(layout.partition[0].name) if layout.partition else None


def partition_sql(layout: TableLayout) -> str | None:
    """SQL of a row's partition value, None for a table without partitions."""
    partition = layout.spec.partition if layout.spec is not None else None
    if partition is None:
        return None
    column = name(partition.column)
    return {
        "month": f"(year({column}) - 1970) * 12 + month({column}) - 1",
        "year": f"year({column}) - 1970",
        "day": f"date_diff('day', DATE '1970-01-01', CAST({column} AS DATE))",
        "identity": f"CAST({column} AS VARCHAR)" if layout.columns[partition.column].name == "date" else column,
    }[partition.transform]
