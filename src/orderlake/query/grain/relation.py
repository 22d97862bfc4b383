"""Rows and what determines what: the small algebra that the lint rests on.

An attribute is a number. Some stand for columns, some for whole rows (of a table, of a level of a table, of a group).
A dependency `given -> found` says that rows which agree in all of `given` agree in each of `found`. A measure is
counted once when the row that it belongs to, with what is constant in the group, determines every row joined to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

CONSTANT: Final = 0
"""The attribute of whatever has one value, or of which nothing is known: then it is taken to pin."""

Attrs = frozenset[int]
NONE: Final[Attrs] = frozenset()


@dataclass(frozen=True, slots=True)
class Dependency:
    """Rows that agree in `given` agree in `found`."""

    given: Attrs
    found: Attrs


@dataclass(frozen=True, slots=True)
class Row:
    """A row that takes part in a relation: what people call it, its table, and the sets of which it is a part.

    A row is a part of another when the other's key is within its own, or when it is an element of the other's list.
    """

    attr: int
    noun: str
    table: str
    wholes: tuple[Attrs, ...] = ()
    keyless: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """What is added up: the rows it belongs to, the column it comes from, and what holds where it is not NULL.

    `adds_up` tells totals from what may describe many rows, such as a product's weight; `money` is either.
    """

    owners: Attrs
    column: str
    table: str
    adds_up: bool = False
    money: bool = False
    given: tuple[Dependency, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """What a column of a relation holds: its attribute, and its terms, none when they are unknown.

    `counts` when it is a number of rows; `dated` when it is a time that is part of a key, as in tables with validity.
    """

    attr: int
    terms: tuple[Term, ...] = ()
    counts: bool = False
    dated: bool = False


UNKNOWN: Final = Value(CONSTANT)


@dataclass(frozen=True, slots=True)
class Relation:
    """A FROM clause or a SELECT's answer: columns, the rows that make one row of it, and dependencies.

    `open` when it may have columns that are not known.
    """

    columns: Mapping[str, Value] = field(default_factory=dict)
    rows: Attrs = NONE
    dependencies: tuple[Dependency, ...] = ()
    members: Mapping[int, Row] = field(default_factory=dict)
    open: bool = False

    def with_dependencies(self, more: Iterable[Dependency]) -> Relation:
        """The same, of which more is known."""
        return replace(self, dependencies=(*self.dependencies, *more))

    def determined(self, given: Attrs, more: Iterable[Dependency] = ()) -> Attrs:
        """Everything that these attributes determine.

        >>> chain = (Dependency(frozenset({1}), frozenset({2})), Dependency(frozenset({2}), frozenset({3})))
        >>> sorted(Relation(dependencies=chain).determined(frozenset({1})))
        [0, 1, 2, 3]
        """
        known = {CONSTANT, *given}
        waiting = [*self.dependencies, *more]
        while True:
            ready = [one for one in waiting if one.given <= known]
            if not ready:
                return frozenset(known)
            waiting = [one for one in waiting if not one.given <= known]
            for one in ready:
                known |= one.found


def without_constants(relation: Relation) -> Relation:
    """The same, with nothing pinned from outside: what tells rows apart by itself."""
    kept = tuple(one for one in relation.dependencies if one.given and CONSTANT not in one.given)
    return replace(relation, dependencies=kept)


class Numbers:
    """Gives attributes out."""

    def __init__(self) -> None:
        self._next = count(CONSTANT + 1)

    def new(self) -> int:
        """An attribute nobody has."""
        return next(self._next)


def implies(given: Iterable[int], found: Iterable[int]) -> Dependency:
    """A dependency."""
    return Dependency(frozenset(given), frozenset(found))


def beside(left: Relation, right: Relation) -> Relation:
    """Every row of one with every row of the other; a name that both have is the first one's."""
    return Relation(
        {**right.columns, **left.columns},
        left.rows | right.rows,
        (*left.dependencies, *right.dependencies),
        {**left.members, **right.members},
        left.open or right.open,
    )
