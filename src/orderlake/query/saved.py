"""Saved queries: questions that were asked before, each a SELECT in a file that says what it answers.

Those that ship lie in `orderlake/queries/`, a folder per pipeline; a project's own in its `queries/`, and win by name.
One text is asked of DuckDB and of Athena.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from orderlake import queries
from orderlake.errors import ConfigError, NotFoundError
from orderlake.query.asked import tables_asked
from orderlake.query.header import ANY_DAY, Chart, read_header, refuse
from orderlake.query.parameters import Parameter, bound

__all__ = ["Chart", "Parameter", "SavedQuery", "bundled_folders", "folders", "saved_queries", "saved_query"]

PIPELINES: Final = ("orders", "olist", "shopify")
"""The groups that have the name of a pipeline."""
GROUPS: Final = (*PIPELINES, "lake")
OWN: Final = "project"
"""The group of the queries that a project has itself."""


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A question with a name.

    `tables` are those that its statement asks, in lower case; `sql` has `$name` for each parameter.
    """

    name: str
    group: str
    title: str
    question: str
    grain: str
    note: str
    parameters: tuple[Parameter, ...]
    chart: Chart | None
    tables: tuple[str, ...]
    sql: str
    file: Path

    def bound(self, values: Mapping[str, str], today: date | None = None) -> str:
        """The statement with these values, defaults for the others; ConfigError names the parameters there are.

        `today` is what dates such as `today-30` count from, by default the day it is in UTC.
        """
        day = datetime.now(UTC).date() if today is None else today
        try:
            return bound(self.sql, self.parameters, values, day)
        except ConfigError as error:
            raise ConfigError(f"{self.name}: {error}") from None

    def lacking(self, tables: Collection[str]) -> list[str]:
        """The tables it asks that are not among these."""
        there = {table.lower() for table in tables}
        return [table for table in self.tables if table not in there]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "name": self.name,
            "group": self.group,
            "title": self.title,
            "question": self.question,
            "grain": self.grain,
            "note": self.note,
            "parameters": [each.as_dict() for each in self.parameters],
            "chart": None if self.chart is None else self.chart.as_dict(),
            "tables": list(self.tables),
            "file": str(self.file),
        }


def bundled_folders() -> list[Path]:
    """The folders of the queries that ship."""
    return [Path(queries.__path__[0]) / group for group in GROUPS]


def folders(root: Path) -> list[Path]:
    """The folders whose queries a project has, its own last."""
    return [*bundled_folders(), root / "queries"]


def saved_queries(
    places: Iterable[Path], on_fault: Callable[[ConfigError], None] | None = None
) -> dict[str, SavedQuery]:
    """The saved queries of some folders by name, later folders winning.

    ConfigError names a faulty file and line; `on_fault` hears of each instead, and the others are given.
    """
    found: dict[str, SavedQuery] = {}
    for name, file in _files(places).items():
        try:
            found[name] = _current(file)
        except ConfigError as error:
            if on_fault is None:
                raise
            on_fault(error)
    return found


def saved_query(name: str, places: Iterable[Path], tables: Collection[str]) -> SavedQuery:
    """One saved query, for a project with these tables; no other file is read.

    NotFoundError has the names that come close, or the tables that the project lacks.
    """
    files = _files(places)
    if name not in files:
        close = difflib.get_close_matches(name, files, 3) or [each for each in files if name in each][:3]
        meant = f"do you mean {', '.join(close)}? " if close else ""
        raise NotFoundError(f"there is no saved query {name!r}: {meant}`orderlake query --list` shows them all")
    found = _current(files[name])
    lacking = found.lacking(tables)
    if lacking:
        remedy = f": `orderlake init . --pipeline {found.group}` adds its pipeline"
        pipeline = remedy if found.group in PIPELINES else ""
        raise NotFoundError(f"{name} asks {', '.join(lacking)}, which this project does not declare{pipeline}")
    return found


def _files(places: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in (file for folder in places for file in sorted(folder.glob("*.sql"))):
        found.pop(file.stem, None)  # it stands among those of its own folder
        found[file.stem] = file
    return found


def _current(file: Path) -> SavedQuery:
    try:
        found = file.stat()
    except OSError as error:
        raise ConfigError(f"cannot read the saved query {file}: {error}") from error
    return _read(file, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=512)
def _read(file: Path, _changed: int, _size: int) -> SavedQuery:
    """A file that is as it was is not read again: the console lists all of them with each page."""
    try:
        header = read_header(file.read_text(encoding="utf-8"), file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the saved query {file}: {error}") from error
    parameters = tuple(header.parameters)
    return SavedQuery(
        name=file.stem,
        group=file.parent.name if file.parent in bundled_folders() else OWN,
        title=header.texts["title"],
        question=header.texts["question"],
        grain=header.texts["grain"],
        note=header.texts.get("note", ""),
        parameters=parameters,
        chart=header.chart,
        tables=_tables(bound(header.sql, parameters, {}, ANY_DAY), file, header.start),
        sql=header.sql,
        file=file,
    )


def _tables(sql: str, file: Path, start: int) -> tuple[str, ...]:
    try:
        return tables_asked(sql)
    except ValueError as error:
        line, what = error.args
        refuse(file, start + line, what)
