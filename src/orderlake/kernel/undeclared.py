r"""What a JSON record holds beyond its pipeline's declaration, and what it lacks, in SQL over the record's text.

An entry is `{at, path, value}`: `at` names the list element it was found in ('' for the record itself), `path` leads
to it (a dot in an undeclared key is written `\.`), `value` is its JSON text, exact to the last digit; a declared
field that is not there has no value.

DuckDB reads a JSON number through a double (see `exact`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orderlake.engine import quote
from orderlake.kernel import exact
from orderlake.kernel.complaints import is_liftable, json_path
from orderlake.kernel.flatten import ENTRIES, Plan
from orderlake.kernel.shape import Node

if TYPE_CHECKING:
    import duckdb


def look(cursor: duckdb.DuckDBPyConnection, plan: Plan, records: str) -> None:
    """Fill the temporary table `looked` (n, kept) with the sorted entries of those of the records (n, raw) with any.

    In steps, for the engine's memory: a function of JSON takes some megabytes for each place where it is called.
    """
    guards = [] if plan.stream.contract.types == "discard_value" else list(_guards(plan))
    where = f" WHERE {' OR '.join(guards)}" if guards else ""
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE texts AS SELECT n, raw FROM {records}{where}")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE coded AS {_entries(plan, 'texts', exact.coded)}")
    told = f"SELECT n FROM texts WHERE {exact.has_minus_zero('raw')} OR {exact.holds_code('raw')}"
    doubtful = f"SELECT n FROM coded WHERE {exact.is_doubtful('kept')} UNION {told}"
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE doubtful AS {doubtful}")
    marked = _entries(plan, "(FROM texts SEMI JOIN doubtful USING (n))", exact.marked)
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE looked AS "
        f"SELECT n, {_restored(exact.uncoded)} AS kept FROM coded ANTI JOIN doubtful USING (n) WHERE len(kept) > 0 "
        f"UNION ALL SELECT n, {_restored(exact.unmarked)} FROM ({marked}) WHERE len(kept) > 0"
    )


def _restored(as_it_was: Callable[[str], str]) -> str:
    """SQL of the sorted entries of a text that was written otherwise."""
    entry = _entry("x.at", as_it_was("x.path"), as_it_was("x.value"))
    return f"list_sort(list_transform(kept, lambda x: {entry}))::{ENTRIES}"


@dataclass(frozen=True, slots=True)
class _Place:
    """An object in a record: `inside` (a declared path) of `base` (SQL of JSON text), of the whole path `path`.

    `rest` is the base without its declared values and lists: what there is to look at in it is little.
    """

    node: Node
    path: tuple[str, ...]
    base: str
    rest: str
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


def _guards(plan: Plan) -> Iterator[str]:
    """SQL, per place, of whether any object there may have an entry: told at a fraction of the price."""
    contract = plan.stream.contract
    places = [((), plan.shape.root), *((path, node) for path, node in plan.shape.root.walk())]
    lists = [path for path, node in places if node.is_list]
    for path, node in places:
        listed = any(path[:depth] in lists for depth in range(1, len(path) + 1))
        declared = f"[{', '.join(map(quote, node.children))}]"
        for at in [json_path(path, lists), *([json_path(path, [])] if is_liftable(path, node) else [])]:
            each = listed and at != json_path(path, [])
            keys = f"json_keys(raw, {quote(at)})"
            if contract.sees_new:
                every = f"flatten({keys})" if each else keys
                yield f"len(list_filter({every}, lambda k: {_is_undeclared('k', node)})) > 0"
            if contract.sees_missing:
                lacking = f"list_filter({keys}, lambda k: NOT list_has_all(k, {declared}))"
                some = f"len({keys}) > 0 AND " if is_liftable(path, node) else ""
                yield f"len({lacking}) > 0" if each else f"{some}NOT list_has_all({keys}, {declared})"


def _is_undeclared(key: str, node: Node) -> str:
    return f"{key} NOT IN ({', '.join(map(quote, node.children))})"


def _entries(plan: Plan, texts: str, written: Callable[[str], str]) -> str:
    """SELECT (n, kept) of texts (n, raw), their entries as the texts are `written`."""
    found = f"flatten([{', '.join(_found(plan, _Place(plan.shape.root, (), 'raw', 'rest')))}])"
    safe = f"SELECT n, {written('raw')} AS raw FROM {texts}"
    rests = f"SELECT n, raw, {_rest(plan.shape.root, 'raw')} AS rest FROM ({safe})"
    return f"SELECT n, {found}::{ENTRIES} AS kept FROM ({rests})"


def _rest(node: Node, text: str) -> str:
    """SQL of an object's text without what is declared; nested objects that are declared stay."""
    without = quote(json.dumps(_nothing(node), ensure_ascii=False))
    return f"CASE WHEN starts_with({text}, '{{') THEN json_merge_patch({text}, {without}) END"


def _nothing(node: Node) -> dict[str, object]:
    """The patch (RFC 7396) that takes declared values and lists out of an object."""
    return {
        key: _nothing(child) if child.children and not child.is_list else None for key, child in node.children.items()
    }


def _found(plan: Plan, place: _Place) -> Iterator[str]:
    """SQL of lists of entries: of the object itself, and of all that is in it."""
    contract = plan.stream.contract
    prefix = quote("".join(f"{part}." for part in place.path))
    keys = f"json_keys({place.base}, {place.here})"
    z, k = f"z{place.depth}", f"k{place.depth}"
    if contract.sees_new:
        values = f"json_extract({place.rest}, {quote(json_path(place.inside, []) + '.*')})"
        pairs = f"list_zip(json_keys({place.rest}, {place.here}), {values})"
        pairs = f"list_filter({pairs}, lambda {z}: {_is_undeclared(f'{z}[1]', place.node)})"
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
    e = f"e{depth}"
    if plan.stream.contract.sees_new:
        elements = f"list_transform({elements}, lambda {e}: {{'all': {e}, 'rest': {_rest(place.node, e)}}})"
        element = _Place(place.node, place.path, f"{e}.all", f"{e}.rest", (), at, depth)
    else:
        element = _Place(place.node, place.path, e, e, (), at, depth)
    parts = list(_found(plan, element))
    if spoils:
        parts.append(_misshaped(element, ("OBJECT",)))
    if parts:
        inside = f"flatten([{', '.join(parts)}])"
        yield f"flatten(list_transform({elements}, lambda {e}, i{depth}: {inside}))"


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
