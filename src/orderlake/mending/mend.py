"""Mending: a record of the quarantine becomes a source object of its own, which loads like any other.

Its file lies in `raw/mended/`, in a folder named after the record, under a name of its stream. Its time is that of the
file it is from, and a little: so a record that is mended late never outdoes a newer version of the same order, and the
tables stay a function of the set of source versions, whatever was loaded when. Nothing else remembers the mending.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

from orderlake.engine import name as identifier
from orderlake.engine import quote
from orderlake.errors import ConfigError, NotFoundError, StorageUnavailableError
from orderlake.mending.drafts import Draft, Header, draft_of, header_of
from orderlake.mending.records import FOLDER, is_closed, key_of, prefix_of
from orderlake.model.pipeline import Pipeline, Stream
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.sources import source_at, stream_of, uri_of
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.query.duckdb import Result

Outcome = Literal["loaded", "superseded", "duplicate", "quarantined", "rejected"]
_TRY: Final = 1_000
"""Nanoseconds between a file and the first try to mend a record of it, and between two tries."""
_BEFORE: Final = 1_000_000
"""Nanoseconds that a mended record is put before its file which has a later record of the same key."""
_PACKED: Final = (".gz", ".gzip", ".zst", ".zstd")


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of a mended record: `mended` is its file, `outcome` how that loaded, `reason` why it did not.

    `is_new` is False when this text was tried before, and nothing was loaded.
    """

    source: str
    position: int
    mended: str
    outcome: Outcome
    field: str
    reason: str
    load_id: str
    is_new: bool

    @property
    def is_closed(self) -> bool:
        """Whether the record has left the quarantine."""
        return self.outcome in ("loaded", "superseded", "duplicate")

    @property
    def said(self) -> str:
        """What became of it, for people."""
        if self.outcome == "quarantined":
            return f"set aside again: {self.field} {self.reason}".replace(":  ", ": ")
        told = {
            "loaded": "loaded",
            "superseded": "loaded, and outdone by a newer version of it that is in the tables",
            "duplicate": "loaded, and equal to what is in the tables",
            "rejected": f"rejected: {self.reason}",
        }[self.outcome]
        return told if self.is_new else f"{told} (nothing is new: this text was tried before)"

    def as_dict(self) -> dict[str, object]:
        """JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the quarantine, the file it is from as it was loaded, and where it is mended."""

    report: LoadReport
    position: int
    record: str
    pipeline: Pipeline
    stream: Stream
    key: str
    before: LoadReport | None
    """The last try to mend it."""


@dataclass(frozen=True, slots=True)
class Mender:
    """Mends records of one lake. `ask` answers SQL over its tables, `load` loads source objects."""

    backends: Backends
    ask: Callable[[str], Result]
    load: Callable[[Sequence[SourceObject]], Sequence[LoadReport]]

    def fix(self, source: str, position: int, record: str | None, version: int | None = None) -> Mended:
        """Load a record of the quarantine with this text, or as it is; the newest of that place unless `version` says.

        DataError says what is wrong with the text, ConfigError why it cannot be mended here, NotFoundError that there
        is no such record. The same text twice is loaded once.
        """
        row = self._row(source, position, version)
        text = row.record if record is None else record
        if record is None and row.before is not None and is_closed(row.before):
            return self._outcome(row, row.before, is_new=False)
        draft = draft_of(row.stream, text, self._header(row), source)
        target = self._place(row)
        with self.backends.ledger.turn(FOLDER):
            is_new = self._write(row, target, draft)
            found = source_at(self.backends.project, target)
        if found is None:
            raise StorageUnavailableError(f"{target} was removed before it was loaded: mend the record again")
        report = self.load([found])[0]
        if report.status == "unchanged":  # `watch` was quicker, or it was tried before: that load tells
            report = self.backends.ledger.applied([report.identity])[report.identity]
        return self._outcome(row, report, is_new=is_new)

    def draft(self, source: str, position: int, version: int | None = None) -> str:
        """The text to mend a record from: as it was set aside, a CSV row below its header where that is known."""
        row = self._row(source, position, version)
        header = self._header(row)
        return row.record if header is None else f"{header.text}\n{row.record}"

    def _row(self, source: str, position: int, version: int | None) -> _Row:
        if self.backends.is_remote:
            raise ConfigError(
                "a lake on AWS cannot mend a record by itself: versions of objects count there by when they arrived, "
                "so the mended record would outdo a newer version of its order; put the file, corrected, "
                "in the place of the old one"
            )
        at = f"source = {quote(source)} AND position = {position}"
        wanted = "" if version is None else f" AND version = {version}"
        found = self.ask(
            f"SELECT version, record, load_id FROM quarantine WHERE {at}{wanted} ORDER BY version DESC LIMIT 1"
        ).rows
        if not found:
            raise NotFoundError(
                f"there is no record {position} of {source} in quarantine; `orderlake quarantine list` shows what is"
            )
        of, record, load_id = cast("tuple[int, str, str]", found[0])
        prefix = prefix_of(self.backends.project)
        if source.startswith(prefix):
            raise ConfigError(f"{source} is a mended record itself: mend the one that it was made of once more")
        key = key_of(source, of, position)
        report: LoadReport | None = None
        before: LoadReport | None = None
        for each in self.backends.ledger.loads():
            if each.load_id == load_id and each.source == source:
                report = each
            elif each.source.startswith(f"{prefix}{key}/") and (before is None or each.version > before.version):
                before = each
        if report is None:
            raise NotFoundError(f"the load history does not know of {source}, load {load_id}")
        pipeline, stream = self._stream(report)
        again = self._quarantined(before) if before is not None else None
        return _Row(report, position, record if again is None else again[2], pipeline, stream, key, before)

    def _stream(self, report: LoadReport) -> tuple[Pipeline, Stream]:
        for pipeline in self.backends.pipelines:
            for stream in pipeline.streams:
                if (pipeline.name, stream.name) == (report.pipeline, report.stream):
                    if not stream.key:
                        raise ConfigError(
                            f"{stream.pipeline}.{stream.name} has no key, so that its files count as a whole: "
                            f"correct the record in {report.source} itself, and load that again"
                        )
                    return pipeline, stream
        raise ConfigError(f"the project has no pipeline {report.pipeline} with the source {report.stream} any more")

    def _header(self, row: _Row) -> Header | None:
        """The header of the record's file if that is as it was, else of the last try."""
        if row.stream.format != "csv":
            return None
        project = self.backends.project
        files = [(project.root / row.report.source, row.report.version)]
        files += [(project.root / row.before.source, row.before.version)] if row.before is not None else []
        for path, version in files:
            there = source_at(project, path)
            if there is not None and there.version == version:
                return header_of(row.stream, path)
        return None

    def _place(self, row: _Row) -> Path:
        """Where the mended record goes: a name under which any later run finds its stream."""
        folder = self.backends.project.raw / FOLDER / row.key
        if row.before is not None:
            return self.backends.project.root / row.before.source
        original = row.report.source.rsplit("/", 1)[-1]
        bare = next((original[: -len(end)] for end in _PACKED if original.lower().endswith(end)), original)
        for name in (bare, original, *(re.sub(r"[*?]|\[[^\]]*\]", "", pattern) for pattern in row.stream.match)):
            uri, location = uri_of(self.backends.project, folder / name)
            with suppress(ConfigError):
                _, stream = stream_of(self.backends.pipelines, SourceObject(uri, location, 0, 0), None)
                if stream == row.stream:
                    return folder / name
        raise ConfigError(
            f"{row.report.source} was loaded with --pipeline, under a name that does not tell its pipeline, and so "
            f"would the mended record be: add a pattern for it to `match` in pipelines/{row.pipeline.name}.yaml"
        )

    def _write(self, row: _Row, target: Path, draft: Draft) -> bool:
        """Write the file, complete at once, newer than the last try; False when that had the same text.

        A text that was tried under other declarations is worth another try.
        """
        there = source_at(self.backends.project, target)
        last = row.report.version if row.before is None else row.before.version
        if there is not None:
            if target.read_bytes() == draft.data:
                done = self.backends.ledger.applied([there.identity]).get(there.identity)
                if done is None or is_closed(done) or done.definition == row.pipeline.fingerprint:
                    return done is None
            last = max(last, there.version)
        before = row.before is not None or there is not None
        version = (last if before or not self._is_outdone(row, draft.key) else last - _BEFORE) + _TRY
        _put(target, draft.data, version)
        return True

    def _is_outdone(self, row: _Row, values: Sequence[str]) -> bool:
        """Whether its own file has a later record of the same key in the tables: the mended one then comes before."""
        table = next((spec for spec in row.stream.tables if not spec.rows and spec.format == "iceberg"), None)
        if table is None:
            return False
        own = [next(column.name for column in table.columns if column.path == key.path) for key in row.stream.key]
        same = " AND ".join(
            f"CAST({identifier(column)} AS VARCHAR) = {quote(value)}" for column, value in zip(own, values, strict=True)
        )
        return bool(
            self.ask(
                f"SELECT 1 FROM {identifier(table.name)} WHERE {same} AND _source_file = {quote(row.report.source)} "
                f"AND _source_row > {row.position} LIMIT 1"
            ).rows
        )

    def _outcome(self, row: _Row, report: LoadReport, *, is_new: bool) -> Mended:
        outcome: Outcome = "rejected"
        field, reason = "", report.reason or ""
        if report.status == "loaded":
            counts: dict[Outcome, int] = {
                "quarantined": report.quarantined,
                "superseded": report.superseded,
                "duplicate": report.duplicate,
            }
            outcome = next((name for name, count in counts.items() if count), "loaded")
            again = self._quarantined(report)
            field, reason = ("", "") if again is None else again[:2]
        return Mended(row.report.source, row.position, report.source, outcome, field, reason, report.load_id, is_new)

    def _quarantined(self, report: LoadReport) -> tuple[str, str, str] | None:
        """Field, reason and text of the record of a mended file that was set aside again."""
        if not report.quarantined:
            return None
        rows = self.ask(
            f"SELECT field, reason, record FROM quarantine "
            f"WHERE source = {quote(report.source)} AND version = {report.version} LIMIT 1"
        ).rows
        return cast("tuple[str, str, str]", rows[0]) if rows else None


def _put(target: Path, data: bytes, version: int) -> None:
    """Create or replace a file in one step, with its time; it is on disk when this returns."""
    part = target.with_name(f".part-{uuid.uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.utime(part, ns=(version, version))
        if part.stat().st_mtime_ns != version:
            raise ConfigError(f"the file system of {target} does not keep times of files to the microsecond: move raw/")
        part.replace(target)
        for folder in (target.parent, target.parent.parent):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise StorageUnavailableError(f"{target}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
