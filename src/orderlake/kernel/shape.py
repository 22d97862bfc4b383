"""The shape a stream reads: its declared paths as one tree, in DuckDB's and JSON's spelling."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from orderlake.engine import name, quote
from orderlake.kernel import cast
from orderlake.model.column import ColumnType
from orderlake.model.pipeline import Stream

_NUMBERS: Final = {"bigint", "int", "double", "decimal"}
Reading = Literal["typed", "exact", "text"]
"""How leaves are read: `typed` as the strict reader does (numbers as DOUBLE), numbers as exact decimals, or as text."""


@dataclass(slots=True)
class Node:
    """A place in the record: an object with children, a list of objects, or a leaf with the types read from it."""

    children: dict[str, Node] = field(default_factory=dict)
    is_list: bool = False
    types: set[ColumnType] = field(default_factory=set)

    def read_type(self, reading: Reading = "typed") -> str:
        """The DuckDB type this place is read as."""
        if self.children:
            inner = ", ".join(f"{name(key)} {child.read_type(reading)}" for key, child in self.children.items())
            return f"STRUCT({inner}){'[]' if self.is_list else ''}"
        kinds = {kind.name for kind in self.types}
        if reading == "exact" and kinds & {*_NUMBERS, "id"}:
            return f"DECIMAL(38,{max(cast.exact_scale(kind) for kind in self.types)})"
        if reading != "text" and kinds <= _NUMBERS:
            return "DOUBLE"
        return "BOOLEAN" if reading != "text" and kinds == {"boolean"} else "VARCHAR"

    def structure(self, reading: Reading) -> object:
        """The same as a structure for json_transform."""
        if not self.children:
            return self.read_type(reading)
        inner = {key: child.structure(reading) for key, child in self.children.items()}
        return [inner] if self.is_list else inner

    def walk(self, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """Every place below this one that is an object or a list."""
        for key, child in self.children.items():
            if child.children or child.is_list:
                yield (*at, key), child
                yield from child.walk((*at, key))


@dataclass(frozen=True, slots=True)
class Shape:
    """What a stream reads from a record, and the grains (list paths) its tables need."""

    root: Node
    grains: tuple[tuple[str, ...], ...]

    def levels(self, grain: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The lists on the way to a grain, outermost first."""
        return [grain[:depth] for depth in range(1, len(grain) + 1) if self.node(grain[:depth]).is_list]

    def node(self, path: tuple[str, ...]) -> Node:
        """The place a path leads to."""
        found = self.root
        for part in path:
            found = found.children[part]
        return found

    def value(self, path: tuple[str, ...], grain: tuple[str, ...], reading: Reading = "typed") -> str:
        """SQL for a path: from the record `r`, or from the list element that the grain has unnested."""
        lists = [level for level in self.levels(grain) if path[: len(level)] == level]
        if lists:
            start, rest = f"r.{element(reading, len(lists))}", path[len(lists[-1]) :]
        else:
            start, rest = ("r" if reading == "typed" else f"r.{inner(reading)}"), path
        return ".".join([start, *(name(part) for part in rest)])

    def structure(self, reading: Reading) -> str:
        """The record's structure as a SQL literal for json_transform."""
        return quote(json.dumps(self.root.structure(reading)))


def inner(what: str) -> str:
    """A column of our own beside the record's fields. A path is split at dots, so no field is called like it."""
    return name(f".{what}")


def element(reading: Reading, depth: int) -> str:
    """The column with the current element of the list at this depth."""
    return inner(f"{reading}{depth}")


def shape_of(stream: Stream) -> Shape:
    """Build the tree of a stream's paths; ConfigError when a path is both a value and an object."""
    root = Node()
    for table in stream.tables:
        if table.rows:
            _place(root, table.rows).is_list = True
    columns = [column for table in stream.tables for column in table.columns]
    columns += [column for column in (stream.sequence_by,) if column is not None]
    for column in columns:
        if not column.is_position:
            _place(root, column.path).types.add(column.type)
    grains = list(dict.fromkeys(table.rows for table in stream.tables))
    exploded = [grain for grain in grains if grain]
    if len(exploded) == 1 and not any(exploded[0][:depth] in _lists(root) for depth in range(1, len(exploded[0]))):
        grains = exploded  # one list: its rows carry the record too, one pass over the bytes serves all tables
    elif () not in grains:
        grains.insert(0, ())
    else:
        grains.sort(key=len)  # the record's own grain first
    return Shape(root, tuple(grains))


def _place(root: Node, path: tuple[str, ...]) -> Node:
    node = root
    for part in path:
        node = node.children.setdefault(part, Node())
    return node


def _lists(root: Node) -> set[tuple[str, ...]]:
    return {path for path, node in root.walk() if node.is_list}
