"""SQL over the lake's tables by name, read-only, in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderlake.engine import Engine, name, parquet
from orderlake.errors import QueryError
from orderlake.storage.raised import raised_in_engine

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class QueryTable:
    """A table to query: its Parquet files, and its columns with DuckDB types for when it has none."""

    name: str
    files: Sequence[str]
    columns: Mapping[str, str]


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
    """A query's answer: column names, DuckDB type names, rows; and what it took, where that is billed."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    stats: QueryStats | None = None

    def as_dicts(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def run_query(engine: Engine, tables: Sequence[QueryTable], sql: str) -> Result:
    """Answer one SELECT; QueryError holds DuckDB's complaint and the tables there are."""
    import duckdb  # noqa: PLC0415 - for its errors; it is loaded with the engine

    cursor = cursor_over(engine, tables)
    try:
        statements = cursor.extract_statements(sql)
        if len(statements) != 1 or not only_reads(statements[0]):
            raise QueryError("one SELECT at a time: the lake is read-only here, tables change only by `orderlake run`")
        done = cursor.execute(statements[0])
        description = done.description or []
        rows = done.fetchall()
    except duckdb.Error as error:
        stored = raised_in_engine(error)
        if stored is not None:  # the statement is not at fault
            raise stored from error
        known = ", ".join(table.name for table in tables) or "none yet: load a file with `orderlake run`"
        raise QueryError(f"{error}\nThe tables are: {known}") from error
    return Result(
        tuple(column[0] for column in description),
        tuple(str(column[1]) for column in description),
        tuple(map(tuple, rows)),
    )


def cursor_over(engine: Engine, tables: Sequence[QueryTable]) -> duckdb.DuckDBPyConnection:
    """A cursor that knows the tables by name, set for questions: on several threads, with every optimizer."""
    cursor = engine.cursor()
    for table in tables:
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name(table.name)} AS {_select(table)}")
    cursor.execute("SET threads = 4")
    cursor.execute("SET disabled_optimizers = ''")
    return cursor


def only_reads(statement: duckdb.Statement) -> bool:
    """Whether a statement is a SELECT, or explains one (EXPLAIN ANALYZE runs what it explains)."""
    import duckdb  # noqa: PLC0415 - as above

    if statement.type == duckdb.StatementType.SELECT:
        return True
    explained = re.match(
        r"\s*explain\s+(analyze\s+)?(\([^)]*\)\s*)?(select|with|from)\b", statement.query, re.IGNORECASE
    )
    return statement.type == duckdb.StatementType.EXPLAIN and explained is not None


def _select(table: QueryTable) -> str:
    if table.files:
        return f"SELECT * FROM {parquet(table.files)}"
    return (
        f"SELECT {', '.join(f'NULL::{kind} AS {name(column)}' for column, kind in table.columns.items())} WHERE false"
    )
