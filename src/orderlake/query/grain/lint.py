"""The lint: statements in, findings out, each with the question put right where that can be done."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from orderlake.errors import QueryError
from orderlake.query.dialect import described
from orderlake.query.grain.facts import Grains
from orderlake.query.grain.finding import FanOut
from orderlake.query.grain.message import said
from orderlake.query.grain.once import distinct_first, numbered, with_key
from orderlake.query.grain.reading import Finding, Reading, TooMuchError
from orderlake.query.grain.remedies import as_exists, from_the_record, without_distinct

_ROUNDS: Final = 6
_UNREADABLE: Final = (TooMuchError, RecursionError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading may raise of a tree that is too large, or of a form that nobody thought of: no reason not to answer."""
_REMEDIES: Final = (without_distinct, from_the_record, as_exists, distinct_first, numbered)
"""The plainest first."""


def read_fan_outs(sql: str, grains: Grains) -> list[FanOut]:
    """What the statement counts more than once; nothing for what cannot be read: the engine says so itself."""
    tree = _parsed(sql)
    findings = _findings(tree, grains) if tree is not None else []
    if tree is None or not findings:
        return []
    try:
        instead = _put_right(tree, findings, grains, sql)
    except _UNREADABLE:
        instead = ""
    return [_fan_out(one, instead) for one in findings]


def _fan_out(finding: Finding, instead: str) -> FanOut:
    column = _column(finding)
    message = said(finding.fault, column, instead, finding.scope)
    return FanOut(column, finding.fault.term.table, message, instead)


def _parsed(sql: str) -> exp.Query | None:
    log = logging.getLogger("sqlglot")
    before, log.disabled = log.disabled, True  # it prints what it cannot read
    try:
        trees = sqlglot.parse(sql, read="duckdb")
    except (SqlglotError, RecursionError):
        return None
    finally:
        log.disabled = before
    return trees[0] if len(trees) == 1 and isinstance(trees[0], exp.Query) else None


def _findings(tree: exp.Query, grains: Grains) -> list[Finding]:
    reading = Reading(grains)
    try:
        reading.query(tree, {})
    except _UNREADABLE:
        return []
    return reading.findings


def _column(finding: Finding) -> str:
    """The column as the statement calls it."""
    columns = list(finding.call.find_all(exp.Column))
    return columns[0].name if len(columns) == 1 else finding.fault.term.column


def _put_right(tree: exp.Query, findings: list[Finding], grains: Grains, sql: str) -> str:
    """The statement with one remedy after the other, until nothing is found; empty when no way leads there."""
    checked = _runs(sql, grains)
    for _ in range(_ROUNDS):
        better = next(_better(tree, findings, grains, checked=checked), None)
        if better is None:
            return ""
        tree, findings = better
        if not findings:
            return _text(tree)
    return ""


def _better(
    tree: exp.Query, findings: list[Finding], grains: Grains, *, checked: bool
) -> Iterator[tuple[exp.Query, list[Finding]]]:
    yield from _remedied(tree, findings, grains, checked=checked)
    for finding in findings:
        made = with_key(tree, finding)
        if made is not None:
            yield from _remedied(made, _findings(made, grains), grains, checked=checked)


def _remedied(
    tree: exp.Query, findings: list[Finding], grains: Grains, *, checked: bool
) -> Iterator[tuple[exp.Query, list[Finding]]]:
    before = sum(_weight(one) for one in findings)
    for finding in findings:
        same = [one for one in findings if one.select is finding.select and one is not finding]
        for remedy in _REMEDIES:
            select = remedy([finding, *same], grains)
            if select is not None:
                made = _replaced(tree, finding.select, select)
                left = _findings(made, grains)
                if sum(_weight(one) for one in left) < before and (not checked or _runs(_text(made), grains)):
                    yield made, left


def _weight(finding: Finding) -> int:
    """A DISTINCT in place of its fault is no remedy, a fault in place of a DISTINCT is half of one."""
    return 2 if finding.fault.kind == "distinct" else 1


def _replaced(tree: exp.Query, old: exp.Select, new: exp.Select) -> exp.Query:
    if old is tree:
        return new
    made = tree.copy()
    for mine, theirs in zip(tree.walk(), made.walk(), strict=True):
        if mine is old:
            theirs.replace(new)
            break
    return made


def _text(tree: exp.Query) -> str:
    return tree.sql("duckdb", comments=False)


def _runs(sql: str, grains: Grains) -> bool:
    tables = {name: {c: fact.type for c, fact in one.columns.items()} for name, one in grains.tables.items()}
    try:
        described(sql, tables)
    except QueryError:
        return False
    return True
