"""Whether a statement only reads: by its parsed tree, for a SELECT can do more than its first word tells.

A WITH may hold a COPY … TO, an INSERT or a DELETE, and some table functions write files, end what other questions log,
or run a statement out of a text. So whatever is not known to read is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from orderlake.query.asked import parsed

if TYPE_CHECKING:
    import duckdb

_EXPLAINED: Final = re.compile(r"\s*explain\s+(analyze\s+)?(\([^)]*\)\s*)?(?=(select|with|from)\b)", re.IGNORECASE)
_READING: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""What DuckDB calls the queries that change nothing."""
_FUNCTIONS: Final = re.compile(
    r"range|generate_series|unnest|repeat|repeat_row|json_each|json_tree|histogram|histogram_values|summary|query_table|"
    r"(read_(single_)?(csv|json|ndjson|parquet|text|blob)(_file|_auto|_objects|_objects_auto)?)|sniff_csv|glob|"
    r"parquet_\w+|duckdb_\w+|pragma_\w+|pg_timezone_names|icu_calendar_names|test_all_types|test_vector_types",
    re.IGNORECASE,
)
"""The table functions that only read. `query` is none of them: it runs whatever its text says."""


def only_reads(statement: duckdb.Statement) -> bool:
    """Whether a statement is a SELECT that changes nothing, or explains one (EXPLAIN ANALYZE runs what it explains)."""
    import duckdb  # noqa: PLC0415 - slow to load

    text = str(statement.query)
    if statement.type == duckdb.StatementType.EXPLAIN:
        explained = _EXPLAINED.match(text)
        if explained is None:
            return False
        text = text[explained.end() :]
    elif statement.type != duckdb.StatementType.SELECT:
        return False
    try:
        tree = parsed(text)
    except ValueError:
        return False
    return all(_reads(node) for node in _nodes(tree))


def text_of(statement: duckdb.Statement) -> str:
    """The one statement without the semicolon after it, and what follows that."""
    import duckdb  # noqa: PLC0415 - slow to load

    text = str(statement.query).encode()
    ends = [at for at, kind in duckdb.tokenize(text.decode()) if kind.name == "operator" and text[at : at + 1] == b";"]
    return (text[: ends[0]] if ends else text).decode()


def _reads(node: dict[str, Any]) -> bool:
    if "cte_map" in node:  # as each query has, and nothing else
        return node["type"] in _READING
    if node.get("type") == "TABLE_FUNCTION":
        return _FUNCTIONS.fullmatch(str(node["function"].get("function_name", ""))) is not None
    return True


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - parsed JSON
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left += node.values()
        elif isinstance(node, list):
            left += node
