"""Find out what `run` would do, by doing all of it but the writing."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.errors import LakeError
from orderlake.model.pipeline import Stream
from orderlake.model.report import LoadReport
from orderlake.plan.examples import Decided, Key, key_text
from orderlake.plan.fields import Fields, fields_of
from orderlake.plan.planned import FilePlan, Plan, Setback, TablePlan
from orderlake.plan.rehearsal import Rehearsal, Rehearser
from orderlake.tables.hive import files_of
from orderlake.tables.layout import layouts_of
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb

    from orderlake.model.source import SourceObject
    from orderlake.tables.batch import Batch
    from orderlake.tables.decide import Decision
    from orderlake.tables.lakehouse import Opened

_LOOKED_AT: Final = 50
"""So many files are told of with examples, and are looked into for fields that are not declared."""
_COMPARED: Final = 20
"""In so many of them rows are compared."""


def plan(backends: Backends, paths: Sequence[str | os.PathLike[str]] = (), pipeline: str | None = None) -> Plan:
    """What `run` would do with these files, or with what is new under raw/; nothing that lasts is written.

    It takes what `run` would take, in time and in room: the room in a temporary folder (TMPDIR says where), which is
    removed. Raises as `run` does; never for bad data.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="orderlake-plan-") as folder:
        rehearsal = Rehearsal.of(backends, Path(folder))
        try:
            noted = _Noted(rehearsal)
            loader = Rehearser(rehearsal, on_decided=noted.decided)
            sources = rehearsal.sources.find(paths)
            reports = loader.run(sources, pipeline)
            by_identity = {source.identity: source for source in sources}
            files = [noted.file(report, by_identity.get(report.identity)) for report in reports]
            return Plan(files, noted.tables(reports), time.perf_counter() - started)
        finally:
            rehearsal.close()


@dataclass(slots=True)
class _Note:
    """What was noted of a file when its batch was decided."""

    stream: Stream
    keys: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    differences: Mapping[Key, Sequence[str]] = field(default_factory=dict)
    setbacks: Sequence[Setback] = ()


@dataclass(slots=True)
class _Noted:
    """What is noted while a load is rehearsed."""

    rehearsal: Rehearsal
    notes: dict[str, _Note] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    before: dict[str, tuple[int | None, int]] = field(default_factory=dict)
    """Rows and bytes of each table as it is."""
    looked: int = 0

    def decided(
        self, cursor: duckdb.DuckDBPyConnection, batch: Batch, decision: Decision, tables: Mapping[str, Opened]
    ) -> None:
        """Ask what was decided about a batch, as long as there is something to ask."""
        self._tables_before(batch.stream, tables)
        found = Decided(cursor, batch, decision, tables, self.rehearsal.house)
        keys = found.keys() if len(self.notes) < _LOOKED_AT else {}
        setbacks = found.setbacks()
        for number, source in enumerate(batch.staged.sources):
            note = _Note(batch.stream, keys.get(number, {}), {}, setbacks.get(number, []))
            changed = note.keys.get("changed", ())
            if changed and len(self.notes) < _COMPARED:
                note.differences = found.differences(changed)
            self.notes[source.identity] = note

    def _tables_before(self, stream: Stream, tables: Mapping[str, Opened]) -> None:
        self.streams[stream.index] = stream
        for spec in stream.tables:
            if spec.name not in self.before:
                self.before[spec.name] = self._size(spec.name, tables.get(spec.name))

    def _size(self, table: str, opened: Opened | None) -> tuple[int | None, int]:
        if opened is not None:
            return sum(file.records for file in opened.live), sum(file.size for file in opened.live)
        files = files_of(self.rehearsal.store, self.rehearsal.root, table)
        return None, sum(file.size for file in files)

    def file(self, report: LoadReport, source: SourceObject | None) -> FilePlan:
        """The plan of one file."""
        note = self.notes.get(report.identity)
        if note is None or report.status != "loaded":
            return FilePlan(report)
        fields = self._fields(note.stream, source)
        return FilePlan(
            report,
            bool(note.stream.key),
            {fate: [key_text(key) for key in keys] for fate, keys in note.keys.items() if keys},
            {key_text(key): said for key, said in note.differences.items()},
            note.setbacks,
            fields.undeclared,
            fields.absent,
            fields.looked,
        )

    def _fields(self, stream: Stream, source: SourceObject | None) -> Fields:
        if source is None or self.looked >= _LOOKED_AT:
            return Fields()
        self.looked += 1
        work = self.rehearsal.project.state / "looked"
        work.mkdir(parents=True, exist_ok=True)
        try:
            return fields_of(stream, self.rehearsal.sources.file(source, work), work)
        except (LakeError, OSError):
            return Fields()  # it is gone, or changed meanwhile

    def tables(self, reports: Sequence[LoadReport]) -> list[TablePlan]:
        """The tables that would be touched, as they are and as they would be."""
        done: list[TablePlan] = []
        for stream in self.streams.values():
            opened = self.rehearsal.house.open(layouts_of(stream))
            for spec in stream.tables:
                rows, size = self.before[spec.name]
                rows_then, size_then = self._size(spec.name, opened.get(spec.name))
                added = sum(report.tables.get(spec.name, 0) for report in reports)
                done.append(TablePlan(spec.name, rows, rows_then, added, size, size_then))
        return done
