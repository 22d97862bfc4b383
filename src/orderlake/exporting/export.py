"""One export: what is wanted, and what became of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from orderlake.engine import Engine, name, quote
from orderlake.errors import ConfigError, NotFoundError, QueryError, StorageUnavailableError
from orderlake.exporting.csv_lines import OPTIONS, lines
from orderlake.exporting.duckdb_file import Database, is_current, write
from orderlake.exporting.notes import LINEAGE, notes
from orderlake.exporting.place import placed
from orderlake.query.duckdb import QueryTable, cursor_over
from orderlake.query.readonly import only_reads, text_of
from orderlake.storage.raised import raised_in_engine
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb

Form = Literal["duckdb", "parquet", "csv"]
_STOPPED: Final = "Query interrupted"
_MOMENT: Final = 0.02
"""Seconds between two tries to interrupt the engine."""
_PARQUET: Final = "FORMAT parquet, COMPRESSION snappy"


@dataclass(frozen=True, slots=True)
class Export:
    """What is wanted: `target` is a file for `duckdb` or for one answer (`sql`), else a folder with a file per table.

    `tables` names those wanted, none for all. `copy` puts rows into a DuckDB file instead of views of them; `force`
    lets it replace a file that is no export; without `lineage` the columns are left out that say where a row came from;
    `excel_safe` puts ' before texts in CSV that a spreadsheet would run as a formula.
    """

    form: Form
    target: Path
    tables: tuple[str, ...] = ()
    sql: str | None = None
    copy: bool = False
    force: bool = False
    lineage: bool = True
    gzip: bool = False
    excel_safe: bool = False

    def check(self) -> None:
        """ConfigError when two of the wishes exclude each other."""
        if self.sql is not None and (self.form == "duckdb" or self.tables):
            raise ConfigError("an answer is exported alone, as Parquet or CSV: leave --table and --duckdb out")
        if self.form != "duckdb" and (self.copy or self.force):
            raise ConfigError("--copy and --force are about a DuckDB file: say --duckdb FILE")
        if self.form != "csv" and (self.gzip or self.excel_safe):
            raise ConfigError(
                "--gzip and --excel-safe are for CSV; Parquet and DuckDB files are compressed as they are"
            )
        if self.sql is None and self.form != "duckdb" and self.target.is_file():
            raise ConfigError(f"{self.target} is a file: name a folder, which gets one file per table")


@dataclass(frozen=True, slots=True)
class Exported:
    """One table, or one answer, and the file that it went into; `rows` is None for a view, which has none itself."""

    table: str
    file: Path
    rows: int | None
    fresh: bool = True
    """Whether it was written now, not found to be up to date."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"table": self.table, "file": str(self.file), "rows": self.rows, "fresh": self.fresh}


def export(
    backends: Backends, engine: Engine, tables: Sequence[QueryTable], token: str, wanted: Export
) -> list[Exported]:
    """Export tables as they are now; `token` stands for their state, so that an unchanged DuckDB file is left alone.

    ConfigError, NotFoundError for a table there is none of, QueryError for a wrong SELECT, StorageUnavailableError.
    """
    wanted.check()
    if wanted.sql is not None:
        return [_answer(cursor_over(engine, tables), wanted, wanted.sql)]
    chosen = _chosen(tables, wanted.tables)
    if wanted.form == "duckdb":
        return _database(backends, engine, chosen, token, wanted)
    cursor = cursor_over(engine, chosen)
    return [_table(cursor, table, wanted) for table in chosen]


def _chosen(tables: Sequence[QueryTable], names: Sequence[str]) -> list[QueryTable]:
    known = {table.name: table for table in tables}
    missing = [wanted for wanted in names if wanted not in known]
    if missing:
        raise NotFoundError(f"there is no table {', '.join(missing)}; there are {', '.join(known) or 'none yet'}")
    return [known[wanted] for wanted in dict.fromkeys(names)] if names else list(tables)


def _database(
    backends: Backends, engine: Engine, tables: Sequence[QueryTable], token: str, wanted: Export
) -> list[Exported]:
    if backends.is_remote and not wanted.copy:
        raise ConfigError(
            "the tables are in a bucket, and views of them would need keys and an extension wherever the file is "
            "opened: say --copy for a file with the rows in it, or connect the tool to Athena (docs/bi.md)"
        )
    plain = {  # the folder's own brackets are no pattern
        spec.name: f"{escape(backends.store.engine_path(f'{backends.root}/{spec.name}'))}/*.parquet"
        for _, spec in backends.specs
        if spec.format == "parquet"
    }
    said = notes(backends.pipelines, backends.project.state / "dbt" / "target" / "manifest.json")
    state = (
        token,
        wanted.copy,
        wanted.lineage,
        [table.name for table in tables],
        sorted((table, repr(note)) for table, note in said.items()),
        plain,
    )
    database = Database(
        str(backends.project.root) if not backends.is_remote else backends.root,
        hashlib.sha256(repr(state).encode()).hexdigest(),
        said,
        plain,
        () if wanted.lineage else tuple(LINEAGE),
        wanted.copy,
    )
    if is_current(wanted.target, database, force=wanted.force):
        return [Exported(table.name, wanted.target, None, fresh=False) for table in tables]
    with placed(wanted.target) as part, _translated(wanted.target):
        rows = write(engine, part, tables, database)
        # A journal that some client left open belongs to the file that goes, and would be taken for the new one's.
        wanted.target.with_name(f"{wanted.target.name}.wal").unlink(missing_ok=True)
    return [Exported(table, wanted.target, count) for table, count in rows.items()]


def _table(cursor: duckdb.DuckDBPyConnection, table: QueryTable, wanted: Export) -> Exported:
    suffix = f".{wanted.form}{'.gz' if wanted.gzip else ''}"
    target = wanted.target / f"{table.name}{suffix}"
    with placed(target) as part, _translated(target):
        source = name(table.name)
        columns = _columns(cursor, source)
        if not wanted.lineage:
            columns = {column: kind for column, kind in columns.items() if column not in LINEAGE}
        return Exported(table.name, target, _copy(cursor, columns, source, part, wanted))


def _answer(cursor: duckdb.DuckDBPyConnection, wanted: Export, sql: str) -> Exported:
    if any("\ud800" <= character <= "\udfff" for character in sql):
        raise QueryError("the statement holds bytes that are no text: write it in UTF-8")
    with placed(wanted.target) as part, _translated(wanted.target):
        statements = cursor.extract_statements(sql)
        if len(statements) != 1 or not only_reads(statements[0]):
            raise QueryError("one SELECT can be exported: tables change only by `orderlake run`")
        source = f"({text_of(statements[0])}\n)"  # its last line may be a comment
        return Exported("", wanted.target, _copy(cursor, _columns(cursor, source), source, part, wanted))


def _columns(cursor: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def _copy(
    cursor: duckdb.DuckDBPyConnection, columns: Mapping[str, str], source: str, part: Path, wanted: Export
) -> int:
    if wanted.form == "csv":
        select = lines(columns, source, excel_safe=wanted.excel_safe)
        options = f"{OPTIONS}, COMPRESSION {'gzip' if wanted.gzip else 'none'}"
    else:
        select = f"SELECT {', '.join(map(name, columns))} FROM {source}"
        options = _PARQUET
    done = _heard(cursor, f"COPY ({select}) TO {quote(str(part))} ({options})")
    return int(done[0]) if done is not None else 0


def _heard(cursor: duckdb.DuckDBPyConnection, sql: str) -> Any:  # noqa: ANN401 - a row, as DuckDB gives it
    """Run a statement so that Ctrl-C is heard: the engine looks for it between its tasks only, and one may be long."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: cursor.execute(sql).fetchone())
        try:
            return running.result()
        except KeyboardInterrupt:
            while not running.done():
                cursor.interrupt()
                wait([running], _MOMENT)
            raise


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

    try:
        yield
    except RuntimeError as error:
        if str(error) == _STOPPED:  # Ctrl-C, while the engine was at work
            raise KeyboardInterrupt from error
        raise
    except duckdb.IOException as error:
        raise StorageUnavailableError(f"{target}: {error}") from error
    except duckdb.Error as error:
        stored = raised_in_engine(error)
        raise (stored if stored is not None else QueryError(str(error))) from error
