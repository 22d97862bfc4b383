"""Sources staged again, for what a rollback puts back: of each file only the records that are affected stay."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orderlake.engine import Engine
from orderlake.errors import NotFoundError, SourceChangedError, UnreadableShareError
from orderlake.kernel.stage import stage
from orderlake.model.pipeline import Stream
from orderlake.model.report import LoadReport
from orderlake.model.source import RemoteFile, SourceObject, packed
from orderlake.model.staged import ROW_BITS, Segment, StagedLoad
from orderlake.rollback.raw import Raw
from orderlake.tables.batch import Batch
from orderlake.tables.withdraw import keep_only, only_affected, refused_now, set_aside
from orderlake.wiring import Backends

_GROUP_FILES: Final = 250
_GROUP_BYTES: Final = 256 << 20
Version = tuple[LoadReport, SourceObject]


@dataclass
class Again:
    """Stages versions of files again in `folder`. `quarantine` are the files of that table.

    `problems` are the files that cannot be read as they were, each with the reason.
    """

    backends: Backends
    engine: Engine
    stream: Stream
    raw: Raw
    folder: Path
    quarantine: Sequence[str]
    problems: list[tuple[LoadReport, str]] = field(default_factory=list)
    _segments: list[Segment] = field(default_factory=list)
    _files: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    _found: dict[tuple[str, ...], set[str]] = field(default_factory=dict)

    def staged(self, versions: Sequence[Version]) -> StagedLoad:
        """Stage versions, in order of (time, uri); what is not affected is left out as each group is done."""
        sources: list[SourceObject] = []
        for number, group in enumerate(packed(versions, lambda each: each[1].size, _GROUP_FILES, _GROUP_BYTES)):
            self._group(number, group, len(sources))
            sources += [source for _, source in group]
        grains = {grain: tuple(files) for grain, files in self._files.items()}
        found = {level: sorted(paths) for level, paths in self._found.items()}
        return StagedLoad(tuple(sources), tuple(self._segments), grains, found=found)

    def _group(self, number: int, group: Sequence[Version], first: int) -> None:
        work = self.folder / f"group-{number}"
        try:
            files: list[tuple[SourceObject, Path | RemoteFile]] = [
                (source, self.backends.sources.file(source, work)) for _, source in group
            ]
            forgotten, about = self.backends.forgotten(), (self.engine, self.stream)
            files = [
                (source, file if forgotten is None else forgotten.cleaned(*about, file, work / f"cleaned-{at}"))
                for at, (source, file) in enumerate(files)
            ]
            staged = stage(self.engine, self.stream, files, work, key=self.backends.key_for(self.stream))
            for report, source in group:
                if not self.raw.is_unchanged(source):
                    raise SourceChangedError(f"{report.source} changed while it was read")
        except UnreadableShareError as error:
            self.problems.append((group[error.source][0], f"cannot be read any more: {error}"))
            return
        except NotFoundError as error:
            self.problems.append((group[0][0], f"is gone: {error}"))
            return
        cursor, batch = self.engine.cursor(), Batch(self.stream, staged, "")
        set_aside(cursor, self.quarantine, [(report.source, report.load_id) for report, _ in group])
        self._compare(group, staged, refused_now(cursor, batch))
        counts: dict[int, int] = {}
        before = len(self._segments)
        if any(staged.grains.values()):
            only_affected(cursor, batch)
            counts = dict(cursor.execute(f"SELECT _rid >> {ROW_BITS}, count(*) FROM kept GROUP BY 1").fetchall())
            for at, (grain, found) in enumerate(staged.grains.items()):
                target = self.folder / f"kept-{number}-{at}.parquet"
                keep_only(cursor, found, str(target), before)
                self._files.setdefault(grain, []).append(str(target))
        self._segments += [
            Segment(first + segment.source, counts.get(at, 0), segment.base)
            for at, segment in enumerate(staged.segments)
        ]
        for level, paths in staged.found.items():
            self._found.setdefault(level, set()).update(paths)
        shutil.rmtree(work, ignore_errors=True)

    def _compare(self, group: Sequence[Version], staged: StagedLoad, refused: Mapping[int, str]) -> None:
        """A version must read as it did when it was loaded: the pipeline may have changed since."""
        for at, (report, _) in enumerate(group):
            read = sum(segment.records for segment in staged.segments if segment.source == at)
            if read != report.read:
                self.problems.append((report, f"has {read} records now, {report.read} were read when it was loaded"))
            elif at in refused:
                self.problems.append((report, f"is refused now (has its pipeline changed?), {refused[at]}"))
