"""Where a record comes from: its rows in each table, the file and load of each, and the record as it was received."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import name, quote
from orderlake.erasing.redact import shown
from orderlake.errors import LakeError
from orderlake.kernel.record import record_at
from orderlake.model.report import Wanted
from orderlake.sources import source_at
from orderlake.tables.layout import entity_columns
from orderlake.values import plain, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orderlake.config import Project
    from orderlake.model.pipeline import Pipeline, Stream, TableSpec
    from orderlake.model.ports import Ledger
    from orderlake.model.report import LoadReport
    from orderlake.query.duckdb import Result

_ROWS: Final = 50
_RECORDS: Final = 5
_LARGEST: Final = 64 << 20
"""Bytes of a file that is gone through for one record of it."""
_SHOWN: Final = 20_000
_LINEAGE: Final = ("_source_file", "_source_row", "_version", "_load_id")


@dataclass(frozen=True, slots=True)
class Look:
    """A lake to look at; `ask` answers SQL over its tables."""

    project: Project
    pipelines: Sequence[Pipeline]
    ledger: Ledger
    ask: Callable[[str], Result]


@dataclass(frozen=True, slots=True)
class Key:
    """What records of a pipeline are known by: `id` is `pipeline.column`."""

    pipeline: str
    column: str

    @property
    def id(self) -> str:
        """What the form calls it."""
        return f"{self.pipeline}.{self.column}"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table; `more` says that there are more than are shown."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """A record that rows come from: its file, number and load; its text, or why there is none."""

    source: str
    number: int
    load: LoadReport | None
    load_id: str
    text: str = ""
    line: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """All that is known of the records of a key's value; `others` are records whose text is not looked for."""

    found: tuple[Rows, ...]
    origins: tuple[Origin, ...]
    others: int


def keys_of(pipelines: Sequence[Pipeline]) -> list[Key]:
    """The keys that one can ask for, each once, in the order of the pipelines."""
    return list(
        dict.fromkeys(
            Key(pipeline.name, column.name)
            for pipeline in pipelines
            for stream in pipeline.streams
            for column in stream.key
        )
    )


def trace(look: Look, pipeline: str, values: Mapping[str, str], table: str | None = None) -> Trace:
    """The rows with these values of key columns in a pipeline's tables, or in one, and the records they are from."""
    found: list[Rows] = []
    records: dict[tuple[str, int], tuple[Stream, str]] = {}
    for stream, spec, where in _tables(look, pipeline, values):
        if table not in (None, spec.name):
            continue
        result = look.ask(f"SELECT * FROM {name(spec.name)} WHERE {where} LIMIT {_ROWS + 1}")
        if not result.rows:
            continue
        cells = tuple(tuple(None if cell is None else plain(cell) for cell in row) for row in result.rows[:_ROWS])
        found.append(Rows(spec.name, result.columns, cells, len(result.rows) > _ROWS))
        if spec.format == "iceberg":
            for row in result.as_dicts():
                records.setdefault((str(row["_source_file"]), int(row["_source_row"])), (stream, str(row["_load_id"])))
    shown = list(records.items())[:_RECORDS]
    return Trace(
        tuple(found),
        tuple(origin_of(look, stream, source, number, load) for (source, number), (stream, load) in shown),
        len(records) - len(shown),
    )


def _tables(look: Look, pipeline: str, values: Mapping[str, str]) -> Iterator[tuple[Stream, TableSpec, str]]:
    """Each table of a pipeline that has all these key columns, and the condition on them."""
    for stream in (stream for each in look.pipelines if each.name == pipeline for stream in each.streams):
        for spec in stream.tables:
            kinds = {each.name: each.type.sql for each in spec.columns}
            called = {_column(stream, spec, column): value for column, value in values.items()}
            if all(column in kinds for column in called):
                yield stream, spec, " AND ".join(same(column, kinds[column], each) for column, each in called.items())


def same(column: str, kind: str, value: str) -> str:
    """SQL: a column has this value, read as of the column's type; a value that is none of it is no value's."""
    return f"{name(column)} = TRY_CAST({quote(value)} AS {kind})"


def _column(stream: Stream, spec: TableSpec, wanted: str) -> str:
    """What a table calls a key: its stream's own key by its path, another stream's by its name."""
    if stream.key:
        own = entity_columns(stream, spec)
        for column, called in zip(stream.key, own, strict=True):
            if column.name == wanted:
                return called
    return wanted


def origin_of(look: Look, stream: Stream, source: str, number: int, load_id: str) -> Origin:
    """A record of a file by its number, with its load, and its text where that can be shown."""
    loads = look.ledger.recent(_ROWS, wanted=Wanted(source=source, load_id=load_id)).loads
    load = next((each for each in loads if each.source == source), None) or _put_back(look, source, load_id)
    try:
        text, line = _record(look, stream, source, number, load)
    except LakeError as error:
        return Origin(source, number, load, load_id, reason=str(error))
    if not line:
        return Origin(source, number, load, load_id, reason=text)
    text = shown(text, stream)
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}…"
    return Origin(source, number, load, load_id, text, line)


def _put_back(look: Look, source: str, load_id: str) -> LoadReport | None:
    """The load of a file whose rows a rollback has put back: they bear the rollback's id."""
    rollbacks = look.ledger.recent(_ROWS, wanted=Wanted(load_id=load_id)).loads
    restored = look.ledger.applied({identity for each in rollbacks for identity in each.restored})
    return next((each for each in restored.values() if each.source == source), None)


def _record(look: Look, stream: Stream, source: str, number: int, load: LoadReport | None) -> tuple[str, int]:
    """The text and line of a record; or why there is none, and line 0. Only what a load did read is ever opened."""
    project = look.project
    if project.aws is not None or source.startswith("s3://"):
        return "its file is in a bucket", 0
    if load is None:
        return "its load is not in the load history", 0
    path = project.root / source
    there = source_at(project, path)
    if there is None:
        return "its file is not there any more", 0
    if there.identity != load.identity:
        return "its file has changed since it was loaded", 0
    if there.size > _LARGEST:
        return f"its file is {size_text(there.size)}: too large to look for one record in it here", 0
    with tempfile.TemporaryDirectory(dir=_work(project.state)) as folder:
        found = record_at(path, stream, number, Path(folder))
    return found.text, found.line


def _work(state: Path) -> Path:
    (state / "work").mkdir(parents=True, exist_ok=True)
    return state / "work"
