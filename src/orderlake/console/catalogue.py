"""The tables of a lake as the page Data shows them: what each is, where its columns come from, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orderlake.exporting.notes import LINEAGE, Note, grain, notes
from orderlake.tables.layout import system_layouts
from orderlake.values import plain

if TYPE_CHECKING:
    from orderlake.anatomy import Anatomy, ColumnFacts
    from orderlake.console.state import Console
    from orderlake.model.column import Column
    from orderlake.model.pipeline import Stream, TableSpec
    from orderlake.model.report import LoadReport
    from orderlake.tables.health import Health

_RECENT: Final = 200
"""Loads among which the newest of each table is looked for."""
SAMPLE_ROWS: Final = 50
_CELL: Final = 160
_NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL")


@dataclass(frozen=True, slots=True)
class Entry:
    """A table in the list; `at` is when its newest snapshot or load was, `load` that load where it is known."""

    name: str
    pipeline: str
    kind: str
    grain: str
    rows: int
    files: int
    bytes: int
    snapshots: int | None
    at: str | None
    load: str | None
    health: Health | None


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """A column of a table: where it comes from, what it is there for, and what its values are like."""

    name: str
    type: str
    source: str
    marks: tuple[str, ...]
    note: str
    null_share: float | None
    lower: str | None
    upper: str | None
    is_number: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows; a cell is (text, None for null; whether it is a number)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str | None, bool], ...], ...]


def entries(console: Console) -> list[Entry]:
    """Every table: declared ones in their order, those of our own once they have rows, then marts."""
    return console.kept("tables", console.session.token(), lambda: _entries(console))


def table_of(console: Console, name: str) -> tuple[Entry, Anatomy]:
    """One table; NotFoundError when there is none of that name."""
    made = anatomy_of(console, name)
    return _entry(console, made, _newest(console), _notes(console)), made


def anatomy_of(console: Console, name: str) -> Anatomy:
    """What a table is made of, told anew when the lake has changed."""
    return console.kept(f"table {name}", console.session.token(), lambda: console.session.anatomy(name))


def columns_of(console: Console, made: Anatomy) -> list[ColumnEntry]:
    """The columns of a table, with what its pipeline says of them."""
    stream, spec = _declared(console).get(made.name, (None, None))
    note = _notes(console).get(made.name)
    declared = {} if spec is None else {column.name: column for column in spec.columns}
    return [_column(made, facts, declared.get(facts.name), stream, note) for facts in made.columns]


def sample_of(console: Console, name: str) -> Sample:
    """A few rows of a table, as they come."""
    quoted = '"' + name.replace('"', '""') + '"'
    result = console.session.query(f"SELECT * FROM {quoted} LIMIT {SAMPLE_ROWS}")
    numeric = [kind.startswith(_NUMBERS) for kind in result.types]
    rows = (tuple(zip(map(_cell, row), numeric, strict=True)) for row in result.rows)
    return Sample(result.columns, tuple(rows))


def _entries(console: Console) -> list[Entry]:
    newest, said = _newest(console), _notes(console)
    made = [console.session.anatomy(table.name, values=False) for table in console.session.tables()]
    found = {each.name: _entry(console, each, newest, said) for each in made}
    order = [name for name in _declared(console) if name in found]
    own = {layout.name for layout in system_layouts()}
    rest = [name for name in found if name not in order and (name not in own or found[name].rows)]
    return [found[name] for name in (*order, *rest)]


def _entry(console: Console, made: Anatomy, newest: Mapping[str, LoadReport], said: Mapping[str, Note]) -> Entry:
    stream, spec = _declared(console).get(made.name, (None, None))
    load = newest.get(made.name)
    what = grain(stream, spec) if stream is not None and spec is not None else said.get(made.name, Note("")).table
    is_mart = spec is None and made.format != "iceberg"
    written = made.versions[0].at if made.versions else None
    return Entry(
        made.name,
        "" if stream is None else stream.pipeline,
        "mart" if is_mart else made.format,
        what,
        made.rows,
        len(made.files),
        made.bytes,
        len(made.versions) if made.format == "iceberg" else None,
        written if load is None else load.at,
        None if load is None else load.identity,
        made.health,
    )


def _column(
    made: Anatomy, facts: ColumnFacts, column: Column | None, stream: Stream | None, note: Note | None
) -> ColumnEntry:
    marks = []
    if column is not None and stream is not None:
        marks += ["key"] if any(key.path == column.path for key in stream.key) else []
        marks += ["version"] if stream.sequence_by is not None and stream.sequence_by.path == column.path else []
        marks += ["required"] if column.required else []
    marks += ["partition"] if made.partitioned_by.endswith(f"({facts.name})") else []
    marks += ["lineage"] if column is None and facts.name in LINEAGE else []
    said = "" if note is None else note.columns.get(facts.name, "")
    source = "" if column is None else ".".join(column.path)
    return ColumnEntry(
        facts.name,
        facts.type,
        source,
        tuple(marks),
        said.removeprefix(f"from {source}").lstrip("; ") if source else said,
        None if facts.nulls is None or not made.rows else facts.nulls / made.rows,
        facts.lower,
        facts.upper,
        facts.type.startswith(_NUMBERS),
    )


def _declared(console: Console) -> dict[str, tuple[Stream, TableSpec]]:
    return {
        spec.name: (stream, spec)
        for pipeline in console.lake.pipelines
        for stream in pipeline.streams
        for spec in stream.tables
    }


def _notes(console: Console) -> Mapping[str, Note]:
    manifest = console.lake.project.state / "dbt" / "target" / "manifest.json"
    return console.kept("notes", console.session.token(), lambda: notes(console.lake.pipelines, manifest))


def _newest(console: Console) -> Mapping[str, LoadReport]:
    """The newest load that wrote to each table, among the recent ones."""
    loads: Sequence[LoadReport] = console.lake.recent(_RECENT).loads
    return {table: report for report in reversed(loads) for table in report.tables}


def _cell(value: object) -> str | None:
    if value is None:
        return None
    text = plain(value)
    return text if len(text) <= _CELL else f"{text[:_CELL]}…"
