"""SQL over the lake's tables by name, read-only, in DuckDB."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from orderlake.engine import Engine, name, parquet, paths, quote
from orderlake.errors import QueryError
from orderlake.query.asked import tables_asked
from orderlake.query.readonly import only_reads, text_of
from orderlake.storage.raised import raised_in_engine

if TYPE_CHECKING:
    import duckdb

_MOMENT: Final = 0.02
"""Seconds between two tries to interrupt what is being asked."""


@dataclass(frozen=True, slots=True)
class QueryTable:
    """A table to query: its Parquet files, and its columns with DuckDB types.

    The columns are for when it has no files, or files that may differ in theirs (`differs`).
    """

    name: str
    files: Sequence[str]
    columns: Mapping[str, str]
    differs: bool = False

    @property
    def rows(self) -> str:
        """A FROM item over its files."""
        return parquet(self.files, columns=self.columns if self.differs else None)


@dataclass(frozen=True, slots=True)
class QueryStats:
    """What a query took on an engine that bills for it: `cost` in US dollars, None where no price is known."""

    engine: str
    query_id: str
    bytes_scanned: int
    engine_seconds: float
    queue_seconds: float
    location: str = ""
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A query's answer: column names, DuckDB type names, rows; and what it took, where that is billed.

    `notes` are sentences on what was asked, for people: which moment, and which table had no rows then.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    stats: QueryStats | None = None
    notes: tuple[str, ...] = ()

    def as_dicts(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def run_query(engine: Engine, tables: Sequence[QueryTable], sql: str) -> Result:
    """Answer one SELECT; QueryError holds DuckDB's complaint and the tables there are."""
    return Question(engine, tables, sql).answer()


class Question:
    """One SELECT over tables by name, asked once; another thread may stop it.

    QueryError holds DuckDB's complaint with the place in the text, or says that it was stopped; after `seconds` it
    is stopped by itself.
    """

    def __init__(self, engine: Engine, tables: Sequence[QueryTable], sql: str, seconds: float | None = None) -> None:
        self._engine, self._tables, self._sql, self._seconds = engine, tables, sql, seconds
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._stopped = ""
        self._ended = threading.Event()
        self._ended.set()

    def answer(self, most: int | None = None) -> Result:
        """The rows, or the first `most` of them: no more are worked out than that needs."""
        with self._running() as (cursor, statement):
            if most is not None and statement.type.name == "SELECT":
                limited = _limited(cursor, statement, most)
                if limited is not None:
                    return limited
            done = cursor.execute(statement)
            description = done.description or []
            rows = done.fetchall() if most is None else done.fetchmany(most)
        return Result(
            tuple(column[0] for column in description),
            tuple(str(column[1]) for column in description),
            tuple(map(tuple, rows)),
        )

    def write(self, file: Path, form: Literal["csv", "parquet"]) -> int:
        """Write all rows to a file; give their number."""
        options = "FORMAT csv, HEADER" if form == "csv" else "FORMAT parquet, COMPRESSION snappy"
        with self._running() as (cursor, statement):
            # A line of its own for the bracket: the statement may end in a comment.
            written = cursor.execute(f"COPY (\n{text_of(statement)}\n) TO {quote(str(file))} ({options})").fetchone()
        return int(written[0]) if written is not None else 0

    def plan(self, *, analyze: bool = False) -> str:
        """How the engine goes about it; with `analyze` it does, and the figures are those it measured."""
        with self._running() as (cursor, statement):
            said = "" if statement.type.name == "EXPLAIN" else "EXPLAIN ANALYZE " if analyze else "EXPLAIN "
            return "\n".join(str(row[-1]) for row in cursor.execute(said + text_of(statement)).fetchall())

    def stop(self, why: str = "it was cancelled") -> None:
        """End it soon, wherever it is; what asked it raises QueryError with the reason."""
        self._stopped = why
        if not self._ended.is_set():
            threading.Thread(target=self._interrupt, name="orderlake-stop", daemon=True).start()

    def _interrupt(self) -> None:
        """Again and again until it has ended: what comes between two steps of it is not heard."""
        while not self._ended.is_set():
            if self._cursor is not None:
                self._cursor.interrupt()
            self._ended.wait(_MOMENT)

    @contextmanager
    def _running(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.Statement]]:
        import duckdb  # noqa: PLC0415 - for its errors; it is loaded with the engine

        too_long = (
            f"it took longer than {self._seconds:g} s: ask for less, or ask on the command line"
            if self._seconds
            else ""
        )
        alarm = threading.Timer(self._seconds, self.stop, [too_long]) if self._seconds else None
        self._ended.clear()
        try:
            self._cursor = cursor_over(self._engine, _named(self._tables, self._sql))
            statements = self._cursor.extract_statements(self._sql)
            if len(statements) != 1 or not only_reads(statements[0]):
                raise QueryError(
                    "one SELECT at a time: the lake is read-only here, tables change only by `orderlake run`"
                )
            if alarm is not None:
                alarm.daemon = True
                alarm.start()
            if self._stopped:
                raise QueryError(f"stopped: {self._stopped}")
            yield self._cursor, statements[0]
        except (OverflowError, ValueError) as error:
            raise QueryError(_refused(error)) from error
        except duckdb.Error as error:
            if isinstance(error, duckdb.InterruptException) and self._stopped:
                raise QueryError(f"stopped: {self._stopped}") from None
            stored = raised_in_engine(error)
            if stored is not None:  # the statement is not at fault
                raise stored from error
            if isinstance(error, duckdb.IOException | duckdb.InvalidInputException) and _OF_LAKE.search(str(error)):
                raise QueryError(
                    f"a file of the lake cannot be read: {str(error).splitlines()[0]}\n"
                    "`orderlake verify` names each file that is gone or was changed, and says what to do"
                ) from error
            known = ", ".join(table.name for table in self._tables) or "none yet: load a file with `orderlake run`"
            raise QueryError(f"{_said(error, self._tables)}\nThe tables are: {known}") from error
        finally:
            self._ended.set()
            if alarm is not None:
                alarm.cancel()


def confine(engine: Engine, places: Sequence[str]) -> None:
    """Let an engine read and write below these folders (or prefixes) only, for good; it can install nothing either."""
    connection = engine.connection
    # Names are tables, not this program's variables.
    connection.execute("SET GLOBAL python_enable_replacements = false")
    connection.execute(f"SET allowed_directories = {paths(places)}")
    connection.execute("SET enable_external_access = false")


_OF_LAKE: Final = re.compile(r"\.parquet['\"]")
_LACKING: Final = re.compile(r"Catalog Error: Table with name (\w+) does not exist!")
_MEANT: Final = re.compile(r'\nDid you mean "[^"]*"\?')


def _refused(error: Exception) -> str:
    """What there is to say of an error of Python's."""
    if isinstance(error, UnicodeDecodeError):  # DuckDB says what is wrong, and cuts a letter of it in two
        return str(error.object.decode(errors="replace"))
    # DuckDB's intervals are longer than Python's.
    return f"a value of the answer cannot be given ({error}): CAST it to VARCHAR"


def _said(error: duckdb.Error, tables: Sequence[QueryTable]) -> str:
    """What the engine says. It knows the tables of this statement only, and takes system tables for what is meant."""
    text = str(error)
    lacking = _LACKING.match(text)
    if lacking is None:
        return text
    close = get_close_matches(lacking[1].lower(), [table.name for table in tables], 1)
    meant = f'\nDid you mean "{close[0]}"?' if close else ""
    return _MEANT.sub(lambda _: meant, text)


_CATALOG: Final = re.compile(r"information_schema|duckdb_|pg_|show", re.IGNORECASE)
"""What lists tables."""


def _named(tables: Sequence[QueryTable], sql: str) -> Sequence[QueryTable]:
    """The tables that a statement can be about: a view of each costs a look into a file, on S3 a request."""
    if _CATALOG.search(sql):
        return tables
    try:
        names = tables_asked(sql)
    except ValueError:
        return tables  # what is wrong with it is said where it is run
    return [table for table in tables if table.name.lower() in names]


def cursor_over(engine: Engine, tables: Sequence[QueryTable]) -> duckdb.DuckDBPyConnection:
    """A cursor that knows the tables by name, set for questions: on several threads, with every optimizer."""
    cursor = engine.cursor()
    for table in tables:
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name(table.name)} AS {select_from(table)}")
    cursor.execute("SET threads = 4")
    cursor.execute("SET disabled_optimizers = ''")
    return cursor


def _limited(cursor: duckdb.DuckDBPyConnection, statement: duckdb.Statement, most: int) -> Result | None:
    """The first rows, planned as such: of what is sorted, only they are. None where that cannot be asked for.

    What is wrong with the statement is told better where it stands alone.
    """
    import duckdb  # noqa: PLC0415 - as above

    try:
        whole = cursor.sql(text_of(statement))
        names, kinds = tuple(whole.columns), tuple(str(kind) for kind in whole.types)
        return Result(names, kinds, tuple(map(tuple, whole.limit(most).fetchall())))
    except duckdb.InterruptException:
        raise
    except duckdb.Error:
        return None


def select_from(table: QueryTable) -> str:
    """A SELECT of all rows from a table's files; of one that has none yet, of no row with its columns."""
    if table.files:
        return f"SELECT * FROM {table.rows}"
    return (
        f"SELECT {', '.join(f'NULL::{kind} AS {name(column)}' for column, kind in table.columns.items())} WHERE false"
    )
