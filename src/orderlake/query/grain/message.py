"""What is wrong, in words."""

from __future__ import annotations

from orderlake.query.grain.check import Fault


def said(fault: Fault, column: str, instead: str, *, joined: bool) -> str:
    """One sentence on what happens to the column, one on what to do. `joined` when its SELECT has a join."""
    noun = fault.owner.noun if fault.owner is not None else fault.term.column
    if fault.kind == "distinct":
        what = f"sum(DISTINCT {column}) adds equal amounts once: two {plural(noun)} with the same {column} count as one"
    elif fault.kind == "merged":
        what = (
            f"{column} is the {noun}'s, and rows that differ in nothing else were made one before it is added up: "
            f"two {plural(noun)} with the same {column} count as one"
        )
    else:
        what = f"{column} is the {noun}'s, {_repeated(fault, noun, joined=joined)}"
    return f"{what}. {_remedy(fault, noun, column, instead)}"


def _repeated(fault: Fault, noun: str, *, joined: bool) -> str:
    culprit = fault.culprit
    if culprit is None:
        return "and its rows are repeated"
    if fault.owner is not None and culprit.table and culprit.table == fault.owner.table:
        return f"and {culprit.table} has one row per {culprit.noun}: it is counted once per {culprit.noun}"
    if culprit.keyless:
        return (
            f"and {culprit.table} has no key, so each {noun} may meet many of its rows: it is counted with each of them"
        )
    if not joined:
        return f"and the rows that are added up are one per {culprit.noun}: it is counted once per {culprit.noun}"
    other = culprit.table or f"a query that has one row per {culprit.noun}"
    return f"and the join with {other} repeats each {noun}: it is counted once per {culprit.noun}"


def _remedy(fault: Fault, noun: str, column: str, instead: str) -> str:
    if instead:
        return f"Count each {noun} once: {instead}"
    if fault.kind == "merged":
        return f"Keep what tells {plural(noun)} apart beside {column}, then add up"
    if fault.culprit is not None and fault.culprit.keyless:
        return (
            f"Make {fault.culprit.table} one row per value first, with GROUP BY, or declare its `key` in the pipeline"
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
