"""The places of records: which fields there are, how often, and what lies in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from orderlake.infer.scalars import Scalars

Path = tuple[str, ...]
_MAP_KEYS: Final = 40
_MAP_SHARE: Final = 0.2


class Doubled(dict[str, Any]):
    """An object that has keys twice; `names` are they."""

    names: frozenset[str] = frozenset()


@dataclass(slots=True)
class Place:
    """A place in records: an object with children, a list with elements, plain values, or some of each."""

    present: int = 0
    """How often the field was there, null or not."""
    nulls: int = 0
    objects: int = 0
    lists: int = 0
    longest: int = 0
    """How long the longest list is."""
    doubled: int = 0
    """How often its object had it twice."""
    fields: int = 0
    """How many fields all the objects had together."""
    children: dict[str, Place] = field(default_factory=dict)
    element: Place | None = None
    scalars: Scalars = field(default_factory=Scalars)

    def add(self, value: object) -> None:
        """Look at what one record has here."""
        self.present += 1
        if value is None:
            self.nulls += 1
        elif isinstance(value, dict):
            self._object(value)
        elif isinstance(value, list):
            self.lists += 1
            self.longest = max(self.longest, len(value))
            if value and self.element is None:
                self.element = Place()
            for each in value:
                if self.element is not None:
                    self.element.add(each)
        elif isinstance(value, bool | int | str | Decimal):
            self.scalars.add(value)

    def _object(self, value: dict[str, Any]) -> None:
        self.objects += 1
        self.fields += len(value)
        for key, each in value.items():
            child = self.children.get(key)
            if child is None:
                child = self.children[key] = Place()
            child.add(each)
        if isinstance(value, Doubled):
            for key in value.names:
                self.children[key].doubled += 1

    @property
    def is_map(self) -> bool:
        """Whether its keys are data and not field names: very many, few of them in each object."""
        return len(self.children) > _MAP_KEYS and self.fields < _MAP_SHARE * len(self.children) * self.objects

    @property
    def is_object(self) -> bool:
        """Whether it holds objects only, with fields."""
        return bool(self.children) and not self.lists and not self.scalars.count and not self.is_map

    def is_table(self, depth: int) -> bool:
        """Whether it holds lists of objects only; in a record's own field an object alone is read as a list of one."""
        element = self.element
        if element is None or self.scalars.count or (self.objects and depth > 1):
            return False
        return element.objects == element.present and bool(element.children) and not element.is_map

    @property
    def rows(self) -> Place:
        """The place of a list's elements, objects that stand alone among them."""
        if self.element is None or not self.objects:
            return self.element or Place()
        return _united(self.element, self)

    @property
    def is_plain(self) -> bool:
        """Whether it holds plain values only."""
        return not self.objects and not self.lists

    def leaves(self, at: Path = ()) -> Iterator[tuple[Path, Place]]:
        """The places below, with their paths, objects gone through."""
        for key, child in self.children.items():
            if child.is_object:
                yield from child.leaves((*at, key))
            else:
                yield (*at, key), child


def _united(one: Place, other: Place) -> Place:
    """Elements of lists together with objects that stand for a list of one: names and counts, no values."""
    children = {**other.children, **one.children}
    return Place(one.present + other.objects, 0, one.objects + other.objects, children=children)
