"""What marts are made of: the tables as they are at one moment, shown to dbt as views over their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orderlake.engine import name
from orderlake.query.duckdb import QueryTable, select_from
from orderlake.tables.declared import plain_shapes
from orderlake.tables.hive import files_of
from orderlake.tables.layout import system_layouts, table_layout
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb

    from orderlake.model.ports import StoredObject

SCHEMA: Final = "lake"
"""The schema of the views, which dbt's sources name."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The declared tables and quarantine, and where the head of each was when its files were looked up."""

    tables: Sequence[QueryTable]
    heads: Mapping[str, str | None]


def heads_of(backends: Backends) -> dict[str, str | None]:
    """Per table a text that changes with its rows; cheap, no metadata is read."""
    iceberg = [spec.name for _, spec in backends.specs if spec.format == "iceberg"]
    iceberg += [layout.name for layout in system_layouts()]
    heads = {table: head.metadata for table, head in backends.catalog.heads(iceberg).items()}
    return heads | {table: _seen(found) for table, found in _plain(backends).items()}


def origin_of(backends: Backends) -> Origin:
    """The tables as they are: the Iceberg ones at one moment, plain Parquet as its files lie."""
    layouts = [table_layout(stream, spec) for stream, spec in backends.specs if spec.format == "iceberg"]
    tables: list[QueryTable] = []
    heads: dict[str, str | None] = {}
    for table, opened in backends.house.open([*layouts, *system_layouts()]).items():
        files = [backends.store.engine_path(file.location) for file in opened.live]
        columns = {column: kind.sql for column, kind in opened.layout.columns.items()}
        tables.append(QueryTable(table, files, columns, opened.layout.differs))
        heads[table] = opened.head
    shapes = plain_shapes(backends.house, backends.specs)
    for table, found in _plain(backends).items():
        files = [backends.store.engine_path(file.location) for file in found]
        tables.append(QueryTable(table, files, *shapes[table]))
        heads[table] = _seen(found)
    return Origin(tables, heads)


def declared_columns(backends: Backends) -> dict[str, dict[str, str]]:
    """Columns and DuckDB types of each declared table, lineage apart."""
    return {spec.name: {column.name: column.type.sql for column in spec.columns} for _, spec in backends.specs}


def show(connection: duckdb.DuckDBPyConnection, tables: Sequence[QueryTable]) -> None:
    """Make the views anew, in one step."""
    connection.execute("BEGIN")
    connection.execute(f"DROP SCHEMA IF EXISTS {name(SCHEMA)} CASCADE")
    connection.execute(f"CREATE SCHEMA {name(SCHEMA)}")
    for table in tables:
        connection.execute(f"CREATE VIEW {name(SCHEMA)}.{name(table.name)} AS {select_from(table)}")
    connection.execute("COMMIT")


def _plain(backends: Backends) -> dict[str, list[StoredObject]]:
    names = [spec.name for _, spec in backends.specs if spec.format == "parquet"]
    return {table: files_of(backends.store, backends.root, table) for table in names}


def _seen(files: Sequence[StoredObject]) -> str | None:
    return " ".join(f"{file.location}@{file.version}" for file in files) or None
