"""Whether a measure is counted once: the one rule of the lint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from orderlake.query.grain.relation import Attrs, Dependency, Relation, Row, Term

Kind = Literal["repeated", "distinct", "merged"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A measure that is not counted once: what it is of, and what repeats it (nothing when values were merged)."""

    kind: Kind
    term: Term
    owner: Row | None
    culprit: Row | None


def merged(relation: Relation, term: Term, group: Attrs, given: Iterable[Dependency]) -> Fault | None:
    """What is wrong with adding equal amounts once (`sum(DISTINCT x)`): they may be of different rows."""
    owner = relation.members.get(min(term.owners, default=0))
    told = term.owners <= relation.determined(group, [*term.given, *given])
    return Fault("distinct", term, owner, None) if term.money and owner is not None and not told else None


def fault(relation: Relation, term: Term, group: Attrs, given: Iterable[Dependency]) -> Fault | None:
    """What is wrong with adding this up over the rows of a group; None when each is counted once, or nobody knows."""
    if not term.owners:
        return None
    extra = [*term.given, *given]
    owner = relation.members.get(min(term.owners))
    culprit = _culprit(relation, term, group, extra)
    if culprit is not None:
        return Fault("repeated", term, owner, culprit)
    lost = term.adds_up and owner is not None and not term.owners <= relation.determined(relation.rows | group, extra)
    return Fault("merged", term, owner, None) if lost else None


def _culprit(relation: Relation, term: Term, group: Attrs, extra: list[Dependency]) -> Row | None:
    """The row that is not determined by what the measure is of, so that several of it meet one measure.

    A column that is looked up by a reference (an item's product and its weight) is of the rows that refer, unless it is
    a total: then each reference counts it again. What is a part of it (an order's lines) never refers.
    """
    owners = term.owners
    while True:
        missing = relation.rows - relation.determined(owners | group, extra)
        if not missing:
            return None
        refer = set() if term.adds_up else {one for one in missing if _refers(relation, one, owners)}
        if not refer:
            members = [relation.members[one] for one in sorted(missing) if one in relation.members]
            return min(members, key=lambda one: one.keyless, default=None)
        owners |= refer


def _refers(relation: Relation, row: int, owners: Attrs) -> bool:
    if not owners <= relation.determined(frozenset([row])):
        return False
    member = relation.members.get(row)
    return member is not None and not any(owners <= relation.determined(whole) for whole in member.wholes)
