"""What stands in FROM, as relations: known tables with their levels, VALUES, series, unnested lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlglot import exp

from orderlake.query.grain.facts import Fact, TableGrain
from orderlake.query.grain.relation import (
    NONE,
    Attrs,
    Dependency,
    Numbers,
    Relation,
    Row,
    Term,
    Value,
    implies,
)

_TOTAL: Final = re.compile(
    r"(^|_)(total|subtotal|amount|revenue|sales|paid|spent|sum|tax|freight|shipping|discounts?|refund(ed)?|payment)s?(_|$)"
)
_COUNTED: Final = re.compile(r"(^|_)(units|quantity|count)$")
_NUMBERS: Final = ("DECIMAL", "DOUBLE", "FLOAT")
_NO_MONEY: Final = re.compile(r"(^|_)(rate|pct|percent|lat|lng|latitude|longitude|weight|score|average|avg)(_|$)")

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""


def scan(grain: TableGrain, numbers: Numbers) -> Relation:
    """One reference to a known table: a row per level, its columns, and what tells its rows apart."""
    attrs = {column: numbers.new() for column in grain.columns}
    rows = [numbers.new() for _ in grain.levels]
    dated = {c for level in grain.levels for key in level.keys for c in key if _is_time(grain.columns[c])}
    found: list[Dependency] = []
    members: dict[int, Row] = {}
    for at, level in enumerate(grain.levels):
        above = rows[at - 1 : at] if at else []
        keys = [frozenset(attrs[column] for column in key) for key in level.keys]
        found += [implies(key, [rows[at]]) for key in keys]
        found += [implies([*above, attrs[column]], [rows[at]]) for column in level.positions]
        found.append(
            implies([rows[at]], [*above, *(attrs[c] for c, fact in grain.columns.items() if fact.level == at)])
        )
        wholes = [frozenset(above), *(key - {one} for key in keys[:1] for one in key)]
        members[rows[at]] = Row(
            rows[at], level.noun, grain.name, tuple(one for one in wholes if one), keyless=grain.keyless
        )
    columns = {
        name: Value(attrs[name], (_term(grain, name, fact, rows[fact.level]),), dated=name in dated)
        for name, fact in grain.columns.items()
    }
    return Relation(columns, frozenset(rows[-1:]), tuple(found), members, open=True)


def _term(grain: TableGrain, column: str, fact: Fact, row: int) -> Term:
    exact = fact.type.startswith(_NUMBERS) and not _NO_MONEY.search(column)
    total = (exact and _TOTAL.search(column) is not None) or _COUNTED.search(column) is not None
    return Term(frozenset([row]), column, grain.name, adds_up=total, money=exact)


def _is_time(fact: Fact) -> bool:
    return fact.type.startswith(("DATE", "TIMESTAMP"))


def values(node: exp.Values, numbers: Numbers) -> Relation:
    """Written rows: a column is a key when all its values differ; a single row is no row to speak of."""
    rows = [one.expressions if isinstance(one, exp.Tuple) else [one] for one in node.expressions]
    names = [one.name.lower() for one in node.args["alias"].columns] if node.args.get("alias") else []
    width = len(rows[0]) if rows else 0
    names += [f"col{at}" for at in range(len(names), width)]
    row = numbers.new()
    attrs = [numbers.new() for _ in range(width)]
    found = [implies([row], attrs)]
    for at, attr in enumerate(attrs):
        texts = [one[at].sql() for one in rows if at < len(one)]
        if len(set(texts)) == len(rows):
            found.append(implies([attr] if len(rows) > 1 else NONE, [row]))
    return Relation(
        {name: Value(attr) for name, attr in zip(names, attrs, strict=False)},
        frozenset([row]),
        tuple(found),
        {row: Row(row, "written row", "VALUES")},
    )


def series(names: Sequence[str], numbers: Numbers) -> Relation:
    """Generated values, each of which occurs once."""
    row, attr = numbers.new(), numbers.new()
    found = (implies([row], [attr]), implies([attr], [row]))
    return Relation(
        {name: Value(attr) for name in names}, frozenset([row]), found, {row: Row(row, "value", "the series")}
    )


def unnested(node: Node, names: Sequence[str], beside: Attrs, numbers: Numbers) -> Relation:
    """The elements of a list of each row beside it, which are taken to differ within the row."""
    lists = node.expressions if isinstance(node, exp.Unnest) else [node.this]
    if all(isinstance(one, exp.GenerateSeries | exp.Array) for one in lists):
        return series(names, numbers)
    row, attr = numbers.new(), numbers.new()
    found = (implies([row], [attr, *beside]), implies([*beside, attr], [row]))
    return Relation(
        dict.fromkeys(names, Value(attr)),
        frozenset([row]),
        found,
        {row: Row(row, "element of the list", "UNNEST", (beside,) if beside else ())},
    )


def unknown() -> Relation:
    """A table of which nothing is known: any column may be in it, and it is taken to repeat nothing."""
    return Relation(open=True)
