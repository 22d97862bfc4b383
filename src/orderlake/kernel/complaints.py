"""What is wrong with careful records, in SQL: not an object, not the declared shape, not the declared types."""

from __future__ import annotations

from collections.abc import Iterator

from orderlake.engine import quote
from orderlake.kernel.flatten import NUMBER, Grain, Plan, plan_ways, unnested
from orderlake.kernel.shape import Node, inner

_RAW = "r." + inner("raw")
_ERROR = "r." + inner("error")


def shape_complaints(plan: Plan) -> str:
    """SELECT (number, field, reason) of raw records that are no JSON object of the declared shape.

    What DuckDB's strict reader takes passes: null is an empty record, undeclared fields may come twice.
    """
    cases = [
        f"WHEN {_ERROR} IS NOT NULL THEN ['', {_ERROR}]",
        f"WHEN NOT json_valid({_RAW}) THEN ['', 'is not valid JSON']",
        f"WHEN json_type({_RAW}) NOT IN ('OBJECT', 'NULL') THEN ['', {_is(f'json_type({_RAW})', 'an object')}]",
        _doubled(plan.shape.root, ()),
    ]
    for path, node in plan.shape.root.walk():
        cases += _cases(path, node, [path[:depth] for depth in range(1, len(path)) if plan.shape.node(path[:depth]).is_list])
    return _found(cases, "raws")


def value_complaints(plan: Plan, grain: Grain, relation: str) -> str:
    """SELECT (number, field, reason) of the first thing wrong with the values of each careful record, at one grain."""
    cases: list[str] = []
    for _, column, done in plan.careful_casts(grain):
        field = quote(".".join(column.path))
        present = plan.present(grain, column)
        if done.ok != "true":
            cases.append(f"WHEN NOT {done.ok} THEN [{field}, {quote(done.complaint)}]")
        if column.required:
            when = "" if present is None else f"{present} AND "
            cases.append(f"WHEN {when}{done.value} IS NULL THEN [{field}, 'is missing']")
    return _found(cases, f"({unnested(plan, grain, f'SELECT * FROM {relation}', plan_ways(plan))})")


def inexact(plan: Plan, grain: Grain, relation: str) -> str:
    """SELECT the numbers of careful records with a value that the strict reader would not trust a double with."""
    conditions = [done.ok for _, _, done in plan.casts(grain) if done.ok != "true"]
    rows = unnested(plan, grain, f"SELECT * FROM {relation}", plan_ways(plan))
    return f"SELECT r.{NUMBER} FROM ({rows}) AS r WHERE NOT coalesce({' AND '.join(conditions) or 'true'}, false)"


def _found(cases: list[str], relation: str) -> str:
    if not cases:
        cases = ["WHEN false THEN ['', '']"]
    inside = f"SELECT r.{NUMBER}, CASE {' '.join(cases)} END AS c FROM {relation} AS r"
    return f"SELECT {NUMBER}, c[1] AS field, c[2] AS reason FROM ({inside}) WHERE c IS NOT NULL"


def _cases(path: Grain, node: Node, lists: list[Grain]) -> Iterator[str]:
    at = quote(_json_path(path, lists))
    field = quote(".".join(path))
    wanted, a_wanted = ("ARRAY", "a list") if node.is_list else ("OBJECT", "an object")
    allowed = f"('NULL', '{wanted}')" if lists or not is_liftable(path, node) else f"('NULL', '{wanted}', 'OBJECT')"
    yield _any(f"json_type({_RAW}, {at})", lambda kind: f"{kind} NOT IN {allowed}", field, a_wanted, listed=bool(lists))
    if node.is_list:
        lists = [*lists, path]
        each = quote(_json_path(path, lists))
        yield _any(f"json_type({_RAW}, {each})", lambda kind: f"{kind} <> 'OBJECT'", field, "an object", listed=True)
    yield _doubled(node, path, lists)
