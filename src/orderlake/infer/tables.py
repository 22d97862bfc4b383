"""From the places of records to tables: one row per record, and one per element of each list of objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from orderlake.infer.naming import column_name, entity_of, singular, snake, unique
from orderlake.infer.places import Path, Place
from orderlake.infer.types import Guess, guess

_DEEPEST: Final = 12
"""Deeper than that, a field is kept as the JSON it is."""
_COLUMNS: Final = 1500
_TELLING: Final = ("id", "uuid", "guid", "key", "sku", "code", "number", "no")
Forced = Mapping[Path, Literal["string", "json"]]
"""Paths that a trial has shown not to load as guessed: as text, or as their JSON."""


@dataclass(frozen=True, slots=True)
class DraftColumn:
    """A column of the draft; `lacking` of `of` do not have it. One without a type is only spoken of."""

    name: str
    path: Path
    guess: Guess
    lacking: int = 0
    of: int = 0
    is_required: bool = False
    is_json: bool = False
    """Whether it keeps the JSON of objects or lists."""


@dataclass(slots=True)
class DraftTable:
    """A table of the draft. `comments` are about fields that have no column."""

    name: str
    rows: Path
    entity: str
    columns: list[DraftColumn] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    note: str = ""
    partition: str = ""

    @property
    def has_values(self) -> bool:
        """Whether any column holds more than a position."""
        return any(column.path[-1] != "$position" for column in self.columns)

    @property
    def names(self) -> set[str]:
        """The names of its columns."""
        return {column.name for column in self.columns}


@dataclass(frozen=True, slots=True)
class Tabling:
    """How tables are made of places: the name of the first, whether the file is CSV, what is forced.

    `has_comma` says that numbers have a decimal comma.
    """

    name: str
    is_csv: bool
    forced: Forced = field(default_factory=dict)
    has_comma: bool = False

    def tables(self, root: Place) -> list[DraftTable]:
        """The tables of a stream, that of the records first; those without columns left out."""
        first = DraftTable(self.name, (), entity_of(self.name))
        found = [first]
        self._fill(first, root, (), found)
        return [table for table in found if table.has_values or _is_passed(table, found)]

    def _fill(self, table: DraftTable, place: Place, at: Path, found: list[DraftTable]) -> None:
        twins = _twins(place.children)
        for number, (key, child) in enumerate(place.children.items(), 1):
            path = (*at, key)
            problem = self._problem(key, child, twins)
            if problem:
                table.comments.append(f"{'.'.join(path) or '(no name)'}: {problem}")
            elif self._is_object(path, child):
                self._fill(table, child, path, found)
            elif self._is_table(path, child):
                self._child(child, path, found)
            elif child.lists + child.objects and not _has_content(child):
                what = "an empty list" if child.lists else "an empty object"
                table.comments.append(f"{'.'.join(path)}: {what} in all records: nothing to tell columns by")
            elif len(table.columns) < _COLUMNS:
                table.columns.append(self._column(table, child, path, f"field_{number}", place.objects))
            else:
                table.comments.append(f"{'.'.join(path)}: the {_COLUMNS + 1}th column, or later")

    def _problem(self, key: str, child: Place, twins: Collection[str]) -> str:
        if not key.strip():
            return "a field without a name cannot be read"
        if "." in key:
            return "a name with a dot in it cannot be read: a dot leads into an object"
        if key == "$position" or (key != key.strip() and self.is_csv):
            return "a field of this name cannot be read"
        if child.doubled:
            return f"its object has it twice, in {child.doubled:,} records: which one counts?"
        if key in twins:
            return "differs only in letter case from a field that more records have; a pipeline can read one"
        return ""

    def _is_object(self, path: Path, place: Place) -> bool:
        return place.is_object and len(path) < _DEEPEST and path not in self.forced

    def _is_table(self, path: Path, place: Place) -> bool:
        if not place.is_table(len(path)) or len(path) >= _DEEPEST or path in self.forced:
            return False
        trial = DraftTable("", path, "")
        below: list[DraftTable] = []
        self._fill(trial, place.rows, path, below)
        return bool(trial.columns or below)

    def _child(self, place: Place, path: Path, found: list[DraftTable]) -> None:
        names = [snake(part) for part in path]
        name = "_".join([singular(self.name), *map(singular, names[:-1]), names[-1]])
        table = DraftTable(unique(name, {each.name for each in found}), path, singular(names[-1]))
        table.note = f"one row per element of {'.'.join(path)}, up to {place.longest:,} in one"
        found.append(table)
        self._fill(table, place.rows, path, found)
        number = unique("line_number", table.names)
        table.columns.insert(0, DraftColumn(number, (*path, "$position"), Guess("int")))

    def _column(self, table: DraftTable, place: Place, path: Path, fallback: str, of: int) -> DraftColumn:
        parts = path[len(table.rows) :]
        name = unique(column_name(parts, table.entity, fallback), table.names)
        lacking = of - place.present + place.nulls
        column = DraftColumn(name, path, Guess("string"), lacking, of)
        if not place.is_plain or self.forced.get(path) == "json":
            return replace(column, guess=Guess("string", note=_kept(place)), is_json=True)
        seen = place.scalars
        found = guess(name, replace(seen, spelled=seen.with_comma) if self.has_comma else seen, is_csv=self.is_csv)
        if path in self.forced and found.type != "string":
            note = f"most are {found.type}, but not all load as such"
            found = Guess("string", note=note, others=(replace(found, note=""),), is_open=True)
        return replace(column, guess=found)


def with_parents(tables: list[DraftTable], key: tuple[DraftColumn, ...], date: DraftColumn | None) -> None:
    """Give child tables the key of their record, a field that tells the row above theirs, and the date all split by."""
    own_columns = {table.rows: list(table.columns) for table in tables}
    for table in tables:
        if not table.rows:
            continue
        parents = (table.rows[:depth] for depth in range(len(table.rows) - 1, 0, -1))
        above = [column for rows in parents for column in own_columns.get(rows, ()) if tells(column)][:1]
        shared = [*key, *above, *([date] if date is not None and date not in key else [])]
        own = {column.name for column in shared}
        for at, column in enumerate(table.columns):
            if column.name in own:
                table.columns[at] = replace(column, name=unique(f"{table.entity}_{column.name}", table.names | own))
        said = [
            replace(each, guess=replace(each.guess, note="", others=(), is_open=False), lacking=0) for each in shared
        ]
        table.columns = [*said, *table.columns]


def tells(column: DraftColumn) -> bool:
    """Whether a column's name says that it tells rows apart, and every row has it."""
    is_value = column.path[-1] != "$position" and not column.is_json
    return is_value and not column.lacking and column.name.rsplit("_", 1)[-1] in _TELLING


def _is_passed(table: DraftTable, tables: Sequence[DraftTable]) -> bool:
    """Whether other tables' lists lie in this one's."""
    return bool(table.rows) and any(
        other.rows[: len(table.rows)] == table.rows for other in tables if other is not table
    )


def _twins(children: Mapping[str, Place]) -> set[str]:
    """Of names that differ only in letter case, all but the one that most records have."""
    groups: dict[str, list[str]] = {}
    for key in children:
        groups.setdefault(key.lower(), []).append(key)
    counts = Counter({key: child.present for key, child in children.items()})
    return {key for keys in groups.values() for key in keys if key != max(keys, key=lambda each: counts[each])}


def _has_content(place: Place) -> bool:
    return bool(place.element or place.children or place.scalars.count)


def _kept(place: Place) -> str:
    element = place.element
    if place.lists and not place.objects and not place.scalars.count and element is not None and element.is_plain:
        return f"a list of plain values, up to {place.longest:,} long: kept as its JSON"
    if place.is_map:
        return f"an object with {len(place.children):,} different keys, which look like data: kept as its JSON"
    parts = ((place.lists, "a list"), (place.objects, "an object"), (place.scalars.count, "a plain value"))
    said = ", ".join(f"{what} in {count:,}" for count, what in parts if count)
    return f"kept as its JSON: {said}"
