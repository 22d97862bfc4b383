"""Runs Trino's SQL on DuckDB, for want of a Trino: strict where we know Trino to be, and no proof of what Athena does.

sqlglot parses the text with Trino's grammar and knows the types of its columns. What Trino would refuse is refused;
what it would answer otherwise than DuckDB (whole numbers divided, days added to dates) is put so that both are alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types

MACROS: Final = (
    "CREATE MACRO day_of_week(x) AS isodow(x)",
    "CREATE MACRO day_of_year(x) AS dayofyear(x)",
    "CREATE MACRO to_unixtime(x) AS epoch(x)",
    "CREATE MACRO arbitrary(x) AS any_value(x)",
    "CREATE MACRO with_timezone(x, z) AS timezone(z, x)",
    "CREATE MACRO at_timezone(x, z) AS timezone(z, x)",
    "CREATE MACRO element_at(l, n) AS list_extract(l, n)",
    "CREATE MACRO array_join(l, s) AS array_to_string(l, s)",
    "CREATE MACRO last_day_of_month(x) AS last_day(x)",
    "CREATE MACRO truncate(x) AS trunc(x)",
    "CREATE MACRO is_nan(x) AS isnan(x)",
)
"""Trino's functions that sqlglot leaves as they are."""
_KNOWN: Final = frozenset(re.findall(r"MACRO (\w+)", " ".join(MACROS))) | {"try"}
_TIMES: Final = frozenset(exp.DataType.TEMPORAL_TYPES)
_WHOLE: Final = frozenset(exp.DataType.INTEGER_TYPES)
_TEXT: Final = frozenset(exp.DataType.TEXT_TYPES)
_COMPARISONS: Final = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_FOREIGN: Final = (exp.Qualify, exp.Columns, exp.IntDiv, exp.Pivot, exp.ILike, exp.SimilarTo, exp.Glob, exp.Explode)


class NotTrinoError(Exception):
    """Trino would not take this."""


def on_duckdb(sql: str, tables: Mapping[str, Mapping[str, str]]) -> str:
    """Trino's SQL as DuckDB's; `tables` are the columns with their DuckDB types."""
    explain = re.match(r"EXPLAIN (ANALYZE )?", sql)
    parsed = sqlglot.parse_one(sql[explain.end() :] if explain else sql, read="trino")
    schema: dict[str, object] = {table: dict(columns) for table, columns in tables.items()}
    tree = annotate_types(parsed, schema=schema, dialect="trino")
    for node in list(tree.walk()):
        _refuse(node)
        _answer_alike(node)
    return f"{explain[0] if explain else ''}{tree.sql('duckdb')}"


def _refuse(node: Any) -> None:
    if isinstance(node, _FOREIGN) or (isinstance(node, exp.Group) and node.args.get("all")):
        raise NotTrinoError(f"SYNTAX_ERROR: {node.sql()}")
    if isinstance(node, exp.Star) and (node.args.get("except_") or node.args.get("replace")):
        raise NotTrinoError(f"SYNTAX_ERROR: {node.sql()}")
    if isinstance(node, exp.Anonymous) and node.name.lower() not in _KNOWN:
        raise NotTrinoError(f"FUNCTION_NOT_FOUND: {node.name}")
    if isinstance(node, _COMPARISONS):
        kinds = {part.type.this for part in node.iter_expressions() if part.type is not None}
        if kinds & _TIMES and kinds & _TEXT:
            raise NotTrinoError(f"TYPE_MISMATCH: {node.sql()}")
    if isinstance(node, exp.Group):
        names = {alias.alias for alias in cast("Any", node.parent).selects if isinstance(alias, exp.Alias)}
        for item in node.expressions:
            if isinstance(item, exp.Column) and not item.table and item.name in names:
                raise NotTrinoError(f"COLUMN_NOT_FOUND: {item.name}")


def _answer_alike(node: Any) -> None:
    if isinstance(node, exp.Div):
        kinds = [side.type.this for side in (node.this, node.expression)]
        if all(kind in _WHOLE for kind in kinds):
            node.replace(exp.IntDiv(this=node.this.copy(), expression=node.expression.copy()))
        elif exp.DType.DOUBLE not in kinds:
            raise NotTrinoError(f"this would be rounded to a decimal: {node.sql()}")
    elif (
        isinstance(node, exp.DateAdd)
        and node.this.type.this == exp.DType.DATE
        and str(node.args["unit"].name).upper() == "DAY"
    ):
        node.replace(exp.Add(this=node.this.copy(), expression=exp.paren(node.expression.copy())))
    elif isinstance(node, exp.Anonymous) and node.name == "AT_TIMEZONE" and not isinstance(node.parent, exp.Cast):
        node.replace(node.expressions[0].copy())  # the zone that a moment is told in: DuckDB's moments have none
    elif isinstance(node, exp.RegexpReplace):
        new = node.args["replacement"]
        new.replace(exp.Literal.string(re.sub(r"(?<!\\)\$(\d)", r"\\\1", new.name).replace("\\$", "$")))
    elif isinstance(node, exp.DateDiff):  # whole units there, boundaries crossed here
        unit = exp.Literal.string(node.args["unit"].name.lower())
        node.replace(exp.Anonymous(this="DATESUB", expressions=[unit, node.expression.copy(), node.this.copy()]))
