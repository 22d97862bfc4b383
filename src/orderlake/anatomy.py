"""What one table is made of: columns, partitions, snapshots, files. From metadata alone, no row is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from orderlake.errors import NotFoundError
from orderlake.model.data_file import ColumnStats
from orderlake.tables.health import Health, health_of
from orderlake.tables.layout import TableLayout, system_layouts, table_layout
from orderlake.tables.unneeded import Known, by_table, remembered

if TYPE_CHECKING:
    from orderlake.model.data_file import DataFile
    from orderlake.query.duckdb import QueryTable
    from orderlake.query.footers import Chunk, Footers
    from orderlake.tables.iceberg import Snapshot
    from orderlake.tables.lakehouse import Opened
    from orderlake.wiring import Backends

_CUT: Final = 16
"""Characters that Iceberg keeps of a text bound."""
_EPOCH: Final = date(1970, 1, 1)
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column: its DuckDB type, and what the files tell of its values; None is what they do not tell.

    Bounds of texts that end in … are the beginnings of the least and the greatest.
    """

    name: str
    type: str
    nulls: int | None = None
    lower: str | None = None
    upper: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A partition: its value as people write it, empty for rows without one."""

    value: str
    rows: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """A snapshot: when (ISO, UTC), what was done, by which load, and what it changed."""

    id: int
    at: str
    operation: str
    load_id: str
    added_rows: int
    removed_rows: int
    added_files: int
    removed_files: int
    rows: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A live file: where, of which partition, its rows and bytes."""

    location: str
    part: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A table. Parts are in order of their values, versions newest first, files largest first."""

    name: str
    format: str
    rows: int
    bytes: int
    columns: tuple[ColumnFacts, ...]
    files: tuple[Piece, ...]
    partitioned_by: str = ""
    parts: tuple[Part, ...] = ()
    versions: tuple[Version, ...] = ()
    health: Health | None = None
    """How well it is; None of a table that nobody looks after."""


def anatomy(
    backends: Backends, footers: Footers, tables: Sequence[QueryTable], table: str, *, values: bool = True
) -> Anatomy:
    """A declared table, quarantine or a mart, of those that can be asked; NotFoundError when there is none of the name.

    `footers` tell of what has no Iceberg metadata; without `values` they are not asked for what columns hold.
    """
    layouts = {spec.name: table_layout(stream, spec) for stream, spec in backends.specs if spec.format == "iceberg"}
    layouts |= {layout.name: layout for layout in system_layouts()}
    if table in layouts:
        unneeded = by_table(backends.store, backends.root, remembered(backends.store, backends.root))
        return _iceberg(backends.house.open([layouts[table]])[table], unneeded.get(table, ()))
    found = next((each for each in tables if each.name == table), None)
    if found is None:
        known = ", ".join(each.name for each in tables) or "none yet"
        raise NotFoundError(f"there is no table {table}; the tables are: {known}")
    return _plain(footers, found, values=values)


def _iceberg(opened: Opened, unneeded: Sequence[Known]) -> Anatomy:
    layout, live = opened.layout, opened.live
    pieces = [Piece(file.location, _part(layout, file), file.records, file.size) for file in live]
    partition = layout.spec.partition if layout.spec is not None else None
    snapshots = opened.metadata.snapshots if opened.metadata is not None else ()
    return Anatomy(
        layout.name,
        "iceberg",
        sum(file.records for file in live),
        sum(file.size for file in live),
        tuple(_column(name, kind.sql, live, may_lack=layout.differs) for name, kind in layout.columns.items()),
        _largest(pieces),
        "" if partition is None else f"{partition.transform}({partition.column})",
        () if partition is None else tuple(_parts(pieces)),
        tuple(_version(snapshot) for snapshot in reversed(snapshots)),
        health_of(opened, unneeded),
    )


def _column(name: str, kind: str, live: Sequence[DataFile], *, may_lack: bool) -> ColumnFacts:
    stats = [_stats(name, file, may_lack=may_lack) for file in live]
    known = [each for each in stats if each is not None]
    if len(known) < len(stats):
        return ColumnFacts(name, kind)
    valued = [each for each in known if each.nulls < each.values]
    lower = _bound(kind, valued, lambda each: each.lower, min)
    upper = _bound(kind, valued, lambda each: each.upper, max)
    if kind == "VARCHAR" and lower is not None and len(lower) >= _CUT:
        lower = f"{lower}…"
    if kind == "VARCHAR" and upper is not None and len(upper) >= _CUT:
        upper = f"{upper[:-1]}…"  # its last character is one further than what was cut
    return ColumnFacts(name, kind, sum(each.nulls for each in known), lower, upper)


def _stats(name: str, file: DataFile, *, may_lack: bool) -> ColumnStats | None:
    """What a file tells of a column; that all is NULL, where it is older than the column."""
    if may_lack and file.columns and name not in file.columns:
        return ColumnStats(file.records, file.records, 0)
    return file.columns.get(name)


def _bound(
    kind: str,
    stats: Sequence[ColumnStats],
    of: Callable[[ColumnStats], str | None],
    choose: Callable[..., str],
) -> str | None:
    """The least or the greatest of the files' bounds, as values of their type; None where one file tells none."""
    bounds = {of(each) for each in stats}
    texts = [bound for bound in bounds if bound is not None]
    if not texts or len(texts) < len(bounds):
        return None
    return choose(texts, key=_ordered(kind))


def _ordered(kind: str) -> Callable[[str], Any]:
    if kind.endswith("INT") or kind == "INTEGER":
        return int
    if kind in ("DOUBLE", "FLOAT"):
        return float
    return Decimal if kind.startswith("DECIMAL") else str


def _part(layout: TableLayout, file: DataFile) -> str:
    partition = layout.spec.partition if layout.spec is not None else None
    if partition is None:
        return ""
    return part_text(partition.transform, file.partition.get(partition.name))


def part_text(transform: str, value: int | str | None) -> str:
    """A partition's value as people write it.

    >>> part_text("month", 650), part_text("year", 54), part_text("day", 19_783), part_text("identity", "x")
    ('2024-03', '2024', '2024-03-01', 'x')
    """
    if value is None:
        return ""
    if isinstance(value, int):
        if transform == "month":
            return f"{_EPOCH.year + value // _MONTHS}-{value % _MONTHS + 1:02}"
        if transform == "year":
            return str(_EPOCH.year + value)
        if transform == "day":
            return (_EPOCH + timedelta(days=value)).isoformat()
    return str(value)


def _parts(pieces: Iterable[Piece]) -> Iterator[Part]:
    by_value: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_value.setdefault(piece.part, []).append(piece)
    for value, found in sorted(by_value.items()):
        yield Part(value, sum(piece.rows for piece in found), len(found), sum(piece.bytes for piece in found))


def _version(snapshot: Snapshot) -> Version:
    said = snapshot.summary

    def count(name: str) -> int:
        return int(said.get(name, "0"))

    return Version(
        snapshot.id,
        datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        said.get("operation", ""),
        said.get("orderlake.load-id", ""),
        count("added-records"),
        count("deleted-records"),
        count("added-data-files"),
        count("deleted-data-files"),
        count("total-records"),
    )


def _plain(footers: Footers, table: QueryTable, *, values: bool) -> Anatomy:
    told = footers.files(table.files)
    kinds = footers.types(table.files[0]) if table.files and not table.differs else table.columns
    chunks = footers.columns(table.files) if values else {}
    return Anatomy(
        table.name,
        "parquet",
        sum(file.rows for file in told.values()),
        sum(file.bytes for file in told.values()),
        tuple(_told(name, kind, chunks.get(name, ()), len(table.files)) for name, kind in kinds.items()),
        _largest(Piece(name, "", file.rows, file.bytes) for name, file in told.items()),
    )


def _told(name: str, kind: str, chunks: Sequence[Chunk], files: int) -> ColumnFacts:
    """A column by what those of so many files tell that have it."""
    nulls = [chunk.nulls for chunk in chunks if chunk.nulls is not None]
    lower = {text for chunk in chunks for text in chunk.lower}
    upper = {text for chunk in chunks for text in chunk.upper}
    return ColumnFacts(
        name,
        kind,
        sum(nulls) if chunks and len(nulls) == files else None,
        min(lower, key=_ordered(kind), default=None),
        max(upper, key=_ordered(kind), default=None),
    )


def _largest(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    return tuple(sorted(pieces, key=lambda piece: (-piece.bytes, piece.location)))
