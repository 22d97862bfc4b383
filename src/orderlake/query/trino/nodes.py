"""Parts of a typed statement, and how a construct is refused."""

from __future__ import annotations

from typing import Any, Final, cast

from sqlglot import exp

from orderlake.errors import QueryError

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""


INTEGERS: Final = frozenset(exp.DataType.INTEGER_TYPES)


FLOATS: Final = frozenset({exp.DType.DOUBLE, exp.DType.FLOAT})


TEXTS: Final = frozenset(exp.DataType.TEXT_TYPES)


DATES: Final = frozenset({exp.DType.DATE})


STAMPS: Final = frozenset({exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.DATETIME})


ZONED: Final = frozenset({exp.DType.TIMESTAMPTZ})


LISTS: Final = frozenset({exp.DType.ARRAY, exp.DType.LIST})


def no(node: exp.Expr, remedy: str) -> QueryError:
    """A refusal that shows the construct and what to write instead."""
    text = node.sql("duckdb")
    shown = text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004 - a line of a terminal
    return QueryError(f"`{shown}` does not mean the same in Athena: {remedy}, or ask DuckDB with --on duckdb")


def is_a(node: exp.Expr | None, kinds: frozenset[exp.DType]) -> bool:
    """Whether the type of an expression is known and among these."""
    return node is not None and node.type is not None and node.type.this in kinds


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call by its Trino name; nothing translates it further."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def kept(node: Node) -> exp.Expr:
    """The expression as it is."""
    return cast("exp.Expr", node)


def as_double(node: exp.Expr) -> exp.Expr:
    """The expression in floating point."""
    return node if is_a(node, FLOATS) else exp.cast(node, exp.DType.DOUBLE)


def stamp(zone: str = "") -> exp.DataType:
    """Microseconds, as DuckDB and Iceberg have them: Trino's plain TIMESTAMP cuts at milliseconds."""
    return exp.DataType.build(f"TIMESTAMP(6){zone}", dialect="trino")


def in_utc(moment: exp.Expr) -> exp.Expr:
    """A moment of any zone, told in UTC: Trino keeps the zone, and takes days and hours by it; DuckDB by UTC, here."""
    return call("AT_TIMEZONE", moment, exp.Literal.string("UTC"))
