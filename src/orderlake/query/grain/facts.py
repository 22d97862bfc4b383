"""What is known of tables: which columns tell their rows apart, and of what each column tells.

A table of a pipeline has levels, outermost first: the record, then each list on the way to its `rows`. In the wide
table of the orders pipeline `total_amount` lives at the level of the order, while its rows are products.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from orderlake.model.column import Column
from orderlake.model.pipeline import Pipeline, Stream, TableSpec

_IRREGULAR: Final = {"series": "series", "address": "address", "status": "status", "people": "person"}
_VALIDITY: Final = frozenset({"valid_from", "valid_to", "is_current"})
_PLURALS: Final = ((r"ies$", "y"), (r"(ss|sh|ch|x)es$", r"\1"), (r"([^s])s$", r"\1"))


@dataclass(frozen=True, slots=True)
class Level:
    """Rows of one kind within a table: what one of them is called, and the columns that tell them apart.

    Each of `keys` is enough by itself; `positions` are enough among the rows of the level above.
    """

    noun: str
    keys: tuple[frozenset[str], ...] = ()
    positions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """A column: the level it lives at, its DuckDB type, and what it is read from, which is the same in two tables."""

    level: int
    type: str = "VARCHAR"
    origin: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class TableGrain:
    """What is known of one table. Its rows are those of its last level."""

    name: str
    levels: tuple[Level, ...]
    columns: Mapping[str, Fact]
    stream: tuple[str, str] = ("", "")

    @property
    def noun(self) -> str:
        """What one row is."""
        return self.levels[-1].noun

    @property
    def keyless(self) -> bool:
        """Whether nothing at all tells its rows apart."""
        return len(self.levels) == 1 and not self.levels[0].keys


@dataclass(frozen=True, slots=True)
class Grains:
    """What is known of the tables of a lake, by name; `views` are the SELECTs behind others."""

    tables: Mapping[str, TableGrain] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Whether anything is known of this table."""
        return name in self.tables or name in self.views


def grains_of(
    pipelines: Iterable[Pipeline], more: Iterable[TableGrain] = (), views: Mapping[str, str] | None = None
) -> Grains:
    """What the pipelines say of their tables, and `more` of others, whose names win."""
    found = {
        spec.name: _table(stream, spec)
        for pipeline in pipelines
        for stream in pipeline.streams
        for spec in stream.tables
    }
    return Grains(found | {one.name: one for one in more}, {k.lower(): v for k, v in (views or {}).items()})


def table_grain(name: str, levels: Sequence[tuple[str, Sequence[str], Mapping[str, str]]]) -> TableGrain:
    """A table that no pipeline declares: per level, outermost first, its noun, key, and columns with their types.

    >>> table_grain("fct_orders", [("order", ["order_id"], {"order_id": "BIGINT", "total": "DECIMAL(18,2)"})]).noun
    'order'
    """
    columns = {c: Fact(at, kind) for at, (_, _, own) in enumerate(levels) for c, kind in own.items()}
    kinds = tuple(Level(noun, (frozenset(key),) if key else ()) for noun, key, _ in levels)
    return TableGrain(name, kinds, columns)


def mart_grain(name: str, grain: str, key: Iterable[str], columns: Mapping[str, str]) -> TableGrain:
    """A mart, by what its model says: `one row per order`, and its key.

    Numbers count within what another key names, and a history has one row of each at a time; so what pins one of those
    is taken to leave one row.

    >>> orders = mart_grain("fct_orders", "one row per order", ["order_key"], {"order_key": "VARCHAR"})
    >>> orders.noun, orders.levels[0].keys
    ('order', (frozenset({'order_key'}),))
    """
    own = frozenset(key)
    others = [column for column in columns if column.endswith(("_key", "_id")) and column not in own]
    within = [column for column in columns if column.endswith("_number") or column in _VALIDITY]
    more = tuple(frozenset((other, column)) for other in others for column in within)
    kinds = Level(grain.removeprefix("one row per ").strip() or singular(name), (own, *more))
    return TableGrain(name, (kinds,), {c: Fact(0, kind) for c, kind in columns.items()})


def _table(stream: Stream, spec: TableSpec) -> TableGrain:
    lists = _lists(stream, spec.rows)
    key = frozenset(c.name for own in stream.key for c in spec.columns if c.path == own.path)
    levels = [Level(singular(stream.name), (key,) if key else ())]
    for path in lists:
        own_id = tuple(frozenset([c.name]) for c in spec.columns if c.path == (*path, "id"))
        places = tuple(c.name for c in spec.columns if c.is_position and c.path[:-1] == path)
        levels.append(Level(singular(path[-1]), own_id, places))
    return TableGrain(
        spec.name,
        tuple(levels),
        {c.name: Fact(_level(c, lists), c.type.sql, (c.path, c.format, c.timezone)) for c in spec.columns},
        (stream.pipeline, stream.name),
    )


def _lists(stream: Stream, rows: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The lists on the way to a table's rows: what other tables have as rows too, and its own."""
    known = {table.rows for table in stream.tables}
    return [rows[:depth] for depth in range(1, len(rows) + 1) if depth == len(rows) or rows[:depth] in known]


def _level(column: Column, lists: Sequence[tuple[str, ...]]) -> int:
    """The level that a column lives at; what lies halfway to a list may be in a list itself, and is taken to be."""
    level = max((at for at, path in enumerate(lists, 1) if column.path[: len(path)] == path), default=0)
    if level == len(lists):
        return level
    above = len(lists[level - 1]) if level else 0
    return level + 1 if column.path[:-1][: above + 1] == lists[level][: above + 1] else level


def singular(word: str) -> str:
    """One of what a name stands for, as people say it.

    >>> [singular(word) for word in ("orders", "order_items", "categories", "boxes", "category_translation")]
    ['order', 'order item', 'category', 'box', 'category translation']
    """
    text = word.replace("_", " ")
    if text in _IRREGULAR:
        return _IRREGULAR[text]
    for plural, one in _PLURALS:
        if re.search(plural, text):
            return re.sub(plural, one, text)
    return text
