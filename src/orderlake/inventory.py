"""What tables there are, and how large they are, from their live files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from orderlake.errors import NotFoundError
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.tables.declared import plain_shapes
from orderlake.tables.health import Health, health_of
from orderlake.tables.hive import files_of
from orderlake.tables.lakehouse import Opened
from orderlake.tables.layout import TableLayout, index_layout, system_layouts, table_layout
from orderlake.tables.project import footer
from orderlake.tables.published import published
from orderlake.tables.thrift import get
from orderlake.tables.unneeded import Known, by_table, remembered
from orderlake.wiring import Backends

_FOOTER_ROWS = 3
"""The field of a Parquet footer that holds the number of rows."""


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table as `tables` shows it; `rows` and `bytes` are of its live files. Only Iceberg tables have a `health`."""

    name: str
    pipeline: str
    format: str
    rows: int
    files: int
    bytes: int
    snapshots: int
    columns: dict[str, str]
    health: Health | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"health": None if self.health is None else asdict(self.health)}


def inventory(backends: Backends, *, system: bool) -> list[TableInfo]:
    """Tables as they are declared, then those of our own that have rows, then marts; `system` adds the others."""
    declared = backends.specs
    owned: list[tuple[str, TableLayout]] = [
        (stream.pipeline, table_layout(stream, spec)) for stream, spec in declared if spec.format == "iceberg"
    ]
    hidden = [(stream.pipeline, index_layout(stream)) for stream in backends.streams] if system else []
    layouts = [*owned, *hidden, *(("", layout) for layout in system_layouts())]
    opened = backends.house.open([layout for _, layout in layouts])
    known = by_table(backends.store, backends.root, remembered(backends.store, backends.root))
    infos = {
        layout.name: _iceberg(pipeline, opened[layout.name], known.get(layout.name, ())) for pipeline, layout in layouts
    }
    for layout in system_layouts():
        if infos[layout.name].rows == 0 and not system:
            del infos[layout.name]
    names = [spec.name for _, spec in declared]
    shapes = plain_shapes(backends.house, declared)
    infos |= {
        spec.name: _parquet(backends, stream, spec, shapes[spec.name][0])
        for stream, spec in declared
        if spec.name in shapes
    }
    return [infos.pop(name) for name in names] + list(infos.values()) + _marts(backends, {*names, *infos})


def _marts(backends: Backends, taken: set[str]) -> list[TableInfo]:
    publication = None if backends.is_remote else published(backends.store, backends.root)
    marts = () if publication is None else publication.marts.values()
    return [
        TableInfo(mart.name, "", "mart", mart.rows or 0, len(mart.files), mart.bytes, 0, dict(mart.columns))
        for mart in marts
        if mart.name not in taken
    ]


def _iceberg(pipeline: str, table: Opened, unneeded: Sequence[Known]) -> TableInfo:
    return TableInfo(
        table.layout.name,
        pipeline,
        "iceberg",
        sum(file.records for file in table.live),
        len(table.live),
        sum(file.size for file in table.live),
        0 if table.metadata is None else len(table.metadata.snapshots),
        {name: kind.sql for name, kind in table.layout.columns.items()},
        health_of(table, unneeded),
    )


def _parquet(backends: Backends, stream: Stream, spec: TableSpec, columns: dict[str, str]) -> TableInfo:
    files = list(_measured(backends, spec.name))
    rows, size = sum(rows for rows, _ in files), sum(size for _, size in files)
    return TableInfo(spec.name, stream.pipeline, "parquet", rows, len(files), size, 0, columns)


def _measured(backends: Backends, table: str) -> Iterator[tuple[int, int]]:
    """Rows and bytes of each file; one that a load replaces while we look is passed over."""
    for found in files_of(backends.store, backends.root, table):
        with suppress(NotFoundError):
            yield int(get(footer(backends.store, found.location), _FOOTER_ROWS)), found.size
