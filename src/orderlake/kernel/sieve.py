"""A condition on whole JSON records that is true of those which no check takes out, told before lists become rows.

Records that a check would set aside are kept out of the strict reader's pass by it, so that what is staged needs
nothing done to it; they are looked at with care afterwards, which says what is wrong with them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from orderlake.kernel.conditions import condition, refs
from orderlake.kernel.flags import taking
from orderlake.kernel.flatten import Plan
from orderlake.kernel.shape import element, inner
from orderlake.model.check import Check
from orderlake.model.pipeline import TableSpec
from orderlake.model.staged import staged_name

if TYPE_CHECKING:
    import duckdb

_ROW: Final = "value_of_column"
"""Stands for the row while its columns are looked up."""


def sieve_of(cursor: duckdb.DuckDBPyConnection, plan: Plan) -> str:
    """SQL over records `r` as the strict reader gives them; empty when no check takes a record out, or for CSV."""
    if plan.is_text:
        return ""
    takes = taking(plan)
    tables = {flag.spec.name: flag.spec for flag in takes}
    return " AND ".join(
        _holds(cursor, plan, spec, [flag.check for flag in takes if flag.spec is spec]) for spec in tables.values()
    )


def _holds(cursor: duckdb.DuckDBPyConnection, plan: Plan, spec: TableSpec, checks: Sequence[Check]) -> str:
    """SQL: no row that a table would get of the record fails one of the checks."""
    columns = {column.name: column for column in spec.columns}
    every = " AND ".join(f"(({condition(check, columns)}) IS TRUE)" for check in checks)
    grain = plan.grain_of(spec.rows)
    levels = plan.shape.levels(spec.rows)
    values = {alias: done.value for alias, _, done in plan.casts(grain)}
    fields = {each: _in_lambda(values[staged_name(column)], len(levels)) for each, column in columns.items()}
    fails = f"({_over(cursor, every, fields)}) IS NOT TRUE"
    if not levels:
        return f"NOT ({fails})"
    found = f"list_filter({_list(plan, levels)}, {_each(levels)}: {fails})"
    for above in range(len(levels) - 1, 0, -1):
        found = f"list_filter({_list(plan, levels[:above])}, {_each(levels[:above])}: len({found}) > 0)"
    return f"coalesce(len({found}), 0) = 0"


def _in_lambda(value: str, levels: int) -> str:
    """SQL of a value of an unnested row as one of the elements that lambdas go through."""
    for depth in range(1, levels + 1):
        value = value.replace(f"r.{element('typed', depth)}", f"e{depth}").replace(
            f"r.{inner(f'i{depth}')}", f"i{depth}"
        )
    return value


def _list(plan: Plan, levels: Sequence[tuple[str, ...]]) -> str:
    """SQL of the list at the last of these levels, of the record or of the element around it."""
    above = levels[-2] if len(levels) > 1 else ()
    found = plan.shape.value(levels[-1], above)
    for depth in range(1, len(levels)):
        found = found.replace(f"r.{element('typed', depth)}", f"e{depth}")
    return found


def _each(levels: Sequence[tuple[str, ...]]) -> str:
    return f"lambda e{len(levels)}, i{len(levels)}"


def _over(cursor: duckdb.DuckDBPyConnection, said: str, fields: Mapping[str, str]) -> str:
    """A condition over a table's columns with SQL of their values in their places."""
    row = cursor.execute("SELECT json_serialize_sql(?)", [f"SELECT {said}"]).fetchone()
    tree = json.loads(str(row[0])) if row is not None else {}
    by_name = {column.lower(): column for column in fields}
    for node in refs(tree):
        node["column_names"] = [_ROW, by_name[node["column_names"][-1].lower()]]
    row = cursor.execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()
    text = str(row[0]) if row is not None else ""
    return re.sub(rf'\b{_ROW}\."?(\w+)"?', lambda found: f"({fields[found[1]]})", text.removeprefix("SELECT "))
