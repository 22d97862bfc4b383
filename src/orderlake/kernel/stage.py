"""Stage source objects: read, flatten, check, and write Parquet; set aside what cannot be loaded.

Pure: bytes and a pipeline in, files and rejections out. Each share of each object is read strictly
first; a share that holds anything out of the ordinary is read again with care.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.errors import StorageUnavailableError, UnreadableObjectError, UnreadableShareError
from orderlake.kernel import flatten, read_csv, read_json
from orderlake.engine import Engine, name, parquet, paths, quote
from orderlake.kernel.sniff import form_of, has_utf8_letters, is_utf8, raw_chunks, text_chunks
from orderlake.kernel.split import SMALL, Share, chunks, readable, shares
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.model.staged import ROW_BITS, Rejection, Segment, StagedLoad

if TYPE_CHECKING:
    import duckdb

_TOGETHER: Final = 250
_PARQUET: Final = "(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 61440)"
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class _Task:
    number: int
    first: int
    """The number of its first segment; it has one segment per share."""
    shares: tuple[Share, ...]
    sources: tuple[int, ...]
    dialect: read_csv.Dialect | None = None


@dataclass(frozen=True, slots=True)
class _Done:
    grains: dict[flatten.Grain, str]
    counts: tuple[int, ...]
    rejections: tuple[Rejection, ...]


def stage(engine: Engine, stream: Stream, sources: Sequence[tuple[SourceObject, Path]], folder: Path) -> StagedLoad:
    """Stage objects of one stream into `folder`; UnreadableShareError names the one that cannot be read at all."""
    plan = flatten.plan_of(stream)
    folder.mkdir(parents=True, exist_ok=True)
    cut = [(number, share) for number, (_, path) in enumerate(sources) for share in _shares(engine, plan, path, folder, number, stream)]
    tasks = _tasks(plan, cut)
    work = _Worker(plan, folder)
    done = engine.each(work.run, tasks)
    for number, (_, path) in enumerate(sources):
        plain = folder / f"plain-{number}"
        if plain != path:
            plain.unlink(missing_ok=True)
    return _collect(plan, sources, tasks, done)


def _shares(engine: Engine, plan: flatten.Plan, path: Path, folder: Path, number: int, stream: Stream) -> list[tuple[Share, read_csv.Dialect | None]]:
    try:
        plain = _plain(path, folder / f"plain-{number}", stream.encoding)
        if not plan.is_text:
            return [(share, None) for share in shares(plain, engine.workers, stream.envelope)]
        with plain.open("rb") as file:
            dialect = read_csv.dialect_of(plan, file.read(1 << 16).decode(errors="replace"))
        if dialect is None:
            return []
        return [(Share(plain, "csv", 0, plain.stat().st_size, whole=True), dialect)]
    except UnreadableObjectError as error:
        raise UnreadableShareError(str(error), number) from None
    except OSError as error:
        raise UnreadableShareError(f"cannot be read: {error.strerror or error}", number) from None


def _plain(path: Path, target: Path, declared: str) -> Path:
    """The path itself when it is plain UTF-8, else a plain copy."""
    form = form_of(path, declared)
    if form.is_plain and declared == "auto" and path.stat().st_size <= SMALL and not is_utf8(path) and not has_utf8_letters(path):
        form = form_of(path, "cp1252" if _decodes(path, "cp1252") else "latin-1")
    if form.is_plain:
        return path
    with target.open("wb") as out:
        for chunk in text_chunks(path, form):
            out.write(chunk)
    if declared == "auto" and form.encoding == "utf-8" and not is_utf8(target) and not has_utf8_letters(target):
        return _plain(path, target, "latin-1")
    return target


def _decodes(path: Path, encoding: str) -> bool:
    try:
        for chunk in raw_chunks(path, "none"):
            chunk.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _tasks(plan: flatten.Plan, cut: Sequence[tuple[int, tuple[Share, read_csv.Dialect | None]]]) -> list[_Task]:
    """Small whole files of one layout go together, a share of a large file alone."""
    tasks: list[_Task] = []
    segment = 0

    def add(group: Sequence[tuple[int, tuple[Share, read_csv.Dialect | None]]]) -> None:
        nonlocal segment
        kept = tuple(share for _, (share, _) in group)
        tasks.append(_Task(len(tasks), segment, kept, tuple(source for source, _ in group), group[0][1][1]))
        segment += len(kept)

    def kind(item: tuple[int, tuple[Share, read_csv.Dialect | None]]) -> tuple[str, bool]:
        share = item[1][0]
        return share.layout, share.whole and not plan.is_text and share.end - share.start <= SMALL

    for (_, together), items in groupby(cut, key=kind):
        batch = list(items)
        step = _TOGETHER if together else 1
        for at in range(0, len(batch), step):
            add(batch[at : at + step])
    return tasks


@dataclass(frozen=True, slots=True)
class _Worker:
    plan: flatten.Plan
    folder: Path

    def run(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

        try:
            return self._strict(cursor, task)
        except (duckdb.IOException, duckdb.FatalException) as error:
            raise StorageUnavailableError(f"staging failed: {error}") from error
        except duckdb.Error:
            return self._careful(cursor, task)
        except OSError as error:
            raise UnreadableShareError(str(error), task.sources[0]) from error

    def _file(self, grain: flatten.Grain, task: _Task, part: int = 0) -> str:
        return str(self.folder / f"staged-{'_'.join(grain) or 'records'}-{task.number:05d}-{part:04d}.parquet")

    def _strict(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        if len(task.shares) > 1:
            return self._together(cursor, task)
        grains: dict[flatten.Grain, str] = {}
        with readable(task.shares[0], self.folder, task.number) as path:
            base = task.first << ROW_BITS
            if task.dialect is not None:
                relation, rid = read_csv.strict_relation(self.plan, path, task.dialect, base), None
            else:
                relation = read_json.strict_relation(self.plan, [path], task.shares[0].layout)
                rid = f"{base} + row_number() OVER ()"
            for grain in self.plan.shape.grains:
                grains[grain] = self._file(grain, task)
                cursor.execute(f"COPY ({flatten.strict_sql(self.plan, grain, relation, rid)}) TO {quote(grains[grain])} {_PARQUET}")
        return _Done(grains, (self._count(cursor, grains),), ())

    def _together(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        files = [share.path for share in task.shares]
        relation = read_json.strict_relation(self.plan, files, task.shares[0].layout)
        which = f"list_position({paths(str(file) for file in files)}, r.filename)"
        rid = f"(({task.first - 1} + {which})::BIGINT << {ROW_BITS}) + row_number() OVER (PARTITION BY r.filename)"
        grains: dict[flatten.Grain, str] = {}
        for grain in self.plan.shape.grains:
            grains[grain] = self._file(grain, task)
            cursor.execute(f"COPY ({flatten.strict_sql(self.plan, grain, relation, rid)}) TO {quote(grains[grain])} {_PARQUET}")
        rows = cursor.execute(
            f"SELECT (_rid >> {ROW_BITS}) - {task.first} AS s, count(DISTINCT _rid) FROM {parquet([grains[self.plan.shape.grains[0]]])} GROUP BY s"
        ).fetchall()
        found = dict(rows)
        return _Done(grains, tuple(int(found.get(at, 0)) for at in range(len(files))), ())

    def _count(self, cursor: duckdb.DuckDBPyConnection, grains: dict[flatten.Grain, str]) -> int:
        root = self.plan.shape.grains[0]
        first = self.first_rows(root)
        row = cursor.execute(f"SELECT count(*) FROM {parquet([grains[root]])}{first}").fetchone()
        return int(row[0]) if row is not None else 0

    def first_rows(self, root: flatten.Grain) -> str:
        """A WHERE that leaves one row per record."""
        depth = len(self.plan.shape.levels(root))
        return "".join(f"{' WHERE' if at == 1 else ' AND'} coalesce(_i{at}, 1) = 1" for at in range(1, depth + 1))

    def _careful(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        if len(task.shares) > 1:
            return self._one_by_one(cursor, task)
        share, source = task.shares[0], task.sources[0]
        work = self.folder / f"careful-{task.number}-{task.first}"
        try:
            if task.dialect is not None:
                count = read_csv.read_carefully(cursor, self.plan, chunks(share), task.dialect, work)
            else:
                count = read_json.read_carefully(cursor, self.plan, chunks(share), share.layout, work)
        except UnreadableObjectError as error:
            raise UnreadableShareError(str(error), source) from None
        for grain in self.plan.shape.grains:
            cursor.execute(f"INSERT INTO bad {flatten.complaints_sql(self.plan, grain, 'records')}")
        grains = {grain: self._file(grain, task, 1) for grain in self.plan.shape.grains}
        for grain, file in grains.items():
            sql = flatten.careful_sql(self.plan, grain, "records", "bad")
            cursor.execute(f"COPY (SELECT * REPLACE ({task.first << ROW_BITS} + _rid AS _rid) FROM ({sql})) TO {quote(file)} {_PARQUET}")
        return _Done(grains, (count,), self._rejections(cursor, task.first))

    def _rejections(self, cursor: duckdb.DuckDBPyConnection, segment: int) -> tuple[Rejection, ...]:
        rows = cursor.execute(
            "SELECT b._n, any_value(r._line), first(b.field ORDER BY b.field), first(b.reason ORDER BY b.field), any_value(r._raw) "
            "FROM bad b JOIN raws r USING (_n) GROUP BY b._n ORDER BY b._n"
        ).fetchall()
        for table in ("bad", "raws", "records"):
            cursor.execute(f"DROP TABLE IF EXISTS {name(table)}")
        return tuple(Rejection(segment, int(n), field, reason, raw, line) for n, line, field, reason, raw in rows)

    def _one_by_one(self, cursor: duckdb.DuckDBPyConnection, task: _Task) -> _Done:
        """A group of small files with something amiss: each is staged alone, so the fault stays with its file."""
        parts = [
            self.run(cursor, _Task(task.number * 1000 + at, task.first + at, (share,), (source,), task.dialect))
            for at, (share, source) in enumerate(zip(task.shares, task.sources, strict=True))
        ]
        grains: dict[flatten.Grain, str] = {}
        for grain in self.plan.shape.grains:
            grains[grain] = self._file(grain, task, 2)
            inputs = parquet(part.grains[grain] for part in parts)
            cursor.execute(f"COPY (SELECT * FROM {inputs}) TO {quote(grains[grain])} {_PARQUET}")
        return _Done(grains, tuple(part.counts[0] for part in parts), tuple(bad for part in parts for bad in part.rejections))


def _collect(plan: flatten.Plan, sources: Sequence[tuple[SourceObject, Path]], tasks: Sequence[_Task], done: Sequence[_Done]) -> StagedLoad:
    base = dict.fromkeys(range(len(sources)), 0)
    segments: list[Segment] = []
    for task, result in zip(tasks, done, strict=True):
        for source, count in zip(task.sources, result.counts, strict=True):
            segments.append(Segment(source, count, base[source]))
            base[source] += count
    return StagedLoad(
        tuple(source for source, _ in sources),
        tuple(segments),
        {grain: tuple(result.grains[grain] for result in done) for grain in plan.shape.grains},
        tuple(rejection for result in done for rejection in result.rejections),
    )
