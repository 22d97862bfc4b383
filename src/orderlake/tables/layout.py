"""A stream's tables as they lie in the lake: names, places, schemas, keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from orderlake.engine import parquet
from orderlake.model.column import Column, ColumnType
from orderlake.model.contract import RESCUED
from orderlake.model.found import kept_levels
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.tables.iceberg import Field, PartitionField, Schema

_STRING, _LONG = ColumnType("string"), ColumnType("bigint")
LINEAGE_COLUMNS: Final[Mapping[str, ColumnType]] = {
    "_source_file": _STRING,
    "_source_row": _LONG,
    "_version": _LONG,
    "_load_id": _STRING,
}
QUARANTINE: Final = "quarantine"
QUARANTINE_COLUMNS: Final[Mapping[str, ColumnType]] = {
    "load_id": _STRING,
    "pipeline": _STRING,
    "source": _STRING,
    "version": _LONG,
    "position": _LONG,
    "line": _LONG,
    "field": _STRING,
    "reason": _STRING,
    "record": _STRING,
    "quarantined_at": ColumnType("timestamptz"),
    "check_name": _STRING,
    "action": _STRING,
}
"""New columns stand at the end: older lakes lack `check_name` (NULL when the record cannot be loaded at all) and
`action` (`drop` when a check told to)."""
CHECK_RESULTS: Final = "check_results"
CHECK_RESULTS_COLUMNS: Final[Mapping[str, ColumnType]] = {
    "load_id": _STRING,
    "pipeline": _STRING,
    "source": _STRING,
    "version": _LONG,
    "table_name": _STRING,
    "check_name": _STRING,
    "kind": _STRING,
    "on_fail": _STRING,
    "checked": _LONG,
    "failed": _LONG,
    "passed": ColumnType("boolean"),
    "message": _STRING,
    "measured": _STRING,
    "examples": _STRING,
    "checked_at": ColumnType("timestamptz"),
}
"""A row per load, file and check: `examples` are the numbers of the first records that fail it."""
DROPS: Final = "quarantine_drops"
DROPS_COLUMNS: Final[Mapping[str, ColumnType]] = {
    "source": _STRING,
    "version": _LONG,
    "position": _LONG,
    "reason": _STRING,
    "dropped_by": _STRING,
    "dropped_at": ColumnType("timestamptz"),
}
"""Which records of the quarantine were closed by hand, why, by whom and when."""
INDEX_COLUMNS: Final[Mapping[str, ColumnType]] = {
    "_version": _LONG,
    "_time": _LONG,
    "_source_file": _STRING,
    "_source_row": _LONG,
    "_hash": _LONG,
    "_credit": _STRING,
}
"""What the index keeps of an entity's versions: the order of versions is that of the first four columns;
`_credit` names the source object version whose rows stand in the tables."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """One Iceberg table: its name, columns in order, partition, and the columns that identify an entity."""

    name: str
    columns: Mapping[str, ColumnType]
    key: tuple[str, ...]
    spec: TableSpec | None = None
    ids: Mapping[str, int] = field(default_factory=dict)
    """Field ids by column; from 1 in column order where empty, as in a table that is not there yet."""
    history: frozenset[str] = frozenset()
    """Columns that the table has and new rows do not: NULL in them."""
    differs: bool = False
    """Whether its files may differ in their columns, or lack some."""

    @property
    def is_index(self) -> bool:
        """Whether it is a stream's hidden index."""
        return "_credit" in self.columns

    @property
    def schema(self) -> Schema:
        """The Iceberg schema of a table that is not there yet."""
        return Schema(
            tuple(
                Field(self.field_ids[name], name, kind.iceberg, required=False) for name, kind in self.columns.items()
            )
        )

    @property
    def field_ids(self) -> Mapping[str, int]:
        """The Iceberg field id of each column."""
        return self.ids or {name: number for number, name in enumerate(self.columns, 1)}

    def rows(self, files: Iterable[str], *, filename: bool = False) -> str:
        """A FROM item over files of the table (as the engine calls them), all columns in each."""
        types = {column: kind.sql for column, kind in self.columns.items()} if self.differs else None
        return parquet(files, filename=filename, columns=types)

    @property
    def partition(self) -> tuple[PartitionField, ...]:
        """The Iceberg partition fields."""
        partition = self.spec.partition if self.spec is not None else None
        if partition is None:
            return ()
        return (PartitionField(partition.column, partition.transform, partition.name),)  # type: ignore[arg-type]  # the pipeline's own pattern admits only transforms


def key_names(stream: Stream) -> tuple[str, ...]:
    """The index's key columns: one per declared key, or the file itself."""
    return tuple(f"_k{number}" for number in range(len(stream.key))) or ("_entity",)


def index_layout(stream: Stream) -> TableLayout:
    """The hidden table that remembers the newest version of each entity of a stream."""
    keys = key_names(stream)
    types = [column.type for column in stream.key] or [_STRING]
    return TableLayout(stream.index, {**dict(zip(keys, types, strict=True)), **INDEX_COLUMNS}, keys)


def table_layout(stream: Stream, spec: TableSpec) -> TableLayout:
    """A declared Iceberg table; after its own columns those found undeclared, `_rescued`, and the lineage."""
    columns = {column.name: column.type for column in spec.columns}
    columns |= dict.fromkeys((found.name for found in spec.found), _STRING)
    columns |= {RESCUED: _STRING} if stream.contract.rescues and kept_levels(stream, spec) else {}
    columns |= LINEAGE_COLUMNS
    return TableLayout(spec.name, columns, entity_columns(stream, spec), spec)


def quarantine_layout() -> TableLayout:
    """The table of records that could not be loaded."""
    return TableLayout(QUARANTINE, QUARANTINE_COLUMNS, ())


def check_results_layout() -> TableLayout:
    """The table of what checks found, load by load."""
    return TableLayout(CHECK_RESULTS, CHECK_RESULTS_COLUMNS, ())


def drops_layout() -> TableLayout:
    """The table of records of the quarantine that were closed by hand."""
    return TableLayout(DROPS, DROPS_COLUMNS, ())


def system_layouts() -> tuple[TableLayout, ...]:
    """The tables that every lake has beside the declared ones, shown to whoever asks."""
    return (quarantine_layout(), check_results_layout(), drops_layout())


def layouts_of(stream: Stream) -> list[TableLayout]:
    """All Iceberg tables that a commit of a stream may touch."""
    declared = [table_layout(stream, spec) for spec in stream.tables if spec.format == "iceberg"]
    return [index_layout(stream), *system_layouts(), *declared]


def entity_columns(stream: Stream, spec: TableSpec) -> tuple[str, ...]:
    """The table's columns that name an entity, in the order of the stream's key."""
    if not stream.key:
        return ("_source_file", "_version") if spec.format == "iceberg" else ()
    return tuple(_column_from(spec, column).name for column in stream.key)


def _column_from(spec: TableSpec, key: Column) -> Column:
    return next(column for column in spec.columns if column.path == key.path)
