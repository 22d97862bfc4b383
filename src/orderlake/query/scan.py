"""What a statement reads: which columns of which tables, as DuckDB's planner leaves them, and how large they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from orderlake.engine import name, paths
from orderlake.errors import QueryError
from orderlake.query.duckdb import QueryTable

if TYPE_CHECKING:
    import duckdb

Columns = Mapping[str, str]
"""DuckDB types by column."""
_OFF: Final = "filter_pushdown, statistics_propagation, expression_rewriter"
"""Optimizers that hide what is read: a filter's columns in its text, or a table that is known to be empty."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a statement reads at most: compressed bytes, files, and columns by table.

    Filters may let whole files and row groups be passed over: that is not counted off.
    """

    bytes: int
    files: int
    columns: Mapping[str, tuple[str, ...]]


def read_columns(sql: str, tables: Mapping[str, Columns]) -> dict[str, set[str]]:
    """The columns that a SELECT reads of each of these tables; QueryError where it asks anything else."""
    import duckdb  # noqa: PLC0415 - slow to load

    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "enable_external_access": False,
        "python_enable_replacements": False,
    }
    with duckdb.connect(config=config) as connection:
        for table, columns in tables.items():
            declared = ", ".join(f"{name(column)} {kind}" for column, kind in columns.items()) or "_ INT"
            connection.execute(f"CREATE TABLE {name(table)} ({declared})")
        connection.execute(f"SET disabled_optimizers = '{_OFF}'")
        try:
            plan = connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()[0][1]
        except duckdb.Error as error:
            raise QueryError(str(error)) from error
    found: dict[str, set[str]] = {}
    for table, read in _scans(json.loads(plan)):
        found.setdefault(table, set()).update(read)
    return found


def _scans(nodes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    for node in nodes:
        told = node.get("extra_info", {})
        if "Table" in told:
            columns = told.get("Projections", [])
            named = [columns] if isinstance(columns, str) else columns
            yield str(told["Table"]).rsplit(".", 1)[-1], [column for column in named if column]
        yield from _scans(node.get("children", []))


def sizes(cursor: duckdb.DuckDBPyConnection, table: QueryTable) -> dict[str, int]:
    """The compressed bytes of each column of a table, by its files' footers."""
    if not table.files:
        return {}
    rows = cursor.execute(
        "SELECT split_part(path_in_schema, ', ', 1), CAST(sum(total_compressed_size) AS BIGINT) "
        f"FROM parquet_metadata({paths(table.files)}) GROUP BY 1"
    ).fetchall()
    return {str(column): int(size) for column, size in rows}
