"""Stage source objects: read, flatten, check, and write Parquet; set aside what cannot be loaded.

Pure: bytes and a pipeline in, files and rejections out. Each share of each object is read strictly
first; a share that holds anything out of the ordinary is read again with care.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, groupby, islice
from pathlib import Path
from typing import Final, cast

from orderlake.engine import Engine
from orderlake.errors import ConfigError, DataError, NotFoundError, UnreadableObjectError, UnreadableShareError
from orderlake.kernel import flatten, read_csv
from orderlake.kernel.careful import Sifted
from orderlake.kernel.conditions import prove
from orderlake.kernel.foreign import misnamed
from orderlake.kernel.plain import plain_text
from orderlake.kernel.results import refuse, results_of
from orderlake.kernel.set_aside import SetAside
from orderlake.kernel.settle import changes, settled
from orderlake.kernel.sieve import sieve_of
from orderlake.kernel.sniff import form_of, layout_of, text_chunks
from orderlake.kernel.split import SMALL, Share, shares
from orderlake.kernel.windows import UncuttableError, Windows
from orderlake.kernel.worker import Done, Task, TornError, Worker, unread
from orderlake.model.pipeline import Stream
from orderlake.model.source import RemoteFile, SourceObject
from orderlake.model.staged import Segment, StagedLoad

_TOGETHER: Final = 250
_AGAIN: Final = 8 << 20


def stage(  # noqa: PLR0913 - the key is no part of what is staged, and has no other way in
    engine: Engine,
    stream: Stream,
    sources: Sequence[tuple[SourceObject, Path | RemoteFile]],
    folder: Path,
    out: str = "",
    *,
    key: bytes = b"",
) -> StagedLoad:
    """Stage objects of one stream; UnreadableShareError names the one that cannot be read at all.

    `key` is the one that personal data is hashed with; ConfigError when the stream wants it and there is none.

    Work is done in `folder`; the Parquet files go to `out` (what the engine calls a folder; by default the same).
    """
    folder.mkdir(parents=True, exist_ok=True)
    prove(engine.cursor(), stream)
    if stream.policies and not key:
        raise ConfigError(
            f"{stream.pipeline}: sources.{stream.name}: personal data is hashed, and there is no key for it"
        )
    plan = flatten.plan_of(stream)
    worker = Worker(replace(plan, sieve=sieve_of(engine.cursor(), plan)), folder, out or str(folder), key)
    tasks: list[Task] = []
    done: list[Done] = []
    for is_remote, group in groupby(enumerate(sources), key=lambda each: isinstance(each[1][1], RemoteFile)):
        files = [(number, file) for number, (_, file) in group]
        first = sum(len(task.shares) for task in tasks)
        if is_remote:
            for number, file in files:
                found = _streamed(engine, worker, number, cast("RemoteFile", file), first)
                tasks, done = tasks + found[0], done + found[1]
                first = sum(len(task.shares) for task in tasks)
        else:
            found = _read(engine, worker, [(number, _plain(worker, file, number)) for number, file in files], first)
            tasks, done = tasks + found[0], done + found[1]
    again = _again(engine, worker, done)
    staged = _collect(worker.plan, [source for source, _ in sources], tasks, [*done, *again])
    staged = settled(engine, worker.plan, replace(staged, changes=changes(worker.plan, worker.glances)))
    staged = replace(staged, checks=results_of(engine, worker.plan, staged))
    refuse(staged)
    return staged


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


def _read(engine: Engine, worker: Worker, plain: Sequence[tuple[int, Path]], first: int) -> Staged:
    """Stage all shares on all workers; a file that was cut inside a record once more, uncut."""
    workers = {number: engine.workers for number, _ in plain}
    while True:
        cut = [
            (number, share) for number, path in plain for share in _shares(worker.plan, path, number, workers[number])
        ]
        worker.look(cut)
        tasks = _tasks(cut, first)
        try:
            done = worker.all(engine, tasks)
        except TornError as error:
            workers[error.source] = 0
            continue
        for _, path in plain:
            if path.parent == worker.folder:
                path.unlink()
        return tasks, done


def _streamed(engine: Engine, worker: Worker, number: int, file: RemoteFile, first: int) -> Staged:
    """Stage a large object window by window; whole, from a copy, when it cannot be cut."""
    if not worker.plan.is_text:
        try:
            return _windows(engine, worker, number, file, first)
        except (TornError, UncuttableError):
            pass
        except NotFoundError:
            raise UnreadableShareError("it was removed while it was read", number) from None
        except DataError as error:
            if isinstance(error, UnreadableShareError):
                raise
            raise UnreadableShareError(str(error), number) from None
    return _read(engine, worker, [(number, _plain(worker, file, number))], first)


def _windows(engine: Engine, worker: Worker, number: int, file: RemoteFile, first: int) -> Staged:
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


def _shares(plan: flatten.Plan, path: Path, source: int, workers: int) -> list[Share]:
    try:
        if not plan.is_text:
            return shares(path, workers, plan.stream.envelope)
        with path.open("rb") as file:
            dialect = read_csv.dialect_of(plan, file.read(1 << 16))
    except DataError as error:
        raise UnreadableShareError(f"{error}{misnamed(path)}", source) from None
    except OSError as error:
        raise unread(error, source) from error
    if dialect is None:
        return []
    return [Share(path, "csv", dialect.start, path.stat().st_size, whole=dialect.start == 0, dialect=dialect)]


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


def _collect(
    plan: flatten.Plan, sources: Sequence[SourceObject], tasks: Sequence[Task], done: Sequence[Done]
) -> StagedLoad:
    before = dict.fromkeys(range(len(sources)), 0)
    segments: list[Segment] = []
    aside = sum((result.aside for result in done), SetAside())
    for task, result in zip(tasks, done[: len(tasks)], strict=True):
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
