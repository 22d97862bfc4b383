"""Undeclared fields as columns: which tables they belong to, and what the columns are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from orderlake.model.contract import FoundColumn
from orderlake.model.pipeline import Stream, TableSpec

Level = tuple[str, ...]
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 100
_MORE: Final = "_new"
"""What the name of a column gets behind it that the pipeline has declared for another field."""


def kept_levels(stream: Stream, spec: TableSpec) -> list[Level]:
    """The lists (() is the record itself) whose undeclared values a table keeps; outermost first."""
    levels = sorted({(), *(table.rows for table in stream.tables)}, key=lambda level: (len(level), level))
    return [level for level in levels if any(keeper.name == spec.name for keeper in stream.keepers(level))]


def with_found(stream: Stream, found: Mapping[Level, Sequence[str]]) -> Stream:
    """The stream with columns for undeclared fields in the tables that they belong to."""
    if not found:
        return stream
    tables = (replace(spec, found=_columns(stream, spec, found)) for spec in stream.tables)
    return replace(stream, tables=tuple(tables))


def _columns(stream: Stream, spec: TableSpec, found: Mapping[Level, Sequence[str]]) -> tuple[FoundColumn, ...]:
    names: dict[str, list[str]] = {}
    for level in kept_levels(stream, spec):
        for path in found.get(level, ()):
            names.setdefault(column_name(spec, path), []).append(path)
    return tuple(FoundColumn(name, tuple(sorted(paths))) for name, paths in sorted(names.items()))


def column_name(spec: TableSpec, path: str) -> str:
    """What the column of an undeclared field is called: by its path in the table's rows, and by nothing else.

    Fields whose paths differ in spelling alone share a column.

    >>> column_name(TableSpec("lines", (), ("items",)), "items.giftWrap.paperID")
    'gift_wrap_paper_id'
    """
    rows = "".join(f"{part}." for part in spec.rows)
    parts = _HUMP.sub("_", path.removeprefix(rows)).lower()
    name = _OTHER.sub("_", parts).strip("_")[:_LONGEST] or "field"
    if name[0].isdigit():
        name = f"n{name}"
    while any(name == column.name for column in spec.columns):
        name += _MORE
    return name


def declared_paths(stream: Stream) -> Iterator[str]:
    """Every declared path and what leads to it, dotted."""
    columns = (column.path for spec in stream.tables for column in (*spec.columns, *stream.key))
    paths = {path[:depth] for path in columns for depth in range(1, len(path) + 1)}
    yield from sorted(".".join(path) for path in paths)
