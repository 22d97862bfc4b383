"""Stage source objects: read, flatten, check, and write Parquet; set aside what cannot be loaded.

Pure: bytes and a pipeline in, files and rejections out. Each share of each object is read strictly
first; a share that holds anything out of the ordinary is read again with care.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import Engine, parquet, paths, quote
from orderlake.errors import (
    ConfigError,
    DataError,
    LakeError,
    StorageUnavailableError,
    UnreadableObjectError,
    UnreadableShareError,
)
from orderlake.kernel import flatten, read_csv, read_json
from orderlake.kernel.careful import PARQUET, stage_carefully
from orderlake.kernel.plain import plain_text
from orderlake.kernel.scan import UnbalancedError
from orderlake.kernel.shape import inner
from orderlake.kernel.split import SMALL, Share, chunks_of, readable, shares
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.model.staged import ROW_BITS, Rejection, Segment, StagedLoad

if TYPE_CHECKING:
    import duckdb

_TOGETHER: Final = 250


class _TornError(Exception):
    """A share of the file of this source is not balanced: it was cut inside a record, or is damaged there."""

    def __init__(self, source: int) -> None:
        super().__init__(source)
        self.source = source


class _DoubtError(Exception):
    """Something that DuckDB's strict reader does not mind, and we do."""


@dataclass(frozen=True, slots=True)
class _Task:
    number: int
    first: int
    """The number of its first segment; it has one segment per share."""
    shares: tuple[Share, ...]
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Done:
    grains: dict[flatten.Grain, tuple[str, ...]]
    counts: tuple[int, ...]
    """Records read per segment."""
    rejections: tuple[Rejection, ...] = ()
    is_numbered_through: bool = False
    """Whether records are numbered over all segments, and not from 1 in each."""


def stage(engine: Engine, stream: Stream, sources: Sequence[tuple[SourceObject, Path]], folder: Path) -> StagedLoad:
    """Stage objects of one stream into `folder`; UnreadableShareError names the one that cannot be read at all."""
    plan = flatten.plan_of(stream)
    folder.mkdir(parents=True, exist_ok=True)
    plain = [_plain(path, folder / f"plain-{number}", stream, number) for number, (_, path) in enumerate(sources)]
    tasks, done = _staged(engine, _Worker(plan, folder), plain)
    for path in plain:
        if path.parent == folder:
            path.unlink()
    return _collect(plan, [source for source, _ in sources], tasks, done)


def _staged(engine: Engine, worker: _Worker, plain: Sequence[Path]) -> tuple[list[_Task], list[_Done]]:
    """Stage all shares on all workers; a file that was cut inside a record once more, uncut."""
    workers = dict.fromkeys(range(len(plain)), engine.workers)
    while True:
        cut = [
            (source, share)
            for source, path in enumerate(plain)
            for share in _shares(worker.plan, path, source, workers[source])
        ]
        tasks = _tasks(cut)
        try:
            return tasks, engine.each(worker.run, tasks)
        except _TornError as error:
            workers[error.source] = 0


def _plain(path: Path, target: Path, stream: Stream, number: int) -> Path:
    try:
        return plain_text(path, target, stream.encoding)
    except UnreadableObjectError as error:
        raise UnreadableShareError(str(error), number) from None
    except OSError as error:
        raise _unread(error, number) from error


def _unread(error: OSError, source: int) -> LakeError:
    """What a failed system call means: this machine is short of something, or the object cannot be read."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return StorageUnavailableError(f"staging failed: {error}")
    return UnreadableShareError(f"cannot be read: {error.strerror or error}", source)


def _shares(plan: flatten.Plan, path: Path, source: int, workers: int) -> list[Share]:
    try:
        if not plan.is_text:
            return shares(path, workers, plan.stream.envelope)
        with path.open("rb") as file:
            dialect = read_csv.dialect_of(plan, file.read(1 << 16))
    except DataError as error:
        raise UnreadableShareError(str(error), source) from None
    if dialect is None:
        return []
    return [Share(path, "csv", dialect.start, path.stat().st_size, whole=dialect.start == 0, dialect=dialect)]


def _tasks(parts: Sequence[tuple[int, Share]]) -> list[_Task]:
    """Small whole JSON files of one layout go together, a share of a large file alone."""

    def kind(part: tuple[int, Share]) -> tuple[str, bool]:
        share = part[1]
        return share.layout, share.dialect is None and share.whole and share.end - share.start <= SMALL

    tasks: list[_Task] = []
    segment = 0
    for (_, together), group in groupby(parts, key=kind):
        batch = list(group)
        step = _TOGETHER if together else 1
        for at in range(0, len(batch), step):
            owners, some = zip(*batch[at : at + step], strict=True)
            tasks.append(_Task(len(tasks), segment, some, owners))
            segment += len(some)
    return tasks


@dataclass(frozen=True, slots=True)
class _Worker:
    plan: flatten.Plan
    folder: Path

    def run(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

        try:
            return self._together(cursor, task) if len(task.shares) > 1 else self._strict(cursor, task)
        except (duckdb.IOException, duckdb.FatalException) as error:
            raise StorageUnavailableError(f"staging failed: {error}") from error
        except OSError as error:
            raise _unread(error, task.sources[0]) from error
        except (duckdb.Error, _DoubtError):
            return self._one_by_one(cursor, task) if len(task.shares) > 1 else self._careful(cursor, task)

    def _files(self, task: _Task, how: str) -> dict[flatten.Grain, str]:
        return {
            grain: str(self.folder / f"staged-{number}-{task.first:06d}-{how}.parquet")
            for number, grain in enumerate(self.plan.shape.grains)
        }

    def _strict(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        share, base = task.shares[0], task.first << ROW_BITS
        files = self._files(task, "strict")
        with readable(share, self.folder, task.number) as path:
            if share.dialect is None:
                relation = read_json.strict_relation(self.plan, [path], share.layout)
                self._write(cursor, files, relation, f"{base} + row_number() OVER ()")
            elif any(b"\0" in chunk for chunk in chunks_of(share)):
                raise _DoubtError
            else:
                self._write(cursor, files, read_csv.strict_relation(self.plan, path, share.dialect, base), None)
        return _Done(_single(files), self._counts(cursor, task, files))

    def _together(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        files = self._files(task, "strict")
        read = [share.path for share in task.shares]
        which = f"list_position({paths(str(file) for file in read)}, r.{inner('file')})"
        number = f"(({task.first - 1} + {which})::BIGINT << {ROW_BITS}) + row_number() OVER ()"
        self._write(cursor, files, read_json.strict_relation(self.plan, read, task.shares[0].layout), number)
        return _Done(_single(files), self._counts(cursor, task, files), is_numbered_through=True)

    def _write(
        self, cursor: duckdb.DuckDBPyConnection, files: dict[flatten.Grain, str], relation: str, number: str | None
    ) -> None:
        for grain, file in files.items():
            sql = flatten.strict_sql(self.plan, grain, relation, number)
            cursor.execute(f"COPY ({sql}) TO {quote(file)} {PARQUET}")

    def _counts(
        self, cursor: duckdb.DuckDBPyConnection, task: _Task, files: dict[flatten.Grain, str]
    ) -> tuple[int, ...]:
        """Records per segment, from the first grain: one row of it per record."""
        root = self.plan.shape.grains[0]
        levels = range(1, len(self.plan.shape.levels(root)) + 1)
        first = " AND ".join(f"coalesce(_i{depth}, 1) = 1" for depth in levels) or "true"
        staged = f"FROM {parquet([files[root]])} WHERE {first}"
        rows = cursor.execute(f"SELECT (_rid >> {ROW_BITS}) - {task.first}, count(*) {staged} GROUP BY 1").fetchall()
        found = dict(rows)
        return tuple(int(found.get(at, 0)) for at in range(len(task.shares)))

    def _careful(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        import duckdb  # noqa: PLC0415 - as in run

        share, source = task.shares[0], task.sources[0]
        files = self._files(task, "careful")
        try:
            count, rejections = stage_carefully(cursor, self.plan, share, task.first, files)
        except UnbalancedError as error:
            if share.is_cut:
                raise _TornError(source) from None
            raise UnreadableShareError(str(error), source) from None
        except UnreadableObjectError as error:
            raise UnreadableShareError(str(error), source) from None
        except duckdb.OutOfMemoryException as error:
            raise ConfigError(f"memory_mb is too small for this file: {error}") from error
        except (duckdb.IOException, duckdb.FatalException) as error:
            raise StorageUnavailableError(f"staging failed: {error}") from error
        except duckdb.Error as error:
            raise UnreadableShareError(f"cannot be staged: {str(error).splitlines()[0]}", source) from error
        return _Done(_single(files), (count,), rejections)

    def _one_by_one(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        """A group of small files with something amiss: each is staged alone, so the fault stays with its file."""
        alone = [
            self.run(cursor, _Task(task.number, task.first + at, (share,), (source,)))
            for at, (share, source) in enumerate(zip(task.shares, task.sources, strict=True))
        ]
        grains = {
            grain: tuple(file for part in alone for file in part.grains[grain]) for grain in self.plan.shape.grains
        }
        return _Done(
            grains,
            tuple(count for part in alone for count in part.counts),
            tuple(rejection for part in alone for rejection in part.rejections),
        )


def _single(files: dict[flatten.Grain, str]) -> dict[flatten.Grain, tuple[str, ...]]:
    return {grain: (file,) for grain, file in files.items()}


def _collect(
    plan: flatten.Plan, sources: Sequence[SourceObject], tasks: Sequence[_Task], done: Sequence[_Done]
) -> StagedLoad:
    before = dict.fromkeys(range(len(sources)), 0)
    segments: list[Segment] = []
    for task, result in zip(tasks, done, strict=True):
        starts = accumulate(result.counts, initial=0) if result.is_numbered_through else [0] * len(result.counts)
        for source, count, start in zip(task.sources, result.counts, starts, strict=False):
            segments.append(Segment(source, count, before[source] - start))
            before[source] += count
    return StagedLoad(
        tuple(sources),
        tuple(segments),
        {grain: tuple(file for result in done for file in result.grains[grain]) for grain in plan.shape.grains},
        tuple(rejection for result in done for rejection in result.rejections),
    )
