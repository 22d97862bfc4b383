"""What is wrong, in words."""

from __future__ import annotations

from orderlake.query.grain.check import Fault
from orderlake.query.grain.scope import Scope


def said(fault: Fault, column: str, instead: str, scope: Scope) -> str:
    """One sentence on what happens to the column, one on what to do; `scope` is of the SELECT that adds it up."""
    joined = len(scope.sources) > 1
    noun = fault.owner.noun if fault.owner is not None else fault.term.column
    if fault.kind == "distinct":
        what = f"sum(DISTINCT {column}) adds equal amounts once: two {plural(noun)} with the same {column} count as one"
    elif fault.kind == "merged":
        what = (
            f"{column} is the {noun}'s, and rows that differ in nothing else were made one before it is added up: "
            f"two {plural(noun)} with the same {column} count as one"
        )
    else:
        what = f"{column} is the {noun}'s, {_repeated(fault, noun, scope)}"
    return f"{what}. {_remedy(fault, noun, column, instead, joined=joined)}"


def _repeated(fault: Fault, noun: str, scope: Scope) -> str:
    culprit = fault.culprit
    if culprit is None:
        return "and its rows are repeated"
    owner = fault.owner.attr if fault.owner is not None else None
    own = [source for source in scope.sources.values() if culprit.attr in source.rows and owner in source.members]
    if own and culprit.table and fault.owner is not None and culprit.table == fault.owner.table:
        return f"and {culprit.table} has one row per {culprit.noun}: it is counted once per {culprit.noun}"
    if culprit.keyless:
        return (
            f"and {culprit.table} has no key, so each {noun} may meet many of its rows: it is counted with each of them"
        )
    if len(scope.sources) == 1:
        return f"and the rows that are added up are one per {culprit.noun}: it is counted once per {culprit.noun}"
    met = " that it meets" if culprit.noun == noun else ""
    other = culprit.table or f"a query that has one row per {culprit.noun}"
    return f"and the join with {other} repeats each {noun}: it is counted once per {culprit.noun}{met}"


def _remedy(fault: Fault, noun: str, column: str, instead: str, *, joined: bool) -> str:
    if instead:
        return f"Count each {noun} once: {instead}"
    if fault.kind == "merged":
        return f"Keep what tells {plural(noun)} apart beside {column}, then add up"
    if fault.culprit is not None and fault.culprit.keyless:
        return (
            f"Make {fault.culprit.table} one row per value first, with GROUP BY, or declare its `key` in the pipeline"
        )
    if not joined:
        return (
            f"Take each {noun} once before adding up, with DISTINCT over {column} and what tells {plural(noun)} apart"
        )
    table = fault.term.table or "…"
    return (
        f"Sum each side before joining: WITH totals AS (SELECT …, sum({column}) AS {column} FROM {table} GROUP BY …) "
        "SELECT … FROM totals JOIN …"
    )


def plural(noun: str) -> str:
    """Several of what a word names.

    >>> plural("order"), plural("category")
    ('orders', 'categories')
    """
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
