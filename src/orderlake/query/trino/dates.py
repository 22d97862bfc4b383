"""Dates, times and their patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from sqlglot import exp

from orderlake.query.trino.nodes import DATES, STAMPS, ZONED, Node, call, in_utc, is_a, kept, no, stamp

_FORMATS: Final[Mapping[str, str]] = {
    **{same: same for same in "YymdHjbapS%"},
    "M": "i",
    "B": "M",
    "A": "W",
    "I": "I",
    "-d": "e",
    "-m": "c",
    "-H": "k",
    "-I": "l",
}
"""strftime's marks as date_format and date_parse have them."""


UNREAD: Final = "yjaA"
"""Marks that the two read otherwise: which century, which of two days that disagree."""


UNITS: Final = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"})


def date_add(node: Node) -> exp.Expr:
    """`date_add(x, INTERVAL …)` is a sum; sqlglot would cast the interval to a number."""
    if not isinstance(node.expression, exp.Interval):
        raise no(node, "write date + INTERVAL 3 DAY")
    return exp.Add(this=node.this, expression=node.expression)


def interval(node: Node) -> exp.Expr:
    """Trino reads intervals of a written number and one unit, without brackets or a sign."""
    number = node.this.unnest() if node.this is not None else None
    below = isinstance(number, exp.Neg)
    size = number.this if isinstance(number, exp.Neg) else number
    if not isinstance(size, exp.Literal) or node.args.get("unit") is None:
        raise no(node, "write n * INTERVAL 1 DAY")
    plain = exp.Interval(this=exp.Literal.string(size.name), unit=node.args["unit"])
    return exp.Neg(this=plain) if below else plain


def pattern(node: Node, mark: exp.Expr, unread: str = "") -> exp.Expr:
    """A strftime pattern as date_format and date_parse read it; marks in `unread` are refused too."""
    if not isinstance(mark, exp.Literal) or not mark.is_string:
        raise no(node, "write the pattern out")

    def change(found: re.Match[str]) -> str:
        if found[1] not in _FORMATS or found[1] in unread:
            raise no(node, f"leave out %{found[1]}")
        return f"%{_FORMATS[found[1]]}"

    return exp.Literal.string(re.sub(r"%(-?.)", change, mark.name))


def strftime(node: Node) -> exp.Expr:
    """Dates as text."""
    if not is_a(node.this, DATES | STAMPS | ZONED):
        raise no(node, "write strftime(date, '…')")
    return call("DATE_FORMAT", node.this, pattern(node, node.args["format"]))


def strptime(node: Node) -> exp.Expr:
    """Text as a timestamp."""
    return call("DATE_PARSE", node.this, pattern(node, node.args["format"], UNREAD))


def zone(node: Node) -> exp.Expr:
    """From a moment to its local time, or from a local time to its moment: Trino only ever shows moments otherwise."""
    zone = node.args["zone"]
    if is_a(node.this, ZONED):
        node.set("zone", zone)
        local = call("AT_TIMEZONE", node.this, zone)
        return exp.Cast(this=local, to=stamp())
    if is_a(node.this, STAMPS):
        return in_utc(call("WITH_TIMEZONE", node.this, zone))
    raise no(node, "cast to TIMESTAMP or TIMESTAMPTZ first")


def sunday_first(this: exp.Expr) -> exp.Expr:
    """DuckDB counts the days of a week from Sunday, 0; Trino from Monday, 1."""
    return exp.Mod(this=call("DAY_OF_WEEK", this), expression=exp.Literal.number(7))


def part(node: exp.Expr, unit: str, this: exp.Expr) -> exp.Expr:
    """A part of a date, by the name that DuckDB has for it."""
    plain = unit.upper()
    if plain in UNITS:
        return call(plain, this)
    found: dict[str, Callable[[exp.Expr], exp.Expr]] = {
        "DOW": sunday_first,
        "DAYOFWEEK": sunday_first,
        "ISODOW": lambda one: call("DAY_OF_WEEK", one),
        "DOY": lambda one: call("DAY_OF_YEAR", one),
        "DAYOFYEAR": lambda one: call("DAY_OF_YEAR", one),
        "EPOCH": unix,
    }
    if plain not in found:
        raise no(node, "ask for year, quarter, month, week, day, hour, minute, second, dow, isodow, doy or epoch")
    return found[plain](this)


def unix(this: exp.Expr) -> exp.Expr:
    """Seconds since 1970; of a date they are those at its start."""
    return call("TO_UNIXTIME", exp.Cast(this=this, to=stamp()) if is_a(this, DATES) else this)


def unit(node: Node) -> exp.Expr:
    """Whether a unit of time is one that both engines count alike."""
    given = node.args.get("unit")
    if given is not None and str(given.name).upper() not in UNITS:
        raise no(node, f"use one of {', '.join(sorted(UNITS)).lower()}")
    return kept(node)
