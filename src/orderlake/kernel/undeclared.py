r"""What a JSON record holds beyond its pipeline's declaration, and what it lacks, in SQL over the record's text.

An entry is `{at, path, value}`: `at` names the list element it was found in ('' for the record itself), `path` leads
to it (a dot in an undeclared key is written `\.`), `value` is its JSON text, exact to the last digit; a declared
field that is not there has no value.

DuckDB reads a JSON number through a double. Where that could show, the text is read once more with every number in
a string: behind U+0001, which is doubled wherever the text holds it, so that no text is taken for a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from orderlake.engine import quote
from orderlake.kernel.complaints import is_liftable, json_path
from orderlake.kernel.flatten import ENTRIES, Plan
from orderlake.kernel.shape import Node

_MARK: Final = r"'\u0001'"
_TOKENS: Final = r"""'("(?:[^"\\]|\\.)*")|(-?[0-9][0-9.eE+-]*)'"""
_MARKED: Final = r"""'"\\u0001(-?[0-9][0-9.eE+-]*)"'"""
_FRACTION: Final = "'[0-9][.eE]'"
_MINUS_ZERO: Final = "'-0[^.0-9]'"


def entries_of(plan: Plan, records: str) -> str:
    """SELECT (n, kept) of the records (n, raw) with any entry; their entries are sorted."""
    guard = " OR ".join(_guards(plan)) if _is_guarded(plan) else "true"
    found = f"CASE WHEN {guard} THEN {_entries(plan, 'raw')} END"
    inexact = (
        f"len(list_filter(kept, lambda x: regexp_matches(x.value, {_FRACTION}))) > 0 "
        f"OR regexp_matches(raw, {_MINUS_ZERO})"
    )
    exact = f"list_transform({_entries(plan, 'marked')}, lambda x: {_unmarked('x')})"
    looked = f"SELECT n, raw, {found} AS kept FROM {records}"
    again = f"SELECT n, kept, CASE WHEN {inexact} THEN {marked('raw')} END AS marked FROM ({looked})"
    chosen = f"CASE WHEN marked IS NULL THEN kept ELSE {exact} END"
    return f"SELECT n, list_sort({chosen})::{ENTRIES} AS kept FROM ({again} WHERE len(kept) > 0)"


@dataclass(frozen=True, slots=True)
class _Place:
    """An object in a record: `inside` (a declared path) of `base` (SQL of JSON text), of the whole path `path`."""

    node: Node
    path: tuple[str, ...]
    base: str
    inside: tuple[str, ...] = ()
    at: str = "''"
    depth: int = 0

    @property
    def here(self) -> str:
        """The place as a SQL literal of a JSON path in the base."""
        return quote(json_path(self.inside, []))

    def child(self, key: str) -> _Place:
        """The object under a key."""
        return replace(self, node=self.node.children[key], path=(*self.path, key), inside=(*self.inside, key))


def _is_guarded(plan: Plan) -> bool:
    """Whether only records with undeclared keys can have entries, which is told at a fraction of the price."""
    return not plan.stream.contract.sees_missing and plan.stream.contract.types != "discard_value"


def _guards(plan: Plan) -> Iterator[str]:
    """SQL, per place, of whether any object there has an undeclared key."""
    places = [((), plan.shape.root), *((path, node) for path, node in plan.shape.root.walk())]
    lists = [path for path, node in places if node.is_list]
    for path, node in places:
        listed = any(path[:depth] in lists for depth in range(1, len(path) + 1))
        keys = f"json_keys(raw, {quote(json_path(path, lists))})"
        yield f"len(list_filter({f'flatten({keys})' if listed else keys}, lambda k: {_is_undeclared('k', node)})) > 0"
        if is_liftable(path, node):
            keys = f"json_keys(raw, {quote(json_path(path, []))})"
            yield f"len(list_filter({keys}, lambda k: {_is_undeclared('k', node)})) > 0"


def _is_undeclared(key: str, node: Node) -> str:
    return f"{key} NOT IN ({', '.join(map(quote, node.children))})"


def _entries(plan: Plan, raw: str) -> str:
    return f"flatten([{', '.join(_found(plan, _Place(plan.shape.root, (), raw)))}])"


def _found(plan: Plan, place: _Place) -> Iterator[str]:
    """SQL of lists of entries: of the object itself, and of all that is in it."""
    contract = plan.stream.contract
    prefix = quote("".join(f"{part}." for part in place.path))
    keys = f"json_keys({place.base}, {place.here})"
    z, k = f"z{place.depth}", f"k{place.depth}"
    if contract.sees_new:
        values = f"json_extract({place.base}, {quote(json_path(place.inside, []) + '.*')})"
        pairs = f"list_filter(list_zip({keys}, {values}), lambda {z}: {_is_undeclared(f'{z}[1]', place.node)})"
        key = rf"replace(replace({z}[1], '\', '\\'), '.', '\.')"
        yield f"list_transform({pairs}, lambda {z}: {_entry(place.at, f'{prefix} || {key}', f'{z}[2]')})"
    if contract.sees_missing:
        declared = f"[{', '.join(map(quote, place.node.children))}]"
        is_object = f"json_type({place.base}, {place.here}) = 'OBJECT'"
        lacking = f"list_filter({declared}, lambda {k}: {is_object} AND NOT list_contains({keys}, {k}))"
        yield f"list_transform({lacking}, lambda {k}: {_entry(place.at, f'{prefix} || {k}', 'NULL')})"
    for key in place.node.children:
        below = place.child(key)
        if below.node.is_list:
            yield from _listed(plan, below)
        elif below.node.children:
            if contract.types == "discard_value":
                yield _misshaped(below, ("OBJECT", "NULL"))
            yield from _found(plan, below)


def _listed(plan: Plan, place: _Place) -> Iterator[str]:
    """SQL of the entries of all elements of a list; one object alone stands for a list of it."""
    liftable = is_liftable(place.path, place.node)
    spoils = plan.stream.contract.types == "discard_value"
    if spoils:
        yield _misshaped(place, ("ARRAY", "NULL", *(["OBJECT"] if liftable else [])))
    elements = f"json_extract({place.base}, {quote(json_path(place.inside, []) + '[*]')})"
    if liftable:
        alone = f"json_extract({place.base}, {place.here})"
        elements = f"CASE WHEN json_type({place.base}, {place.here}) = 'OBJECT' THEN [{alone}] ELSE {elements} END"
    depth = place.depth + 1
    at = f"{place.at} || {address(place.path, f'i{depth}')}"
    element = _Place(place.node, place.path, f"e{depth}", (), at, depth)
    parts = list(_found(plan, element))
    if spoils:
        parts.append(_misshaped(element, ("OBJECT",)))
    if parts:
        inside = f"flatten([{', '.join(parts)}])"
        yield f"flatten(list_transform({elements}, lambda e{depth}, i{depth}: {inside}))"


def _misshaped(place: _Place, wanted: tuple[str, ...]) -> str:
    """SQL of the one entry of a place that is of another kind than declared."""
    kinds = ", ".join(map(quote, wanted))
    value = f"json_extract({place.base}, {place.here})"
    entry = _entry(place.at, quote(".".join(place.path)), value)
    return f"CASE WHEN json_type({place.base}, {place.here}) NOT IN ({kinds}) THEN [{entry}] ELSE [] END"


def address(path: tuple[str, ...], position: str) -> str:
    """SQL of what an element of the list at `path` adds to the address of what the list is in."""
    return f"{quote('/' + '.'.join(path) + '#')} || {position}"


def _entry(at: str, path: str, value: str) -> str:
    return f"{{'at': {at}, 'path': {path}, 'value': CAST({value} AS VARCHAR)}}"


def marked(raw: str) -> str:
    """SQL of JSON text in which every number is a string that `unmarked` can tell."""
    doubled = f"replace({raw}, {_MARK}, {_MARK} || {_MARK})"
    tokens = rf"regexp_replace({doubled}, {_TOKENS}, '\1' || chr(2) || '\2' || chr(3), 'g')"
    strings = f"replace({tokens}, chr(2) || chr(3), '')"
    return f"replace(replace({strings}, chr(2), '\"' || {_MARK}), chr(3), '\"')"


def unmarked(text: str) -> str:
    """SQL of JSON text whose numbers were marked, as it was."""
    return rf"replace(regexp_replace({text}, {_MARKED}, '\1', 'g'), {_MARK} || {_MARK}, {_MARK})"


def _unmarked(entry: str) -> str:
    path = f"replace({entry}.path, chr(1) || chr(1), chr(1))"
    return _entry(f"{entry}.at", path, unmarked(f"{entry}.value"))
