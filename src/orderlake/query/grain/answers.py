"""What a SELECT gives: its columns, what a row of it is, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlglot import exp

from orderlake.query.grain.expressions import Reader, bare, noun_of, own
from orderlake.query.grain.relation import (
    CONSTANT,
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
from orderlake.query.grain.scope import Scope
from orderlake.query.grain.tables import unnested

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""
_SETS: Final = ("rollup", "cube", "grouping_sets")


def is_aggregate(node: exp.Expr) -> bool:
    """Whether an expression is made of an aggregate over the rows of its SELECT, not of a window."""
    return any(True for _ in aggregates(node))


def aggregates(node: exp.Expr) -> Iterator[exp.Expr]:
    """The aggregate calls of an expression."""
    for one in own(node):
        if isinstance(one, exp.AggFunc) or (isinstance(one, exp.Anonymous) and one.name.lower() in AVERAGES | SUMS):
            around = one.parent
            while isinstance(around, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
                around = around.parent
            if not isinstance(around, exp.Window):
                yield one


AVERAGES: Final = frozenset({"mean", "favg"})
SUMS: Final = frozenset({"fsum", "sumkahan", "kahan_sum", "sum_no_overflow"})


def grouping(select: Node) -> tuple[list[exp.Expr], bool]:
    """The expressions by which a SELECT groups, and whether each answer is of one value of each (not with ROLLUP)."""
    group = select.args.get("group")
    if group is None:
        return [], True
    if group.args.get("all"):
        return [one.unalias() for one in select.selects if not is_aggregate(one) and one.find(exp.Column)], True
    named = {one.alias.lower(): one.this for one in select.selects if isinstance(one, exp.Alias)}
    given, plain = list(group.expressions), True
    for kind in _SETS:
        for one in group.args.get(kind) or []:
            given += one.find_all(exp.Column)
            plain = False
    for one in list(given):
        if isinstance(one, exp.Rollup | exp.Cube | exp.GroupingSets):
            given.remove(one)
            given += one.find_all(exp.Column)
            plain = False
    return [_meant(one, select, named) for one in given], plain


def _meant(node: Node, select: Node, named: Mapping[str, exp.Expr]) -> exp.Expr:
    if isinstance(node, exp.Literal) and not node.is_string and 0 < int(node.name) <= len(select.selects):
        found: exp.Expr = select.selects[int(node.name) - 1].unalias()
        return found
    if isinstance(node, exp.Column) and not node.table and node.name.lower() in named:
        return named[node.name.lower()]
    if isinstance(node, exp.Paren):
        return _meant(node.this, select, named)
    meant: exp.Expr = node
    return meant


def projected(select: Node, scope: Scope) -> Iterator[tuple[str, exp.Expr | Value]]:
    """The columns of a SELECT by name, stars written out."""
    for one in select.expressions:
        star = one if isinstance(one, exp.Star) else one.this if isinstance(one, exp.Column) else None
        if isinstance(star, exp.Star):
            yield from _starred(star, one, scope)
        else:
            yield (one.alias_or_name or one.sql("duckdb")).lower(), one.unalias()


def _starred(star: Node, node: Node, scope: Scope) -> Iterator[tuple[str, exp.Expr | Value]]:
    left_out = {one.name.lower() for one in star.args.get("except_") or []}
    replaced = {one.alias.lower(): one.this for one in star.args.get("replace") or []}
    renamed = {one.this.name.lower(): one.alias.lower() for one in star.args.get("rename") or []}
    table = node.table.lower() if isinstance(node, exp.Column) else ""
    seen: set[str] = set()
    for alias, source in scope.sources.items():
        if table in ("", alias):
            for name, value in source.columns.items():
                if name not in left_out and not (name in scope.merged and name in seen):
                    seen.add(name)
                    yield renamed.get(name, name), replaced.get(name, value)


def plain_answer(select: Node, reader: Reader, numbers: Numbers) -> Relation:
    """The answer without groups: the rows of FROM, unless a list is unnested beside them."""
    scope = reader.scope
    columns: dict[str, Value] = {}
    relation = scope.relation
    for name, one in projected(select, scope):
        if isinstance(one, exp.Expr):
            lists = list(one.find_all(exp.Explode))
            for each in lists:
                element = unnested(each, [name], relation.rows, numbers)
                relation = replace(
                    relation,
                    rows=relation.rows | element.rows,
                    dependencies=(*relation.dependencies, *element.dependencies),
                    members={**relation.members, **element.members},
                )
                columns.setdefault(name, element.columns[name])
            if lists:
                continue
        columns.setdefault(name, one if isinstance(one, Value) else reader.value(one))
    hidden = any(source.open and not source.columns for source in scope.sources.values())
    return replace(
        relation,
        columns=columns,
        dependencies=(*relation.dependencies, *reader.found),
        open=hidden and any(one.is_star for one in select.expressions),
    )


def grouped_answer(select: Node, reader: Reader, group: list[exp.Expr], numbers: Numbers) -> Relation:
    """The answer with groups: a row per group."""
    relation = reader.scope.relation
    row = numbers.new()
    attrs = frozenset(reader.value(one).attr for one in group)
    known = relation.determined(attrs, reader.found)
    columns: dict[str, Value] = {}
    for name, one in projected(select, reader.scope):
        if isinstance(one, Value):
            columns.setdefault(name, one)
        elif not is_aggregate(one):
            columns.setdefault(name, reader.value(one))
        else:
            columns.setdefault(name, _aggregated(name, one, reader, known, row))
    made = [value.attr for value in columns.values() if value.attr not in known]
    wholes = tuple(attrs - {one} for one in attrs if len(attrs) > 1)
    member = Row(row, noun_of(group), "", wholes)
    return Relation(
        columns,
        frozenset([row]),
        (*relation.dependencies, *reader.found, implies(attrs, [row]), implies([row], [*attrs, *made])),
        {**relation.members, row: member},
    )


def _aggregated(name: str, node: Node, reader: Reader, known: Attrs, row: int) -> Value:
    """What an aggregate gives: the group's own, unless it picks what is the same in all its rows."""
    calls = list(aggregates(node))
    outer = bare(node)
    if isinstance(outer, exp.Filter):
        outer = outer.this
    picked = reader.picked(outer, known)
    if picked:
        return Value(reader.new(), picked)
    adds_up = all(isinstance(one, exp.Sum | exp.Count) for one in calls) and node.find(exp.Div) is None
    counts = all(isinstance(one, exp.Count) for one in calls)
    money = any(isinstance(one, exp.Sum) for one in calls)
    return Value(reader.new(), (Term(frozenset([row]), name, "", adds_up=adds_up, money=money),), counts)


def finished(select: Node, answer: Relation, reader: Reader, numbers: Numbers) -> Relation:
    """The answer after QUALIFY, DISTINCT and LIMIT."""
    more: list[Dependency] = []
    if select.args.get("qualify") is not None:
        more += reader.assume(select.args["qualify"].this)
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on") is not None:
        on = distinct.args["on"]
        given = on.expressions if isinstance(on, exp.Tuple) else [on]
        more.append(implies([reader.value(one).attr for one in given], answer.rows))
        distinct = None
    answer = answer.with_dependencies([*reader.found, *more])
    return limited(select, answer if distinct is None else distinct_rows(answer, numbers))


def distinct_rows(answer: Relation, numbers: Numbers) -> Relation:
    """The answer with equal rows made one: its columns tell its rows apart."""
    if answer.open:
        return answer
    row = numbers.new()
    attrs = frozenset(value.attr for value in answer.columns.values()) - {CONSTANT}
    wholes = tuple(attrs - {one} for one in attrs if len(attrs) > 1)
    return replace(
        answer,
        rows=frozenset([row]),
        dependencies=(*answer.dependencies, implies(attrs, [row]), implies([row], attrs)),
        members={**answer.members, row: Row(row, noun_of(map(exp.column, answer.columns)), "", wholes)},
    )


def limited(query: Node, answer: Relation) -> Relation:
    """The answer after LIMIT: with LIMIT 1 there is one row."""
    limit = query.args.get("limit")
    count = limit.expression if isinstance(limit, exp.Limit) else limit.args.get("count") if limit is not None else None
    one = isinstance(count, exp.Literal) and count.name == "1"
    return answer.with_dependencies([implies(NONE, answer.rows)]) if one else answer
