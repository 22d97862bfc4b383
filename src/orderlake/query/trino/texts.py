"""Functions of text."""

from __future__ import annotations

import re

from sqlglot import exp

from orderlake.query.trino.nodes import LISTS, Node, call, is_a, kept, no
from orderlake.query.trino.numbers import readable


def joined(node: Node) -> exp.Expr:
    """Texts joined; sqlglot minds what NULL does in each way to join them."""
    for part in (node.this, node.expression) if isinstance(node, exp.DPipe) else node.expressions:
        readable(node, part)
    return kept(node)


def length(node: Node) -> exp.Expr:
    """Characters of a text, elements of a list."""
    return call("CARDINALITY" if is_a(node.this, LISTS) else "LENGTH", node.this)


def substring(node: Node) -> exp.Expr:
    """Positions from 1; DuckDB and Trino differ about those before."""
    start = node.args.get("start")
    if not isinstance(start, exp.Literal) or start.name == "0":
        raise no(node, "start at a number from 1")
    return call("SUBSTR", node.this, *(part for part in (start, node.args.get("length")) if part is not None))


def end(node: Node) -> exp.Expr:
    """Texts shorter than what is asked for are whole; sqlglot's own translation gives nothing for them."""
    count = node.expression
    if not isinstance(count, exp.Literal):
        raise no(node, "write a number")
    if isinstance(node, exp.Left):
        return call("SUBSTR", node.this, exp.Literal.number(1), count)
    start = exp.Add(
        this=exp.Sub(this=call("LENGTH", node.this.copy()), expression=count), expression=exp.Literal.number(1)
    )
    return call("SUBSTR", node.this, call("GREATEST", start, exp.Literal.number(1)))


def contains(node: Node) -> exp.Expr:
    """A text in a text, or an element in a list."""
    if is_a(node.this, LISTS):
        return call("CONTAINS", node.this, node.expression)
    return exp.GT(this=call("STRPOS", node.this, node.expression), expression=exp.Literal.number(0))


def regexp_replace(node: Node) -> exp.Expr:
    """Every match replaced: DuckDB does so when asked, Trino always."""
    flags, new = node.args.get("modifiers"), node.args.get("replacement")
    if flags is None or flags.name != "g" or not isinstance(new, exp.Literal):
        raise no(node, "Athena replaces every match: write regexp_replace(x, 'pattern', 'text', 'g')")
    text = re.sub(r"\\(\d)", r"$\1", new.name.replace("$", "\\$"))
    return call("REGEXP_REPLACE", node.this, node.expression, exp.Literal.string(text))


def regexp_extract(node: Node) -> exp.Expr:
    """No match is an empty text in DuckDB, NULL in Trino."""
    group = node.args.get("group") or exp.Literal.number(0)
    return _or_empty(node.this, call("REGEXP_EXTRACT", node.this.copy(), node.expression, group))


def split_part(node: Node) -> exp.Expr:
    """As with regexp_extract: no such part is an empty text in DuckDB."""
    found = call("SPLIT_PART", node.this.copy(), node.args["delimiter"], node.args["part_index"])
    return _or_empty(node.this, found)


def _or_empty(text: exp.Expr, found: exp.Expr) -> exp.Expr:
    missing = exp.Is(this=text.copy(), expression=exp.null())
    return call("IF", missing, exp.null(), exp.Coalesce(this=found, expressions=[exp.Literal.string("")]))


def trim(node: Node) -> exp.Expr:
    """DuckDB takes spaces off, Trino all that is white."""
    if node.expression is None or not node.args.get("expression"):
        node.set("expression", exp.Literal.string(" "))
        node.set("position", node.args.get("position") or "BOTH")
    return kept(node)
