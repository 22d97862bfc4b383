"""A condition on whole JSON records that is true of those which no check takes out, told before lists become rows.

Records that a check would set aside are kept out of the strict reader's pass by it, so that what is staged needs
nothing done to it; they are looked at with care afterwards, which says what is wrong with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from orderlake.engine import quote
from orderlake.kernel.conditions import condition
from orderlake.kernel.flags import Flag, flags_of
from orderlake.kernel.flatten import Plan
from orderlake.kernel.shape import element, inner
from orderlake.model.staged import staged_name

if TYPE_CHECKING:
    import duckdb

_ROW: Final = "fields"


def sieve_of(cursor: duckdb.DuckDBPyConnection, plan: Plan) -> str:
    """SQL over records `r` as the strict reader gives them; empty when no check takes a record out, or for CSV."""
    if plan.is_text:
        return ""
    takes = [flag for flag in flags_of(plan) if flag.check.takes_out]
    return " AND ".join(_holds(cursor, plan, flag) for flag in takes)


def _holds(cursor: duckdb.DuckDBPyConnection, plan: Plan, flag: Flag) -> str:
    """SQL: no row that a table would get of the record fails the check."""
    columns = {column.name: column for column in flag.spec.columns}
    said, used = _over_fields(cursor, condition(flag.check, columns), set(columns))
    grain = plan.grain_of(flag.spec.rows)
    levels = plan.shape.levels(flag.spec.rows)
    values = {alias: done.value for alias, _, done in plan.casts(grain)}
    fields = ", ".join(f"{quote(each)}: {values[staged_name(columns[each])]}" for each in sorted(used)) or "'': true"
    for depth in range(1, len(levels) + 1):
        fields = fields.replace(f"r.{element('typed', depth)}", f"e{depth}")
        fields = fields.replace(f"r.{inner(f'i{depth}')}", f"i{depth}")
    fails = f"({said}) IS NOT TRUE"
    if not levels:
        return f"len(list_filter([{{{fields}}}], lambda {_ROW}: {fails})) = 0"
    found = f"list_filter(list_transform({_list(plan, levels)}, {_each(levels)}: {{{fields}}}), lambda {_ROW}: {fails})"
    for above in range(len(levels) - 1, 0, -1):
        found = f"list_filter({_list(plan, levels[:above])}, {_each(levels[:above])}: len({found}) > 0)"
    return f"coalesce(len({found}), 0) = 0"


def _list(plan: Plan, levels: Sequence[tuple[str, ...]]) -> str:
    """SQL of the list at the last of these levels, of the record or of the element around it."""
    above = levels[-2] if len(levels) > 1 else ()
    found = plan.shape.value(levels[-1], above)
    for depth in range(1, len(levels)):
        found = found.replace(f"r.{element('typed', depth)}", f"e{depth}")
    return found


def _each(levels: Sequence[tuple[str, ...]]) -> str:
    return f"lambda e{len(levels)}, i{len(levels)}"


def _over_fields(cursor: duckdb.DuckDBPyConnection, said: str, columns: set[str]) -> tuple[str, set[str]]:
    """A condition over a table's columns, as one over fields of a struct; and which they are."""
    row = cursor.execute("SELECT json_serialize_sql(?)", [f"SELECT {said}"]).fetchone()
    tree = json.loads(str(row[0])) if row is not None else {}
    used: set[str] = set()
    by_name = {column.lower(): column for column in columns}
    for node in _refs(tree, frozenset()):
        column = by_name[node["column_names"][-1].lower()]
        used.add(column)
        node["column_names"] = [_ROW, column]
    row = cursor.execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()
    text = str(row[0]) if row is not None else ""
    return text.removeprefix("SELECT "), used


def _refs(tree: object, hidden: frozenset[str]) -> list[dict[str, Any]]:
    """The references to columns, those to parameters of lambdas apart."""
    found: list[dict[str, Any]] = []
    if isinstance(tree, dict):
        if tree.get("class") == "COLUMN_REF":
            return [tree] if tree["column_names"][0].lower() not in hidden else []
        if tree.get("class") == "LAMBDA":
            hidden = hidden | _parameters(tree.get("lhs"))
            return _refs(tree.get("expr"), hidden)
        for each in tree.values():
            found += _refs(each, hidden)
    elif isinstance(tree, list):
        for each in tree:
            found += _refs(each, hidden)
    return found


def _parameters(tree: Mapping[str, Any] | None) -> frozenset[str]:
    return frozenset(node["column_names"][0].lower() for node in _refs(tree, frozenset()))
