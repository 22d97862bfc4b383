"""Checks of single rows as SQL: a condition that is true of a good row, and proof that it tells by the row alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from orderlake.engine import name, quote
from orderlake.errors import ConfigError
from orderlake.model.check import Check
from orderlake.model.column import Column
from orderlake.model.pipeline import Stream, TableSpec

if TYPE_CHECKING:
    import duckdb

_SIGNS: Final = {"min": ">=", "above": ">", "max": "<=", "below": "<"}
_ELSEWHERE: Final = ("SUBQUERY", "WINDOW", "STAR", "POSITIONAL_REFERENCE", "PARAMETER")
"""Expressions over other rows, or over whatever columns there are."""
_CLOCKS: Final = r"\b(select|current_\w+|sleep_ms)\b"
"""In the definition of a macro: what it asks beside its arguments."""
_WORD: Final = re.compile(r"\w")
"""What operators do not begin with: they tell by what stands beside them."""
_CONSISTENT_CLOCKS: Final = ("current_localtime", "current_localtimestamp")
"""Clocks that DuckDB does not own up to; `age` is one too when it is given one time only."""


def condition(check: Check, columns: Mapping[str, Column]) -> str:
    """SQL over a table's columns, by name, that is true where the check holds; NULL is no true."""
    said = _condition(check, columns)
    return f"({name(check.columns[0])} IS NULL OR {said})" if check.allow_null else said


def _condition(check: Check, columns: Mapping[str, Column]) -> str:
    if check.kind == "not_null":
        return " AND ".join(f"{name(column)} IS NOT NULL" for column in check.columns)
    if check.kind == "expect":
        return f"TRY(CAST(({check.text}) AS BOOLEAN))"
    column = columns[check.columns[0]]
    own = name(column.name)
    if check.kind == "range":
        bounds = [f"{own} {_SIGNS[word]} {_literal(column, bound)}" for word, bound in check.limits.items()]
        return f"({' AND '.join(bounds)})"
    if check.kind == "accepted_values":
        return f"{own} IN ({', '.join(_literal(column, value) for value in check.values)})"
    if check.kind == "pattern":
        return f"regexp_full_match({own}, {quote(check.text)})"
    raise ValueError(f"{check.kind} is not told of a row")


def _literal(column: Column, value: str) -> str:
    """A declared value; a number as it is written, for 0.5 bounds whole numbers too."""
    if column.type.name in ("int", "bigint", "id", "decimal", "double"):
        return value
    return f"CAST({quote(value)} AS {column.type.sql})"


def prove(cursor: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """ConfigError names the check whose SQL is wrong, or tells by more than the row it is asked of."""
    for spec in stream.tables:
        for check in (check for check in spec.checks if check.is_of_rows):
            columns = {column.name: column for column in spec.columns}
            at = f"{stream.pipeline}: sources.{stream.name}.tables.{spec.name}.checks.{check.name}"
            if check.kind == "expect":
                _prove_pure(cursor, at, check.text, columns)
            if check.kind in ("range", "accepted_values"):
                own = columns[check.columns[0]]
                told = ", ".join(_literal(own, value) for value in (*check.limits.values(), *check.values))
                _run(cursor, at, f"SELECT {told}")
            _prove_bound(cursor, at, condition(check, columns), spec.columns)
    for each in stream.reconcile:
        at = f"{stream.pipeline}: reconcile.{each.name}"
        for side in (each.header, each.lines):
            columns = {column.name: column for column in _spec(stream, side.table).columns}
            _prove_pure(cursor, at, side.amount, columns)
            _prove_bound(cursor, at, f"({side.amount}) + 0 IS NULL", list(columns.values()))


def _spec(stream: Stream, table: str) -> TableSpec:
    return next(spec for spec in stream.tables if spec.name == table)


def _prove_bound(cursor: duckdb.DuckDBPyConnection, at: str, said: str, columns: Sequence[Column]) -> None:
    none = ", ".join(f"CAST(NULL AS {column.type.sql}) AS {name(column.name)}" for column in columns)
    _run(cursor, at, f"SELECT {said} FROM (SELECT {none})")
    _run(cursor, at, f"SELECT 1 FROM (SELECT {none}) WHERE {said}")  # where nothing that adds up rows can stand


def _run(cursor: duckdb.DuckDBPyConnection, at: str, sql: str) -> None:
    import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

    try:
        cursor.execute(sql).fetchall()
    except duckdb.Error as error:
        raise ConfigError(f"{at}: {str(error).splitlines()[0]}") from error


def _prove_pure(cursor: duckdb.DuckDBPyConnection, at: str, text: str, columns: Mapping[str, Column]) -> None:
    """What a check says of a row must be so for ever: it asks no clock, no chance, no other rows."""
    row = cursor.execute("SELECT json_serialize_sql(?)", [f"SELECT {text}"]).fetchone()
    tree = json.loads(str(row[0])) if row is not None else {}
    if tree.get("error"):
        raise ConfigError(f"{at}: {text!r} is no SQL expression: {tree.get('error_message')}")
    selects = [statement["node"] for statement in tree["statements"]]
    if len(selects) != 1 or len(selects[0]["select_list"]) != 1 or selects[0]["from_table"]["type"] != "EMPTY":
        raise ConfigError(f"{at}: {text!r} is not one SQL expression over the table's columns")
    called: set[str] = set()
    for node in _nodes(selects[0]["select_list"][0]):
        if node.get("class") in _ELSEWHERE:
            raise ConfigError(f"{at}: {text!r} asks other rows; it must tell by the row alone")
        if node.get("class") == "FUNCTION":
            function = str(node["function_name"]).lower()
            called.add("today" if function == "age" and len(node["arguments"]) == 1 else function)
    known = {column.lower() for column in columns}
    words = [".".join(node["column_names"]).lower() for node in refs(tree)]
    bad = _impure(cursor, called | (set(words) - known))
    if bad is not None:
        why = "adds up rows" if bad[1] == "aggregate" else "gives another answer each time"
        raise ConfigError(f"{at}: {bad[0]} {why}; a check must tell by the row alone")
    strange = next((word for word in words if word not in known), None)
    if strange is not None:
        raise ConfigError(f"{at}: there is no column {strange}; the table has {', '.join(columns)}")


def _impure(cursor: duckdb.DuckDBPyConnection, called: set[str]) -> tuple[str, str] | None:
    """Of functions (and words that DuckDB takes for one) the first that does not tell by its arguments alone."""
    words = sorted(word for word in called if _WORD.match(word))
    if not words:  # nearly always: the look-up would take a tenth of what a small file does
        return None
    named = ", ".join(map(quote, words))
    clocks = ", ".join(map(quote, _CONSISTENT_CLOCKS))
    return cursor.execute(
        "SELECT function_name, function_type FROM duckdb_functions() "
        f"WHERE function_name IN ({named}) AND (function_type IN ('aggregate', 'table') OR stability <> 'CONSISTENT' "
        f"OR function_name IN ({clocks}) OR regexp_matches(macro_definition, {quote(_CLOCKS)}, 'i')) "
        "ORDER BY 1 LIMIT 1"
    ).fetchone()


def refs(tree: object, hidden: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """The references to columns in an expression that DuckDB has parsed, those to parameters of lambdas apart."""
    found: list[dict[str, Any]] = []
    if isinstance(tree, dict):
        if tree.get("class") == "COLUMN_REF":
            return [tree] if tree["column_names"][0].lower() not in hidden else []
        if tree.get("class") == "LAMBDA" and tree.get("syntax_type") != "SINGLE_ARROW":  # which is JSON's
            hidden = hidden | _parameters(tree.get("lhs"))
            return refs(tree.get("expr"), hidden)
        for each in tree.values():
            found += refs(each, hidden)
    elif isinstance(tree, list):
        for each in tree:
            found += refs(each, hidden)
    return found


def _parameters(tree: Mapping[str, Any] | None) -> frozenset[str]:
    return frozenset(node["column_names"][0].lower() for node in refs(tree))


def _nodes(tree: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for each in tree.values():
            yield from _nodes(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from _nodes(each)
