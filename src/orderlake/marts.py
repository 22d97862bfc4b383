"""Marts: a SELECT each in the project's `marts/`, kept as a plain Parquet table of its answer.

A mart is replaced as a whole, by one publication of one file; a reader sees the old answer or the new one.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderlake.engine import Engine, name, quote
from orderlake.errors import ConfigError, QueryError
from orderlake.model.column import ColumnType
from orderlake.query.duckdb import QueryTable, cursor_over
from orderlake.tables.hive import PENDING
from orderlake.tables.kept import column_type
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Mart:
    """A mart that was built: its table, and how many rows it has."""

    table: str
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"table": self.table, "rows": self.rows}


def declared_marts(backends: Backends) -> list[Path]:
    """The project's mart files, by name; ConfigError when one has the name of a table."""
    files = sorted((backends.project.root / "marts").glob("*.sql"))
    tables = {spec.name for _, spec in backends.specs}
    for file in files:
        if file.stem in tables:
            raise ConfigError(f"{file}: there is a table {file.stem} already: give the mart another name")
        if not file.stem.isidentifier():
            raise ConfigError(f"{file}: a mart is a table, so its name has letters, digits and _ only")
    return files


def build_marts(backends: Backends, engine: Engine, tables: Sequence[QueryTable]) -> list[Mart]:
    """Build each mart anew from the tables as they are; QueryError names the file whose SELECT is wrong."""
    return [_build(backends, engine, tables, file) for file in declared_marts(backends)]


def _build(backends: Backends, engine: Engine, tables: Sequence[QueryTable], file: Path) -> Mart:
    import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

    store, root = backends.store, backends.root
    hidden = f"{root}/{PENDING}/{file.stem}/{uuid.uuid4().hex}.parquet"
    sql = file.read_text(encoding="utf-8").strip().rstrip(";")
    cursor = cursor_over(engine, tables)
    try:
        columns = _columns(cursor, sql, file)
        select = ", ".join(f"CAST({name(column)} AS {kind.sql}) AS {name(column)}" for column, kind in columns.items())
        target = quote(store.target_path(hidden))
        done = cursor.execute(f"COPY (SELECT {select} FROM ({sql})) TO {target} (FORMAT parquet)").fetchone()
    except duckdb.Error as error:
        raise QueryError(f"{file}: {error}") from error
    store.sync([hidden])
    backends.catalog.publish_parquet(file.stem, columns, f"{root}/{file.stem}")
    store.publish(hidden, f"{root}/{file.stem}/{file.stem}.parquet")
    return Mart(file.stem, int(done[0]) if done is not None else 0)


def _columns(cursor: duckdb.DuckDBPyConnection, sql: str, file: Path) -> dict[str, ColumnType]:
    found = cursor.execute(f"DESCRIBE SELECT * FROM ({sql})").fetchall()
    return {str(row[0]): _type(str(row[1]), str(row[0]), file) for row in found}


def _type(kind: str, column: str, file: Path) -> ColumnType:
    known = column_type(kind)
    if known is None:
        raise QueryError(f"{file}: column {column} is a {kind}, which other engines cannot read: cast it")
    return known
