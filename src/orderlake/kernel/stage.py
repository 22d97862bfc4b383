"""Stage source objects: read, flatten, check, and write Parquet; set aside what cannot be loaded.

Pure: bytes and a pipeline in, files and rejections out. Each share of each object is read strictly
first; a share that holds anything out of the ordinary is read again with care.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, groupby, islice
from pathlib import Path
from typing import Final

from orderlake.engine import Engine
from orderlake.errors import ConfigError, DataError, NotFoundError, UnreadableObjectError, UnreadableShareError
from orderlake.kernel import flatten, read_csv
from orderlake.kernel.careful import Sifted
from orderlake.kernel.conditions import prove
from orderlake.kernel.foreign import misnamed
from orderlake.kernel.glance import Glance
from orderlake.kernel.journal import Journal
from orderlake.kernel.plain import plain_text
from orderlake.kernel.results import refuse, results_of
from orderlake.kernel.set_aside import SetAside
from orderlake.kernel.settle import changes, settled
from orderlake.kernel.sieve import sieve_of
from orderlake.kernel.sniff import form_of, layout_of, text_chunks
from orderlake.kernel.split import SMALL, Share, row_shares, shares
from orderlake.kernel.task import Done, Task
from orderlake.kernel.windows import UncuttableError, Windows
from orderlake.kernel.worker import TornError, Worker, unread
from orderlake.model.pipeline import Stream
from orderlake.model.source import RemoteFile, SourceObject
from orderlake.model.staged import Segment, StagedLoad

_TOGETHER: Final = 250
_AGAIN: Final = 8 << 20
_COPIED: Final = 16 << 20
"""Up to this size (bytes) a compressed file is copied as plain text; that of a larger one would take much room."""


def stage(  # noqa: PLR0913 - the key is no part of what is staged, and has no other way in
    engine: Engine,
    stream: Stream,
    sources: Sequence[tuple[SourceObject, Path | RemoteFile]],
    folder: Path,
    out: str | Journal = "",
    *,
    key: bytes = b"",
) -> StagedLoad:
    """Stage objects of one stream; UnreadableShareError names the one that cannot be read at all.

    Work is done in `folder`; the Parquet files go to `out` (what the engine calls a folder; by default the same), or
    into the journal of a single source: parts that are whole there are not staged again. `key` is the one that personal
    data is hashed with; ConfigError when the stream wants it and there is none.
    """
    worker = worker_of(engine, stream, folder, out, key)
    tasks: list[Task] = []
    done: list[Done] = []
    for is_streamed, group in groupby(enumerate(sources), key=lambda each: _is_streamed(worker.plan, each[1][1])):
        files = [(number, file) for number, (_, file) in group]
        if is_streamed:
            for number, file in files:
                found = _streamed(engine, worker, number, file, _next(tasks))
                tasks, done = tasks + found[0], done + found[1]
        else:
            plain = [(number, _plain(worker, file, number)) for number, file in files]
            found = _read(engine, worker, plain, _next(tasks))
            tasks, done = tasks + found[0], done + found[1]
    done += _again(engine, worker, done)
    staged = collect(worker.plan, [source for source, _ in sources], tasks, done)
    return proved(engine, worker.plan, staged, worker.glances)


def worker_of(engine: Engine, stream: Stream, folder: Path, out: str | Journal = "", key: bytes = b"") -> Worker:
    """Who stages files of a stream, with folders and key as of `stage`; ConfigError for a check that is no SQL."""
    folder.mkdir(parents=True, exist_ok=True)
    prove(engine.cursor(), stream)
    if stream.policies and not key:
        raise ConfigError(
            f"{stream.pipeline}: sources.{stream.name}: personal data is hashed, and there is no key for it"
        )
    plan = flatten.plan_of(stream)
    plan = replace(plan, sieve=sieve_of(engine.cursor(), plan))
    if isinstance(out, Journal):
        return Worker(plan, folder, out.out, out, key)
    return Worker(plan, folder, out or str(folder), key=key)


def stage_whole(
    engine: Engine, worker: Worker, files: Sequence[tuple[int, Path | RemoteFile]], first: int, most: int
) -> Staged:
    """Stage whole files, each with the number of its source, into segments from `first` on: at most `most` per file.

    Errors as of `stage`. After what came of the tasks there is what came of a second look.
    """
    plain = [(number, _plain(worker, file, number)) for number, file in files]
    tasks, done = _read(engine, worker, plain, first, most)
    return tasks, [*done, *_again(engine, worker, done)]


def stage_share(engine: Engine, worker: Worker, number: int, share: Share, first: int) -> Staged:
    """Stage one share of a source as the segment `first`; TornError when it was cut inside a record."""
    tasks = [Task(first, (share,), (number,))]
    done = worker.all(engine, tasks)
    return tasks, [*done, *_again(engine, worker, done)]


def proved(engine: Engine, plan: flatten.Plan, staged: StagedLoad, glances: Mapping[int, Glance]) -> StagedLoad:
    """A load with what contract and checks find in it; UnreadableShareError names a source that they reject."""
    staged = settled(engine, plan, replace(staged, changes=changes(plan, glances)))
    staged = replace(staged, checks=results_of(engine, plan, staged))
    refuse(staged)
    return staged


def _is_streamed(plan: flatten.Plan, file: Path | RemoteFile) -> bool:
    """Whether a file passes through in windows, for want of room: it is elsewhere, or large once it is unpacked."""
    if isinstance(file, RemoteFile):
        return True
    try:
        return file.stat().st_size > _COPIED and not form_of(file, plan.stream.encoding).is_plain
    except (OSError, UnreadableObjectError):  # who reads it says so
        return False


def _next(tasks: Sequence[Task]) -> int:
    """The first segment after those of the tasks."""
    return sum(len(task.shares) for task in tasks)


def _again(engine: Engine, worker: Worker, done: Sequence[Done]) -> list[Done]:
    """Look with care at what the sieve kept out, some megabytes at a time: it costs more to begin than to go on."""
    groups: list[list[Sifted]] = []
    held = _AGAIN
    for sifted in (each for one in done for each in one.sifted):
        size = sifted.file.stat().st_size
        if held + size > _AGAIN:
            groups.append([])
            held = 0
        groups[-1].append(sifted)
        held += size
    return engine.each(lambda cursor, each: worker.again(cursor, groups[each], each), range(len(groups)))


Staged = tuple[list[Task], list[Done]]


def _read(
    engine: Engine, worker: Worker, plain: Sequence[tuple[int, Path]], first: int, most: int | None = None
) -> Staged:
    """Stage all shares on all workers; a file that was cut inside a record once more, uncut."""
    journal = worker.journal
    workers = {number: engine.workers if journal is None else journal.workers for number, _ in plain}
    while True:
        cut = [
            (number, share)
            for number, path in plain
            for share in shares_of(worker.plan, path, number, workers[number], most)
        ]
        worker.look(cut)
        tasks = _tasks(cut, first)
        try:
            done = worker.all(engine, tasks)
        except TornError as error:
            workers[error.source] = 0
            if journal is not None:
                journal.begin(0)
            continue
        for _, path in plain:
            if path.parent == worker.folder:
                path.unlink()
        return tasks, done


def _streamed(engine: Engine, worker: Worker, number: int, file: Path | RemoteFile, first: int) -> Staged:
    """Stage a large object window by window; whole, from a copy, when it cannot be cut."""
    journal = worker.journal
    if not worker.plan.is_text and (journal is None or journal.workers):
        try:
            return _windows(engine, worker, number, file, first)
        except (TornError, UncuttableError):
            if journal is not None:
                journal.begin(0)
        except NotFoundError:
            raise UnreadableShareError("it was removed while it was read", number) from None
        except DataError as error:
            if isinstance(error, UnreadableShareError):
                raise
            raise UnreadableShareError(str(error), number) from None
        except OSError as error:
            raise unread(error, number) from error
    return _read(engine, worker, [(number, _plain(worker, file, number))], first)


def _windows(engine: Engine, worker: Worker, number: int, file: Path | RemoteFile, first: int) -> Staged:
    form = form_of(file, worker.plan.stream.encoding)
    layout = layout_of(text_chunks(file, form))
    if layout == "empty":
        return [], []
    cut = Windows(worker.folder, layout, worker.plan.stream.envelope).cut(text_chunks(file, form))
    if cut is None:
        raise UncuttableError
    tasks: list[Task] = []
    done: list[Done] = []
    while some := list(islice(cut, engine.workers)):
        now = [Task(first + len(tasks) + at, (share,), (number,)) for at, share in enumerate(some)]
        tasks += now
        worker.look([(number, some[0])])
        try:
            done += worker.all(engine, now)
        finally:
            for share in some:
                share.path.unlink()
    return tasks, done


def _plain(worker: Worker, path: Path | RemoteFile, number: int) -> Path:
    try:
        return plain_text(path, worker.folder / f"plain-{number}", worker.plan.stream.encoding)
    except UnreadableObjectError as error:
        raise UnreadableShareError(str(error), number) from None
    except NotFoundError:
        raise UnreadableShareError("it was removed while it was read", number) from None
    except OSError as error:
        raise unread(error, number) from error


def shares_of(plan: flatten.Plan, path: Path, source: int, workers: int, most: int | None = None) -> list[Share]:
    """Cut a plain file into shares, `most` at most; UnreadableShareError when it is no file of this stream."""
    try:
        if not plan.is_text:
            return shares(path, workers, plan.stream.envelope, most)
        with path.open("rb") as file:
            dialect = read_csv.dialect_of(plan, file.read(1 << 16))
    except DataError as error:
        raise UnreadableShareError(f"{error}{misnamed(path)}", source) from None
    except OSError as error:
        raise unread(error, source) from error
    if dialect is None:
        return []
    return row_shares(path, dialect, workers, most)


def _tasks(parts: Sequence[tuple[int, Share]], segment: int) -> list[Task]:
    """Small whole JSON files of one layout go together, a share of a large file alone."""

    def kind(part: tuple[int, Share]) -> tuple[str, bool]:
        share = part[1]
        return share.layout, share.dialect is None and share.whole and share.end - share.start <= SMALL

    tasks: list[Task] = []
    for (_, together), group in groupby(parts, key=kind):
        batch = list(group)
        step = _TOGETHER if together else 1
        for at in range(0, len(batch), step):
            owners, some = zip(*batch[at : at + step], strict=True)
            tasks.append(Task(segment, some, owners))
            segment += len(some)
    return tasks


def collect(
    plan: flatten.Plan, sources: Sequence[SourceObject], tasks: Sequence[Task], done: Sequence[Done]
) -> StagedLoad:
    """What came of tasks, in the order of their segments, as one load; after it, in `done`, what came of second looks.

    Segments that no task has are empty ones of the first source.
    """
    before = dict.fromkeys(range(len(sources)), 0)
    segments: list[Segment] = []
    aside = sum((result.aside for result in done), SetAside())
    for task, result in zip(tasks, done[: len(tasks)], strict=True):
        segments += [Segment(0, 0, 0)] * (task.first - len(segments))
        starts = accumulate(result.counts, initial=0) if result.is_numbered_through else [0] * len(result.counts)
        for source, count, start in zip(task.sources, result.counts, starts, strict=False):
            rejected = aside.counts.get(len(segments), 0)
            segments.append(Segment(source, count, before[source] - start, rejected))
            before[source] += count
    return StagedLoad(
        tuple(sources),
        tuple(segments),
        {grain: tuple(file for result in done for file in result.grains[grain]) for grain in plan.shape.grains},
        aside.rejected,
        aside.taken,
    )
