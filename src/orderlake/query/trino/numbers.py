"""Arithmetic, casts and comparisons."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from orderlake.query.trino.nodes import (
    DATES,
    FLOATS,
    INTEGERS,
    STAMPS,
    TEXTS,
    ZONED,
    Node,
    as_double,
    call,
    in_utc,
    is_a,
    kept,
    no,
    stamp,
)

_EXACT: Final = frozenset({exp.DType.DECIMAL, exp.DType.BOOLEAN, exp.DType.NULL, exp.DType.INT128})
_WHOLE: Final = (exp.Round, exp.Floor, exp.Ceil, exp.Trunc)
"""What gives a whole number, so that a cast has nothing left to round."""

_AS_TEXT: Final = INTEGERS | TEXTS | DATES | {exp.DType.DECIMAL, exp.DType.BOOLEAN, exp.DType.NULL, exp.DType.INT128}


_CASTS: Final = (
    INTEGERS | TEXTS | DATES | STAMPS | ZONED | FLOATS | {exp.DType.DECIMAL, exp.DType.BOOLEAN, exp.DType.INT128}
)


def div(node: Node) -> exp.Expr:
    """DuckDB divides in floating point, and by zero to infinity; Trino would cut integers and round decimals."""
    if any(is_a(side, frozenset({exp.DType.INTERVAL})) for side in (node.this, node.expression)):
        raise no(node, "divide numbers")
    return exp.Div(this=as_double(node.this), expression=node.expression, typed=True, safe=False)


def int_div(node: Node) -> exp.Expr:
    """`//` of whole numbers, which is what Trino's own division does; of decimals it is something else in DuckDB."""
    if not (is_a(node.this, INTEGERS) and is_a(node.expression, INTEGERS)):
        raise no(node, "write floor(a / b)")
    return exp.Div(this=node.this, expression=node.expression, typed=True, safe=False)


def avg(node: Node) -> exp.Expr:
    """Of decimals Trino gives a decimal, rounded to their scale."""
    return exp.Avg(this=as_double(node.this))


def _is_days(node: Node) -> bool:
    """A whole number; sqlglot takes an interval times a number for one too."""
    return is_a(node, INTEGERS) and node.find(exp.Interval) is None


def add(node: Node) -> exp.Expr:
    """Days added to a date; other sums are the same."""
    for date, days in ((node.this, node.expression), (node.expression, node.this)):
        if is_a(date, DATES) and _is_days(days):
            return call("DATE_ADD", exp.Literal.string("day"), days, date)
    return kept(node)


def sub(node: Node) -> exp.Expr:
    """Days between dates, and days taken from a date; other differences are the same."""
    if is_a(node.this, DATES) and is_a(node.expression, DATES):
        return call("DATE_DIFF", exp.Literal.string("day"), node.expression, node.this)
    if is_a(node.this, DATES) and _is_days(node.expression):
        return call("DATE_ADD", exp.Literal.string("day"), exp.Neg(this=exp.paren(node.expression)), node.this)
    return _no_stamps(node)


def _no_stamps(node: Node) -> exp.Expr:
    sides = (node.this, node.expression)
    if all(is_a(side, DATES | STAMPS | ZONED) for side in sides):
        raise no(node, "write date_diff('hour', a, b)")
    return kept(node)


def cast(node: Node) -> exp.Expr:
    """Casts whose result is the same, to types that both have."""
    target, value = node.to.this, node.this
    if target not in _CASTS or node.to.args.get("nested"):
        raise no(node, "cast to a number, text, date, timestamp or boolean")
    if target in TEXTS:
        readable(node, value)
    rounded = isinstance(value, _WHOLE) or is_a(value, INTEGERS | TEXTS | _EXACT)
    if target in INTEGERS | {exp.DType.INT128} and not rounded:
        raise no(node, "half is rounded otherwise there: write CAST(round(x) AS …)")
    if target in STAMPS | ZONED:
        node.set("to", stamp(" WITH TIME ZONE" if target in ZONED else ""))
        return in_utc(node.copy()) if target in ZONED and is_a(value, TEXTS) else kept(node)
    if target == exp.DType.INT128:
        node.set("to", exp.DataType.build("DECIMAL(38, 0)"))
    return kept(node)


def readable(node: exp.Expr, value: exp.Expr) -> None:
    """Floating numbers and timestamps read otherwise as text there."""
    if is_a(value, STAMPS | ZONED):
        raise no(node, "write strftime(x, '%Y-%m-%d %H:%M:%S')")
    if not is_a(value, _AS_TEXT):
        raise no(node, "floating numbers read otherwise there: CAST(x AS DECIMAL(18,2)) first")


def compared(node: Node) -> exp.Expr:
    """A date compared with a text: DuckDB reads the text as a date, Trino needs to be told."""
    parts = [
        node.this,
        *(node.args.get(part) for part in ("expression", "low", "high")),
        *node.args.get("expressions", []),
    ]
    given = [part for part in parts if isinstance(part, exp.Expr)]
    for kinds, kind in ((ZONED, stamp(" WITH TIME ZONE")), (STAMPS, stamp()), (DATES, exp.DataType.build("DATE"))):
        if any(is_a(part, kinds) for part in given):
            for part in given:
                if isinstance(part, exp.Literal) and part.is_string:
                    part.replace(exp.Cast(this=part.copy(), to=kind.copy()))
            break
    return kept(node)


def best(node: Node) -> exp.Expr:
    """DuckDB's greatest and least pass over NULL; Trino's give NULL."""
    kind, first = type(node), node.this
    for other in node.expressions:
        first = exp.Coalesce(
            this=kind(this=first.copy(), expressions=[other.copy()]), expressions=[first.copy(), other.copy()]
        )
    return kept(first)
