"""Which tables a statement asks: as DuckDB parses it, before anything is known of the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from orderlake.errors import QueryError

if TYPE_CHECKING:
    import duckdb

_DEEP: Final = "the statement is nested too deeply: write it in steps, with WITH"


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """A DuckDB that only reads statements; opening one takes longer than reading a hundred."""
    import duckdb  # noqa: PLC0415 - slow to load

    return duckdb.connect(config={"threads": 1, "enable_external_access": False})


def tables_asked(sql: str) -> tuple[str, ...]:
    """The tables that one SELECT names, in lower case and in order, less what its own WITH defines.

    ValueError, with a line counted from 0 and what is wrong there, when it is no such statement.

    >>> tables_asked("WITH orders AS (FROM Orders) FROM orders JOIN lines USING (id)")
    ('lines', 'orders')
    """
    try:
        return tuple(sorted(set(_asked(parsed(sql), frozenset()))))
    except RecursionError:
        raise QueryError(_DEEP) from None


def parsed(sql: str) -> dict[str, Any]:
    """One SELECT as DuckDB's parser has it; ValueError as above, QueryError when it cannot be gone through."""
    told = _parser().cursor().execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    try:
        tree: dict[str, Any] = json.loads(told[0]) if told is not None else {}
    except RecursionError:
        raise QueryError(_DEEP) from None
    if tree["error"]:
        before = sql.encode()[: int(tree.get("position", 0))]
        raise ValueError(before.count(b"\n"), tree["error_message"])
    if len(tree["statements"]) != 1:
        raise ValueError(0, f"there are {len(tree['statements'])} statements: write one SELECT")
    return tree


def _asked(node: Any, hidden: frozenset[str]) -> Iterator[str]:  # noqa: ANN401 - parsed JSON
    """The tables below a node where these names mean something else."""
    if isinstance(node, list):
        for item in node:
            yield from _asked(item, hidden)
    elif isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and str(node["table_name"]).lower() not in hidden:
            yield str(node["table_name"]).lower()
        if node.get("type") == "RECURSIVE_CTE_NODE":
            hidden |= {str(node["cte_name"]).lower()}
        for defined in (node.get("cte_map") or {}).get("map", []):
            yield from _asked(defined["value"], hidden)  # it sees those before it, and not itself
            hidden |= {str(defined["key"]).lower()}
        for key, value in node.items():
            if key != "cte_map":
                yield from _asked(value, hidden)
