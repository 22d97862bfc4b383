"""A DuckDB database file of the tables: views of the lake's files, or the rows themselves, each with a comment.

The file is written in the oldest storage format, so that the DuckDB inside any BI tool can open it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import Engine, name, parquet, paths, quote
from orderlake.errors import ConfigError
from orderlake.exporting.notes import Note
from orderlake.query.duckdb import QueryTable, cursor_over

if TYPE_CHECKING:
    import duckdb

_FORMAT: Final = "v1.0.0"
_MAGIC: Final = b"DUCK"
_MAGIC_AT: Final = 8
_NEW: Final = "exported"
_MARK: Final = "orderlake.export"
"""The table that tells an export from any other database."""


@dataclass(frozen=True, slots=True)
class Database:
    """How the file is made: of which `lake`, in which state, with which notes.

    `plain` gives the pattern of a plain Parquet table's files, whose names come and go, so that a view of them must not
    name each; `without` are columns left out; `copy` puts rows in.
    """

    lake: str
    state: str
    notes: Mapping[str, Note]
    plain: Mapping[str, str]
    without: tuple[str, ...]
    copy: bool


def is_current(target: Path, database: Database, *, force: bool) -> bool:
    """Whether the file is this very export already; ConfigError when it is something else that must not be replaced."""
    if not target.exists() or force:
        return False
    if target.is_dir():
        raise ConfigError(f"{target} is a folder: name a file")
    marks = _marks(target)
    if marks is None:
        raise ConfigError(f"{target} is no export of orderlake: name another file, or say --force to replace it")
    return marks == (database.lake, database.state)


def write(engine: Engine, part: Path, tables: Sequence[QueryTable], database: Database) -> dict[str, int | None]:
    """Write the file; rows per table, None for a view."""
    cursor = cursor_over(engine, tables)
    cursor.execute(f"ATTACH {quote(str(part))} AS {_NEW} (STORAGE_VERSION '{_FORMAT}')")
    cursor.execute("BEGIN")
    try:
        rows = {table.name: _one(cursor, table, database) for table in tables}
        _mark(cursor, database)
        cursor.execute("COMMIT")
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    finally:
        cursor.execute(f"DETACH {_NEW}")  # which writes what is in its journal
    return rows


def _one(cursor: duckdb.DuckDBPyConnection, table: QueryTable, database: Database) -> int | None:
    target, rows = f"{_NEW}.main.{name(table.name)}", None
    columns = [str(row[0]) for row in cursor.execute(f"DESCRIBE {name(table.name)}").fetchall()]
    kept = [column for column in columns if column not in database.without]
    chosen = ", ".join(map(name, kept))
    if database.copy:
        done = cursor.execute(f"CREATE TABLE {target} AS SELECT {chosen} FROM {name(table.name)}").fetchone()
        rows = int(done[0]) if done is not None else 0
    else:
        cursor.execute(f"CREATE VIEW {target} AS SELECT {chosen} FROM {_source(cursor, table, database)}")
    kind = "TABLE" if database.copy else "VIEW"
    note = database.notes.get(table.name)
    if note is not None:
        cursor.execute(f"COMMENT ON {kind} {target} IS {quote(note.table)}")
        for column in kept:
            if column in note.columns:
                cursor.execute(f"COMMENT ON COLUMN {target}.{name(column)} IS {quote(note.columns[column])}")
    return rows


def _source(cursor: duckdb.DuckDBPyConnection, table: QueryTable, database: Database) -> str:
    files = [database.plain[table.name]] if table.files and table.name in database.plain else table.files
    if table.files and table.differs:
        return _united(cursor, table, files)
    if table.files:
        return parquet(files)
    columns = ", ".join(f"NULL::{kind} AS {name(column)}" for column, kind in table.columns.items())
    return f"(SELECT {columns} WHERE false)"


def _united(cursor: duckdb.DuckDBPyConnection, table: QueryTable, files: Sequence[str]) -> str:
    """Files that differ in their columns, in words that DuckDB has known since its first stable version."""
    rows = f"read_parquet({paths(files)}, hive_partitioning = false, union_by_name = true)"
    there = {str(row[0]) for row in cursor.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}
    columns = (
        f"CAST({name(column) if column in there else 'NULL'} AS {kind}) AS {name(column)}"
        for column, kind in table.columns.items()
    )
    return f"(SELECT {', '.join(columns)} FROM {rows})"


def _mark(cursor: duckdb.DuckDBPyConnection, database: Database) -> None:
    schema, table = _MARK.split(".")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    values = ", ".join(quote(text) for text in (database.lake, database.state, at))
    cursor.execute(f"CREATE SCHEMA {_NEW}.{schema}")
    cursor.execute(f"CREATE TABLE {_NEW}.{_MARK} AS SELECT * FROM (VALUES ({values})) AS t(lake, state, exported_at)")
    how = "rows" if database.copy else "views of the files"
    cursor.execute(
        f"COMMENT ON TABLE {_NEW}.{_MARK} IS "
        + quote(f"Made by `orderlake export`, with {how} of this lake at this time; {table} it again for newer ones.")
    )


def _marks(target: Path) -> tuple[str, str] | None:
    """Which lake, in which state, a file is the export of; None when it is none."""
    import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

    try:
        with target.open("rb") as file:
            if file.read(len(_MAGIC) + _MAGIC_AT)[_MAGIC_AT:] != _MAGIC:
                return None
        try:
            return _read_marks(target)
        except duckdb.Error:  # a client has it open for itself: look at a copy
            with tempfile.TemporaryDirectory() as folder, suppress(duckdb.Error):
                return _read_marks(Path(shutil.copyfile(target, Path(folder) / "copy.duckdb")))
    except OSError as error:
        raise ConfigError(f"cannot read {target}: {error.strerror}") from error
    return None


def _read_marks(file: Path) -> tuple[str, str] | None:
    import duckdb  # noqa: PLC0415 - as above

    with duckdb.connect(str(file), read_only=True) as connection:
        try:
            row = connection.execute(f"SELECT lake, state FROM {_MARK}").fetchone()
        except (duckdb.CatalogException, duckdb.BinderException):
            return None
    return None if row is None else (str(row[0]), str(row[1]))
