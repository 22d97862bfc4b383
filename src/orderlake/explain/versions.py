"""All versions of one record, those that lost among them: looked for in the raw files that still lie there.

Only files that may hold one are opened: what a load has superseded, found twice or set aside, or what later loads took
over, is in the load history. A record that is found is read as a load reads it, alone; so its version and what is equal
are told by the same rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from orderlake.errors import LakeError, UnreadableShareError
from orderlake.explain.trace import same
from orderlake.kernel.record import records_like
from orderlake.kernel.stage import stage
from orderlake.model.source import SourceObject
from orderlake.model.staged import ROW_BITS
from orderlake.sources import source_at
from orderlake.tables.batch import Batch
from orderlake.tables.layout import index_layout
from orderlake.values import size_text

if TYPE_CHECKING:
    from orderlake.config import Project
    from orderlake.engine import Engine
    from orderlake.model.pipeline import Stream
    from orderlake.model.report import LoadReport

Fate = Literal["stands", "replaced", "superseded", "duplicate", "rolled_back"]
_FILES: Final = 500
_BYTES: Final = 1 << 30
"""What is looked through at most, in all."""
_LARGEST: Final = 64 << 20
"""Bytes of a file that is looked through."""
_RECORDS: Final = 200
"""Records that are read at most."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a record: where it stands, its order among versions, its load, and what became of it.

    `by` names what it lost to. *replaced*: it stood until that came. *superseded*: that was there, and newer, when it
    came. *duplicate*: it has the same content. *rolled_back*: its load was taken back, by the load that `by` names.
    """

    source: str
    number: int
    line: int
    version: int
    time: int
    load_id: str
    at: str
    hash: int = field(repr=False)
    fate: Fate = "stands"
    by: str = ""

    @property
    def rank(self) -> tuple[int, int, str, int]:
        """The greatest wins."""
        return (self.version, self.time, self.source, self.number)

    @property
    def named(self) -> str:
        """What people call it."""
        return f"record {self.number} of {self.source}"


@dataclass(frozen=True, slots=True)
class Unseen:
    """Files that could not be looked into, for one reason."""

    reason: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, oldest load first; how many files were looked into; and what could not be."""

    versions: tuple[Version, ...]
    looked_into: int
    unseen: tuple[Unseen, ...]


@dataclass(slots=True)
class Searcher:
    """Looks for the versions of records of one stream; `loads` is the history, `work` a folder to work in."""

    project: Project
    engine: Engine
    stream: Stream
    loads: Sequence[LoadReport]
    work: Path
    key: bytes = field(default=b"", repr=False)
    """The key that personal data is hashed with; empty where nothing is."""
    _unseen: dict[str, list[str]] = field(default_factory=dict)

    def search(self, values: Sequence[str], standing: str) -> Search:
        """All versions of a record that can be seen; `standing` is the identity of the file that its rows are from."""
        patterns = [pattern_of(value) for value in values]
        self._unseen = {}
        found: list[tuple[LoadReport, int, int, Path]] = []
        files = left = 0
        budget = _BYTES
        for report, path in self._files(standing):
            if files == _FILES or path.stat().st_size > budget or len(found) >= _RECORDS:
                left += 1
                self._miss("there is too much to look through", report)
                continue
            files += 1
            budget -= path.stat().st_size
            found += self._hits(report, path, patterns)
        read = self._read(found[:_RECORDS], values)
        undone = {load.identity: load.load_id for load in _last(self.loads) if load.status == "rolled_back"}
        identities = {(report.source, report.version): report.identity for report, *_ in found}
        gone, there = [], []
        for version in read:
            by = undone.get(identities[version.source, version.time])
            if by is None:
                there.append(version)
            else:
                gone.append(replace(version, fate="rolled_back", by=by))
        versions = (*settled(there), *gone)
        return Search(versions, files, tuple(Unseen(why, tuple(names)) for why, names in self._unseen.items()))

    def _miss(self, why: str, report: LoadReport) -> None:
        self._unseen.setdefault(why, []).append(report.source)

    def _files(self, standing: str) -> Iterator[tuple[LoadReport, Path]]:
        """The files that may hold a version, newest first, as far as they are as they were loaded."""
        taken = {identity for load in self.loads for identity in load.replaced} | {standing}
        taken |= {load.identity for load in self.loads if load.status == "rolled_back"}
        loaded = {load.identity: load for load in self.loads if load.status == "loaded"}  # the last time, if again
        for report in reversed(loaded.values()):
            if (report.pipeline, report.stream) != (
                self.stream.pipeline,
                self.stream.name,
            ):
                continue
            path = self.project.root / report.source
            if not (report.superseded or report.duplicate or report.identity in taken):
                continue  # all that it holds stands, or is in quarantine
            if report.source.startswith("s3://"):
                self._miss("it is in a bucket", report)
            elif (there := source_at(self.project, path)) is None:
                self._miss("it is not there any more", report)
            elif there.identity != report.identity:
                self._miss("it has changed since it was loaded", report)
            elif there.size > _LARGEST:
                self._miss(f"it is larger than {size_text(_LARGEST)}", report)
            else:
                yield report, path

    def _hits(
        self, report: LoadReport, path: Path, patterns: Sequence[re.Pattern[bytes]]
    ) -> list[tuple[LoadReport, int, int, Path]]:
        hits: list[tuple[LoadReport, int, int, Path]] = []
        try:
            for number, record, alone in records_like(path, self.stream, patterns, self.work):
                if len(hits) == _RECORDS:
                    self._miss("it holds more records like that than are read", report)
                    break
                file = self.work / f"alone-{report.identity}-{number}"
                file.write_bytes(alone)
                hits.append((report, number, record.line, file))
        except LakeError as error:
            self._miss(str(error), report)
        return hits

    def _read(self, found: Sequence[tuple[LoadReport, int, int, Path]], values: Sequence[str]) -> list[Version]:
        """Those whose key it is, read as a load reads them."""
        rest = list(found)
        while rest:
            sources = [
                (SourceObject(report.source, str(file), file.stat().st_size, report.version), file)
                for report, _, _, file in rest
            ]
            try:
                staged = stage(self.engine, self.stream, sources, self.work / "staged", key=self.key)
            except UnreadableShareError as error:
                del rest[error.source]
                continue
            if not any(staged.grains.values()):
                return []
            batch = Batch(self.stream, staged, "")
            kinds = index_layout(self.stream).columns
            where = " AND ".join(same(key, kinds[key].sql, value) for key, value in zip(kinds, values, strict=False))
            rows = (
                self.engine.cursor()
                .execute(f"SELECT _rid >> {ROW_BITS}, _v, _hash FROM {batch.entities()} WHERE {where}")
                .fetchall()
            )
            return [
                self._version(rest[batch.source_number(int(segment))], version, value)
                for segment, version, value in rows
            ]
        return []

    def _version(self, hit: tuple[LoadReport, int, int, Path], version: int, value: int) -> Version:
        report, number, line, _ = hit
        return Version(report.source, number, line, int(version), report.version, report.load_id, report.at, int(value))


def _last(loads: Sequence[LoadReport]) -> list[LoadReport]:
    """The last event of each file version: it was loaded, rejected, or rolled back."""
    return list({load.identity: load for load in loads}.values())


def pattern_of(value: str) -> re.Pattern[bytes]:
    """What finds a value in a record's text: as it is or with its letters escaped, not within a longer word or number.

    >>> [bool(pattern_of("17").search(text)) for text in (b'{"id": 17}', b'{"id": 0017.0}', b'{"id": 170}')]
    [True, True, False]
    """
    forms = {value.encode(errors="surrogatepass"), json.dumps(value)[1:-1].encode()}
    either = b"|".join(re.escape(form) for form in sorted(forms))
    return re.compile(rb"(?<![0-9A-Za-z])0*(?:" + either + rb")(?![0-9A-Za-z])")


def settled(versions: Sequence[Version]) -> tuple[Version, ...]:
    """What became of each, by the order of loads; the winner of a load is compared with what stood before it."""
    fates: dict[tuple[str, str, int], Version] = {}
    stands: Version | None = None
    newest: Version | None = None

    def settle(version: Version, fate: Fate, by: Version | None) -> None:
        fates[version.load_id, version.source, version.number] = replace(version, fate=fate, by=by.named if by else "")

    for group in _by_load(versions):
        best = max(group, key=lambda version: version.rank)
        for lost in group:
            if lost is not best:
                settle(lost, "duplicate" if lost.hash == best.hash else "superseded", best)
        if stands is None or newest is None:
            stands = newest = best
        elif best.hash == stands.hash:
            settle(best, "duplicate", stands)
            newest = max(newest, best, key=lambda version: version.rank)
        elif best.rank > newest.rank:
            settle(stands, "replaced", best)
            stands = newest = best
        else:
            settle(best, "superseded", newest)
    if stands is not None:
        settle(stands, "stands", None)
    return tuple(sorted(fates.values(), key=lambda version: (version.at, version.rank)))


def _by_load(versions: Sequence[Version]) -> list[list[Version]]:
    loads: dict[str, list[Version]] = {}
    for version in sorted(versions, key=lambda version: (version.at, version.rank)):
        loads.setdefault(version.load_id, []).append(version)
    return list(loads.values())


def holds(path: Path, patterns: Sequence[re.Pattern[bytes]], most: int = _LARGEST) -> bool:
    """Whether every pattern finds something in a file's bytes, as they lie; not in one that is larger than `most`."""
    with suppress(OSError):
        if path.stat().st_size <= most:
            data = path.read_bytes()
            return all(pattern.search(data) for pattern in patterns)
    return False
