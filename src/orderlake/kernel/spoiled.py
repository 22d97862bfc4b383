"""Values of another type than declared, where the contract loads the record without them and keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from orderlake.engine import name, quote
from orderlake.kernel.exact import marked, unmarked
from orderlake.kernel.flatten import NUMBER, Grain, Plan, unnested
from orderlake.kernel.shape import inner
from orderlake.kernel.undeclared import address
from orderlake.model.column import Column


def spoiled(plan: Plan) -> str:
    """SELECT (n, at, path, value) of values of careful records that do not fit their column; see `undeclared`."""
    every = [select for grain in plan.shape.grains for select in _at(plan, grain)]
    return " UNION ".join(every) or "SELECT 0 AS n, '' AS \"at\", '' AS path, '' AS value WHERE false"


def _at(plan: Plan, grain: Grain) -> Iterator[str]:
    found = [
        f"CASE WHEN NOT {done.ok} THEN {_entry(plan, grain, column)} END"
        for _, column, done in plan.careful_casts(grain)
        if plan.is_spared(column, done)
    ]
    if not found:
        return
    rows = unnested(plan, grain, "SELECT * FROM records", plan.ways)
    each = f"SELECT r.{NUMBER} AS n, unnest([{', '.join(found)}]) AS x FROM ({rows}) AS r"
    bad = f"SELECT * FROM ({each}) WHERE x IS NOT NULL AND n NOT IN (SELECT {NUMBER} FROM bad)"
    if plan.is_text:
        yield f'SELECT n, x."at" AS "at", x.path AS path, x.place AS value FROM ({bad})'
        return
    texts = f"SELECT {NUMBER} AS n, {marked(inner('raw'))} AS text FROM raws WHERE {NUMBER} IN (SELECT n FROM ({bad}))"
    value = unmarked("CAST(coalesce(json_extract(text, x.place), json_extract(text, x.alone)) AS VARCHAR)")
    yield f'SELECT n, x."at" AS "at", x.path AS path, {value} AS value FROM ({bad}) JOIN ({texts}) USING (n)'


def _entry(plan: Plan, grain: Grain, column: Column) -> str:
    """SQL of where a value stands; of a CSV row the value itself, of a JSON record the place of it.

    `alone` is the place when one object stands for a list of it.
    """
    path = quote(".".join(column.path))
    if plan.is_text:
        return f"{{'at': '', 'path': {path}, 'place': CAST(to_json(r.{name(column.path[0])}) AS VARCHAR)}}"
    at, place, alone = "''", "'$'", "'$'"
    levels = plan.shape.levels(grain)
    for depth, part in enumerate(column.path, 1):
        escaped = part.replace("\\", "\\\\").replace('"', '\\"')
        here = quote(f'."{escaped}"')
        place, alone = f"{place} || {here}", f"{alone} || {here}"
        if column.path[:depth] in levels:
            position = f"r.{inner(f'i{levels.index(column.path[:depth]) + 1}')}"
            at = f"{at} || {address(column.path[:depth], position)}"
            index = f"'[' || ({position} - 1) || ']'"
            place = f"{place} || {index}"
            alone = alone if depth == 1 else f"{alone} || {index}"
    return f"{{'at': {at}, 'path': {path}, 'place': {place}, 'alone': {alone}}}"
