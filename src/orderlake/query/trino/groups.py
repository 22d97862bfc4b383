"""Aggregates and lists."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from orderlake.query.trino.nodes import LISTS, Node, call, is_a, kept, no
from orderlake.query.trino.numbers import readable


def string_agg(node: Node) -> exp.Expr:
    """LISTAGG needs an order and overflows at 1 MB; an array joined does neither."""
    what, order, distinct = node.this, None, False
    if isinstance(what, exp.Order):
        order, what = what, what.this
    if isinstance(what, exp.Distinct):
        distinct, what = True, what.expressions[0]
    readable(node, what)
    if isinstance(node.parent, exp.Filter | exp.Window):
        raise no(node.parent, "write string_agg(CASE WHEN … THEN x END, …)")
    inner: exp.Expr = exp.Distinct(expressions=[what.copy()]) if distinct else what.copy()
    if order is not None:
        inner = exp.Order(this=inner, expressions=order.expressions)
    some = exp.Filter(
        this=exp.ArrayAgg(this=inner),
        expression=exp.Where(this=exp.Not(this=exp.Is(this=what.copy(), expression=exp.null()))),
    )
    return call("ARRAY_JOIN", some, node.args.get("separator") or exp.Literal.string(","))


def arg_best(name: str) -> Callable[[Node], exp.Expr]:
    """DuckDB passes over rows without a value; max_by does not."""

    def change(node: Node) -> exp.Expr:
        if node.args.get("count"):
            raise no(node, "ask for one")
        if isinstance(node.parent, exp.Filter | exp.Window):
            raise no(node.parent, "write QUALIFY row_number() …")
        present = exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.null()))
        return exp.Filter(this=call(name, node.this, node.expression), expression=exp.Where(this=present))

    return change


def any_value(node: Node) -> exp.Expr:
    """Both pass over NULL."""
    return call("ARBITRARY", node.this)


def ignore_nulls(node: Node) -> exp.Expr:
    """`any_value` is read as IGNORE NULLS, which ARBITRARY does by itself."""
    arbitrary = isinstance(node.this, exp.Anonymous) and node.this.name == "ARBITRARY"
    return node.this if arbitrary else kept(node)


def count(node: Node) -> exp.Expr:
    """`count()` counts rows."""
    return kept(node) if node.this is not None else exp.Count(this=exp.Star())


def element(node: Node) -> exp.Expr:
    """Outside of a list is NULL in DuckDB, an error for Trino's brackets."""
    if not is_a(node.this, LISTS) or len(node.expressions) != 1:
        raise no(node, "take an element of a list")
    at = node.expressions[0]
    number = at.this if isinstance(at, exp.Neg) else at
    if not isinstance(number, exp.Literal):
        raise no(node, "write the number")
    position = (int(number.name) if number is at else -int(number.name)) + 1  # sqlglot counts from 0
    return call("ELEMENT_AT", node.this, exp.Literal.number(position))


def unnest(node: Node) -> exp.Expr:
    """Trino spreads a struct over columns where DuckDB gives it as one: only lists of plain values are taken apart."""
    for one in node.expressions:
        inner = one.type.expressions[0] if is_a(one, LISTS) and one.type.expressions else None
        if inner is None or inner.this in {exp.DType.STRUCT, exp.DType.UNKNOWN, *LISTS}:
            raise no(node, "UNNEST a list of plain values")
    return kept(node)
