"""What is wrong with careful records, in SQL: not an object, not the declared shape, not the declared types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orderlake.engine import quote
from orderlake.kernel.flatten import NUMBER, Grain, Plan, unnested
from orderlake.kernel.shape import Node, inner

_RAW: Final = f"r.{inner('raw')}"
_ERROR: Final = f"r.{inner('error')}"
MISSING: Final = "is missing"
_TWICE: Final = "has a key twice"
UNDECLARED: Final = "is not declared"
FROZEN_NEW: Final = "is not declared, which rejects the file"
FROZEN_MISSING: Final = "is missing, which rejects the file"
_OF_FIELDS: Final = (MISSING, _TWICE, UNDECLARED, FROZEN_NEW, FROZEN_MISSING)
_KINDS: Final = {"OBJECT": "an object", "ARRAY": "a list", "VARCHAR": "text", "BOOLEAN": "a boolean", "NULL": "null"}


def shape_complaints(plan: Plan) -> str:
    """SELECT (number, field, reason) of raw records that are no JSON object of the declared shape.

    What DuckDB's strict reader takes passes: null is an empty record, undeclared fields may come twice.
    """
    whole = f"json_type({_RAW})"
    cases = [
        f"WHEN {_ERROR} IS NOT NULL THEN ['', {_ERROR}]",
        f"WHEN NOT json_valid({_RAW}) THEN ['', 'is not valid JSON']",
        f"WHEN {whole} NOT IN ('OBJECT', 'NULL') THEN ['', 'is ' || {_kind(whole)} || ', not an object']",
        _doubled(plan.shape.root, "$", "", listed=False),
    ]
    for path, node in plan.shape.root.walk():
        above = [path[:depth] for depth in range(1, len(path)) if plan.shape.node(path[:depth]).is_list]
        cases += _shape_cases(path, node, above, spared=plan.stream.contract.types == "discard_value")
    return _found(cases, "raws")


def value_complaints(plan: Plan, grain: Grain, relation: str) -> str:
    """SELECT (number, field, reason) of the first thing wrong with the values of careful records, at one grain."""
    cases: list[str] = []
    for _, column, done in plan.careful_casts(grain):
        field = quote(".".join(column.path))
        present = plan.present(grain, column)
        if done.ok != "true" and not plan.is_spared(column, done):
            cases.append(f"WHEN NOT {done.ok} THEN [{field}, {quote(done.complaint)}]")
        if column.required:
            when = "" if present is None else f"{present} AND "
            cases.append(f"WHEN {when}{done.value} IS NULL THEN [{field}, {quote(MISSING)}]")
    return _found(cases, f"({unnested(plan, grain, f'SELECT * FROM {relation}', plan.ways)})")


def inexact(plan: Plan, grain: Grain, relation: str) -> str:
    """SELECT the numbers of careful records with a value that the strict reader would not trust a double with."""
    conditions = [done.ok for _, _, done in plan.casts(grain) if done.ok != "true"]
    rows = unnested(plan, grain, f"SELECT * FROM {relation}", plan.ways)
    return f"SELECT r.{NUMBER} FROM ({rows}) AS r WHERE NOT coalesce({' AND '.join(conditions) or 'true'}, false)"


def is_of_type(field: str, reason: str) -> str:
    """SQL of whether a complaint is about a value that is not of its field's type."""
    return f"{field} <> '' AND {reason} NOT IN ({', '.join(map(quote, _OF_FIELDS))})"


def is_liftable(path: Grain, node: Node) -> bool:
    """Whether one object here, where a list is declared, is read as a list of one."""
    return node.is_list and len(path) == 1


def json_path(path: Grain, lists: list[Grain]) -> str:
    """A JSON path that stands for all elements of each list it passes.

    >>> json_path(("lines", "tax"), [("lines",)])
    '$."lines"[*]."tax"'
    """
    text = "$"
    for depth, part in enumerate(path, 1):
        escaped = part.replace("\\", "\\\\").replace('"', '\\"')
        text += f'."{escaped}"' + ("[*]" if path[:depth] in lists else "")
    return text


def _found(cases: list[str], relation: str) -> str:
    chosen = f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR[]"
    inside = f"SELECT r.{NUMBER}, {chosen} AS c FROM {relation} AS r"
    return f"SELECT {NUMBER}, c[1] AS field, c[2] AS reason FROM ({inside}) WHERE c IS NOT NULL"


def _shape_cases(path: Grain, node: Node, above: list[Grain], *, spared: bool) -> Iterator[str]:
    field = ".".join(path)
    at = json_path(path, above)
    wanted = ["NULL", "ARRAY" if node.is_list else "OBJECT", *(["OBJECT"] if is_liftable(path, node) else [])]
    if not spared:
        yield _other_kind(at, wanted, field, "is", listed=bool(above))
    if not node.is_list or is_liftable(path, node):
        yield _doubled(node, at, field, listed=bool(above))
    if node.is_list:
        each = json_path(path, [*above, path])
        if not spared:
            yield _other_kind(each, ["OBJECT"], field, "holds", listed=True)
        yield _doubled(node, each, field, listed=True)


def _other_kind(at: str, wanted: list[str], field: str, verb: str, *, listed: bool) -> str:
    a_wanted = _KINDS["ARRAY" if "ARRAY" in wanted else "OBJECT"]
    kinds = f"json_type({_RAW}, {quote(at)})"
    kinds = kinds if listed else f"[{kinds}]"
    wrong = f"list_filter({kinds}, lambda k: k NOT IN ({', '.join(map(quote, wanted))}))"
    return f"WHEN len({wrong}) > 0 THEN [{quote(field)}, '{verb} ' || {_kind(f'{wrong}[1]')} || ', not {a_wanted}']"


def _doubled(node: Node, at: str, field: str, *, listed: bool) -> str:
    """A declared key that an object has twice: which of the values counts is anybody's guess."""
    declared = f"({', '.join(map(quote, node.children))})"
    keys = f"json_keys({_RAW}, {quote(at)})"
    ours = f"list_filter(ks, lambda k: k IN {declared})"
    twice = f"list_filter({keys if listed else f'[{keys}]'}, lambda ks: len({ours}) > len(list_distinct({ours})))"
    return f"WHEN len({twice}) > 0 THEN [{quote(field)}, {quote(_TWICE)}]"


def _kind(kind: str) -> str:
    cases = " ".join(f"WHEN {quote(known)} THEN {quote(said)}" for known, said in _KINDS.items())
    return f"CASE {kind} {cases} ELSE 'a number' END"
