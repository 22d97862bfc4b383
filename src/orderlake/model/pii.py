"""Personal data: which fields of a source hold it, and what is stored in their place.

A tag belongs to a path of the record: every column that reads it is stored alike, as is what a contract keeps of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from orderlake.errors import ConfigError
from orderlake.model.column import Column
from orderlake.model.tag import WORDS, Tag, parse_tag

Path = tuple[str, ...]
Placed = tuple[str, Column]
"""A column, and its place in the pipeline file."""


def tags_of(columns: Sequence[Placed], own: object, at: str) -> dict[Path, Tag]:
    """What is tagged of a source `at`: paths by its columns, and those that have none by its `pii` (`own`)."""
    tags: dict[Path, Tag] = {}
    for where, column in columns:
        if column.pii is not None and tags.setdefault(column.path, column.pii) != column.pii:
            path = ".".join(column.path)
            raise ConfigError(f"{where}: {path} has another pii elsewhere; one holds for all tables")
    return tags | _without_column([column.path for _, column in columns], own, f"{at}.pii")


def _without_column(read: Sequence[Path], own: object, at: str) -> dict[Path, Tag]:
    if own is None:
        return {}
    if not isinstance(own, dict):
        raise ConfigError(f"{at}: expected `PATH: {WORDS}` lines")
    tags: dict[Path, Tag] = {}
    for text, tag in own.items():
        path = tuple(str(text).split("."))
        if not all(path):
            raise ConfigError(f"{at}: {text!r} is no path like customer.phone")
        near = next((other for other in read if other[: len(path)] == path or path[: len(other)] == other), None)
        if near is not None:
            raise ConfigError(f"{at}: {text} has a column ({'.'.join(near)}): say it there, behind its type")
        tags[path] = parse_tag(tag, f"{at}.{text}")
    return tags
