"""A join: one more source in FROM, and what its condition pins."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from orderlake.query.grain.expressions import Reader
from orderlake.query.grain.relation import CONSTANT, NONE, Attrs, Dependency, Numbers, Relation, implies
from orderlake.query.grain.scope import Scope

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""


def joined(scope: Scope, item: Node, source: Relation, join: Node, numbers: Numbers) -> Scope:
    """The sources so far with one more beside them, and what its join condition says."""
    made = Scope(scope.outer, scope.lateral, dict(scope.sources), dict(scope.merged))
    made.relation = scope.relation
    left = scope.relation
    words = {str(join.args.get(part) or "").upper() for part in ("method", "side", "kind")}
    if words & {"SEMI", "ANTI"}:
        return made
    alias = (item.alias_or_name or f"#{len(made.sources)}").lower()
    shared = [one.name.lower() for one in join.args.get("using") or []]
    if "NATURAL" in words:
        shared = [name for name in source.columns if scope.knows(name)]
    pairs = [(name, scope.value(exp.column(name)), source.columns.get(name)) for name in shared]
    made.add(alias, source)
    known: list[Dependency] = []
    for name, mine, theirs in pairs:
        other = CONSTANT if theirs is None else theirs.attr
        known += [implies([mine.attr], [other]), implies([other], [mine.attr])]
        made.merged[name] = mine if "RIGHT" not in words or theirs is None else theirs
    if join.args.get("on") is not None:
        reader = Reader(made, numbers)
        known += [*reader.assume(join.args["on"]), *reader.found]
    if words & {"ASOF", "POSITIONAL"}:
        known.append(implies(left.rows, source.rows))
    kept = NONE
    if words & {"LEFT", "FULL"}:
        kept |= _attrs(left)
    if words & {"RIGHT", "FULL"}:
        kept |= _attrs(source)
    known = [one for one in known if not (one.given <= {CONSTANT} and one.found & kept)]
    made.relation = made.relation.with_dependencies(known)
    return made


def _attrs(relation: Relation) -> Attrs:
    return frozenset(value.attr for value in relation.columns.values())
