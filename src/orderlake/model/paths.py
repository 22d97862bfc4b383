"""The paths that a source's columns read: all of them must fit into one record."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from orderlake.errors import ConfigError
from orderlake.model.column import Column

Path = tuple[str, ...]


def list_on(path: Path, lists: Collection[Path]) -> Path | None:
    """The innermost list on the way to a path."""
    return next((path[:depth] for depth in range(len(path), 0, -1) if path[:depth] in lists), None)


def check_paths(columns: Sequence[tuple[str, Path, Column]], lists: Collection[tuple[str, Path]]) -> None:
    """Refuse what no record can meet.

    `columns` are those of a source's tables, each with its place in the file and its table's list; `lists` are the
    lists of the tables, each with its place.
    """
    known = {rows for _, rows in lists}
    read = [(at, rows, column.path) for at, rows, column in columns if not column.is_position]
    objects = {path[:depth] for _, _, path in read for depth in range(1, len(path))}
    spelled: dict[Path, str] = {}
    for at, rows, path in read:
        found = list_on(path, known)
        if found is not None and rows[: len(found)] != found:
            raise ConfigError(f"{at}: {_dotted(found)} is a list; give the table `rows: {_dotted(found)}`")
        if path in known:
            raise ConfigError(f"{at}: {_dotted(path)} is a list; a column reads a field of its elements")
        if path in objects:
            raise ConfigError(f"{at}: {_dotted(path)} is declared as a value here, and as an object elsewhere")
    for at, path in [*((at, path) for at, _, path in read), *lists]:
        for depth, part in enumerate(path):
            twin = spelled.setdefault((*path[:depth], part.lower()), part)
            if twin != part:
                raise ConfigError(f"{at}: the fields {twin} and {part} differ only in case; a pipeline can read one")
    for at, rows in lists:
        if rows not in objects:
            raise ConfigError(f"{at}: no column reads a field of the elements of {_dotted(rows)}")


def declared(columns: Sequence[Column], lists: Collection[Path], path: str, at: str) -> Column:
    """The column that reads a path, else the one of that name, for people write either; ConfigError where none does."""
    parts = tuple(path.split("."))
    for column in [*(c for c in columns if c.path == parts), *(c for c in columns if c.name == path)]:
        if list_on(column.path, lists) is not None:
            raise ConfigError(f"{at}: {'.'.join(column.path)} is in a list; it must be a field of the record itself")
        return replace(column, required=True)
    raise ConfigError(f"{at}: no table has a column from {path!r}, so its type is not known")


def _dotted(path: Path) -> str:
    return ".".join(path)
