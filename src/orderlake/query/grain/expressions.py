"""Expressions: what they hold, what they add up, and what a condition pins.

Wherever something is not understood it is taken to pin, so that the lint stays silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from sqlglot import exp

from orderlake.query.grain.facts import singular
from orderlake.query.grain.relation import (
    CONSTANT,
    NONE,
    UNKNOWN,
    Attrs,
    Dependency,
    Numbers,
    Term,
    Value,
    implies,
)
from orderlake.query.grain.scope import Scope

_RANKS: Final = (exp.RowNumber, exp.Rank, exp.DenseRank)
_PICKS: Final = (exp.Max, exp.Min, exp.AnyValue, exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.Avg)
_SAME: Final = (exp.Paren, exp.Alias, exp.Lower, exp.Upper, exp.Trim, exp.IgnoreNulls, exp.RespectNulls)
_SCALED: Final = (exp.Paren, exp.Alias, exp.Cast, exp.TryCast, exp.Neg, exp.Round, exp.Abs, exp.Floor, exp.Ceil)
_EQUAL: Final = (exp.EQ, exp.NullSafeEQ)
_RANGES: Final = (exp.LT, exp.LTE, exp.GT, exp.GTE)
_TIMES: Final = (exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ)
_QUERIES: Final = (exp.Query, exp.Subquery)

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""


def own(node: exp.Expr) -> Iterator[exp.Expr]:
    """The node and all below it that belongs to the same SELECT."""
    yield from node.walk(prune=lambda one: isinstance(one, _QUERIES))


def bare(node: Node) -> Node:
    """An expression without what gives another value for another value: parentheses, casts to text or number, case."""
    while True:
        cast = isinstance(node, exp.Cast | exp.TryCast) and node.to.this not in _TIMES
        filled = isinstance(node, exp.Coalesce) and not any(one.find(exp.Column) for one in node.expressions)
        if not (cast or filled or isinstance(node, _SAME)):
            return node
        node = node.this


def conjuncts(condition: Node) -> Iterator[Node]:
    """The conditions that all have to hold."""
    while isinstance(condition, exp.Paren | exp.Where | exp.Having | exp.Qualify):
        condition = condition.this
    if isinstance(condition, exp.And):
        yield from conjuncts(condition.this)
        yield from conjuncts(condition.expression)
    else:
        yield condition


class Reader:
    """Reads the expressions of one SELECT. `found` are dependencies of the attributes made on the way."""

    def __init__(self, scope: Scope, numbers: Numbers) -> None:
        self.scope = scope
        self.found: list[Dependency] = []
        self._numbers = numbers
        self._values: dict[exp.Expr, Value] = {}

    def new(self) -> int:
        """An attribute nobody has."""
        return self._numbers.new()

    def value(self, node: Node) -> Value:
        """What an expression holds."""
        inner = bare(node)
        if isinstance(inner, exp.Column):
            value = self.scope.value(inner)
            return value if inner is node or not value.dated else replace(value, dated=False)
        if inner not in self._values:  # the same expression twice has the same value: in SELECT and in GROUP BY
            self._values[inner] = self._made_up(inner)
        return self._values[inner]

    def _made_up(self, node: Node) -> Value:
        if isinstance(node, exp.Window):
            return self._window(node)
        if any(isinstance(one, _QUERIES) for one in own(node)):
            return UNKNOWN
        used = self.attrs(node)
        return Value(self._made(used), self.terms(node), isinstance(node, exp.Count)) if used else UNKNOWN

    def attrs(self, node: exp.Expr) -> Attrs:
        """The attributes of all columns and windows in an expression."""
        return frozenset(
            self._attr(one)
            for one in node.walk(prune=lambda one: isinstance(one, (*_QUERIES, exp.Window)))
            if isinstance(one, exp.Column | exp.Window)
        )

    def _attr(self, node: exp.Column | exp.Window) -> int:
        return self.scope.value(node).attr if isinstance(node, exp.Column) else self._window(node).attr

    def _made(self, given: Iterable[int]) -> int:
        attr = self._numbers.new()
        self.found.append(implies(given, [attr]))
        return attr

    def _window(self, window: Node) -> Value:
        """What a window function gives: ranks tell rows of a partition apart, the rest is of the partition."""
        rows = self.scope.relation.rows
        call = window.this.this if isinstance(window.this, exp.Filter) else window.this
        within = [self.value(one).attr for one in window.args.get("partition_by") or []]
        if isinstance(call, _RANKS):
            attr = self._made(rows)
            self.found.append(implies([*within, attr], rows))
            return Value(attr)
        if window.args.get("order") is not None or not within:
            return Value(self._made(rows), counts=isinstance(call, exp.Count))
        partition = self._made(within)
        self.found.append(implies([partition], within))
        attr = self._made([partition])
        if isinstance(call, exp.Count):
            return Value(attr, counts=True)
        picked = self.picked(call, frozenset(within))
        noun = noun_of(window.args["partition_by"])
        total = Term(frozenset([partition]), noun, "", adds_up=isinstance(call, exp.Sum))
        return Value(attr, picked or (total,))

    def picked(self, call: Node, given: Attrs) -> tuple[Term, ...]:
        """The terms of a column that is the same in all rows of a group, when the call picks one of them."""
        call = bare(call)
        if not isinstance(call, _PICKS) or not isinstance(bare(call.this), exp.Column):
            return ()
        value = self.scope.value(bare(call.this))
        same = value.attr in self.scope.relation.determined(given, self.found) and value.attr != CONSTANT
        return value.terms if same else ()

    def terms(self, node: Node) -> tuple[Term, ...]:
        """What is added up when this is summed; nothing when that cannot be told."""
        match node:
            case exp.Column():
                terms = self.scope.value(node).terms
            case exp.Window():
                terms = self._window(node).terms
            case exp.Add() | exp.Sub():
                terms = (*self.terms(node.this), *self.terms(node.expression))
            case exp.Case():
                terms = self._case(node)
            case exp.If():
                terms = (*self._when(node), *self._maybe(node.args.get("false")))
            case _:
                terms = self.terms(node.this) if _is_scaled(node) else self._mixed(node)
        return terms

    def _case(self, node: Node) -> tuple[Term, ...]:
        terms = self._maybe(node.args.get("default"))
        subject = node.this
        for branch in node.args["ifs"]:
            when = exp.EQ(this=subject.copy(), expression=branch.this.copy()) if subject is not None else branch.this
            terms += self._when(exp.If(this=when, true=branch.args["true"].copy()))
        return terms

    def _when(self, branch: Node) -> tuple[Term, ...]:
        given = tuple(self.assume(branch.this))
        return tuple(replace(term, given=(*term.given, *given)) for term in self.terms(branch.args["true"]))

    def _maybe(self, node: exp.Expr | None) -> tuple[Term, ...]:
        return () if node is None else self.terms(node)

    def _mixed(self, node: exp.Expr) -> tuple[Term, ...]:
        """A product and the like is of all the rows that its columns are of, together.

        A share by a number of rows (`total_amount / line_count`) is a way to count each total once.
        """
        if any(isinstance(one, (*_QUERIES, exp.Window)) for one in node.walk()) or self._shared(node):
            return ()
        parts = [self.scope.value(one).terms for one in _valued(node)]
        if not parts or not all(parts):
            return ()
        every = [term for terms in parts for term in terms]
        leading = next((term for term in every if term.money), every[0])
        return (
            replace(
                leading,
                owners=NONE.union(*(term.owners for term in every)),
                adds_up=any(term.adds_up for term in every),
                given=tuple(one for term in every for one in term.given),
            ),
        )

    def _shared(self, node: exp.Expr) -> bool:
        return any(
            isinstance(one, exp.Div) and any(self.scope.value(c).counts for c in one.expression.find_all(exp.Column))
            for one in node.walk()
        )

    def assume(self, condition: Node) -> list[Dependency]:
        """What holds for the rows that meet a condition."""
        known: list[Dependency] = []
        for one in conjuncts(condition):
            if isinstance(one, _EQUAL):
                known += self._equal(one.this, one.expression)
            elif isinstance(one, exp.In) and len(one.expressions) == 1:
                known += self._equal(one.this, one.expressions[0])
            elif isinstance(bare(one), exp.Column) or isinstance(one, exp.Not | exp.Is):
                known += self._told(one)
            elif isinstance(one, exp.Or):
                known += self._either(one)
            elif isinstance(one, (*_RANGES, exp.Between)):
                known += self._ranged(one)
        return known

    def _equal(self, left: Node, right: Node) -> list[Dependency]:
        pairs = [(left, right)]
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            pairs = list(zip(left.expressions, right.expressions, strict=False))
        known = []
        sides = [(one, other) for a, b in pairs for one in _either_of(a) for other in _either_of(b)]
        for one, other in sides:
            for this, that in ((one, other), (other, one)):
                if isinstance(bare(this), exp.Column | exp.Window):
                    known.append(implies(self.attrs(that) or [CONSTANT], [self.value(this).attr]))
        return known

    def _told(self, node: Node) -> list[Dependency]:
        """A column that is true, is not, or is NULL, is constant."""
        inner = node.this if isinstance(node, exp.Not | exp.Is) else node
        return [implies([CONSTANT], [self.value(inner).attr])] if isinstance(bare(inner), exp.Column) else []

    def _either(self, node: exp.Or) -> list[Dependency]:
        """A column that each alternative equates with other columns is taken to be pinned by them."""
        ways = [
            [(one.this, one.expression) for one in conjuncts(way) if isinstance(one, _EQUAL)]
            for way in node.flatten()
            if not all(isinstance(one, exp.Is) for one in conjuncts(way))
        ]
        sides = [{self.value(s).attr: self.attrs(o) for a, b in way for s, o in ((a, b), (b, a))} for way in ways]
        common = set(sides[0]).intersection(*sides[1:]) - {CONSTANT} if sides else set()
        known = [(NONE.union(*(side[attr] for side in sides)), attr) for attr in common]
        return [implies(given, [attr]) for given, attr in known if given]

    def _ranged(self, node: Node) -> list[Dependency]:
        """A range of a key's dates is taken to leave one row, as is what is at most 1."""
        if isinstance(node, exp.LT | exp.LTE) and isinstance(bare(node.this), exp.Column | exp.Window):
            least = "1" if isinstance(node, exp.LTE) else "2"
            if isinstance(node.expression, exp.Literal) and node.expression.name == least:
                return [implies([CONSTANT], [self.value(node.this).attr])]
        sides = [one for one in (node.this, node.expression, node.args.get("low"), node.args.get("high")) if one]
        values = [self.value(one) for one in sides]
        dated = [value.attr for value in values if value.dated]
        others = [value.attr for value in values if not value.dated]
        return [implies(others or [CONSTANT], dated)] if dated else []


def _either_of(side: Node) -> list[Node]:
    """The columns of `coalesce(a.key, b.key)`, as after full joins: it is equal to the one that is there."""
    parts = [side.this, *side.expressions] if isinstance(side, exp.Coalesce) else []
    return [one for one in parts if isinstance(bare(one), exp.Column)] or [side]


def _is_scaled(node: Node) -> bool:
    """Whether an expression is its first part in another measure: rounded, cast, or with a constant for NULL."""
    if isinstance(node, exp.Coalesce | exp.Nullif):
        others = [*node.expressions, node.args.get("expression")]
        return not any(one is not None and one.find(exp.Column) for one in others)
    return isinstance(node, _SCALED)


def _valued(node: Node) -> Iterator[exp.Column]:
    """The columns whose values go into a number, not those that only decide."""
    if isinstance(node, exp.Column):
        yield node
    elif isinstance(node, exp.Case):
        for branch in node.args["ifs"]:
            yield from _valued(branch.args["true"])
        if node.args.get("default") is not None:
            yield from _valued(node.args["default"])
    else:
        for child in node.iter_expressions():
            yield from _valued(child)


def noun_of(columns: Iterable[exp.Expr]) -> str:
    """What a group is called, by its columns: `order_id` groups are orders.

    >>> noun_of([exp.column("order_id"), exp.column("category")])
    'order and category'
    """
    names = [singular(one.alias_or_name.removesuffix("_id")) for one in columns if one.alias_or_name]
    return " and ".join(names) or "group"
