"""Stage source objects: read, flatten, check, and write Parquet; set aside what cannot be loaded.

Pure: bytes and a pipeline in, files and rejections out. Each share of each object is read strictly
first; a share that holds anything out of the ordinary is read again with care.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby
from pathlib import Path
from typing import Final

from orderlake.engine import Engine
from orderlake.errors import DataError, UnreadableObjectError, UnreadableShareError
from orderlake.kernel import flatten, read_csv
from orderlake.kernel.plain import plain_text
from orderlake.kernel.split import SMALL, Share, shares
from orderlake.kernel.worker import Done, Task, TornError, Worker, unread
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.model.staged import Segment, StagedLoad

_TOGETHER: Final = 250


def stage(engine: Engine, stream: Stream, sources: Sequence[tuple[SourceObject, Path]], folder: Path) -> StagedLoad:
    """Stage objects of one stream into `folder`; UnreadableShareError names the one that cannot be read at all."""
    plan = flatten.plan_of(stream)
    folder.mkdir(parents=True, exist_ok=True)
    plain = [_plain(path, folder / f"plain-{number}", stream, number) for number, (_, path) in enumerate(sources)]
    tasks, done = _staged(engine, Worker(plan, folder), plain)
    for path in plain:
        if path.parent == folder:
            path.unlink()
    return _collect(plan, [source for source, _ in sources], tasks, done)


def _staged(engine: Engine, worker: Worker, plain: Sequence[Path]) -> tuple[list[Task], list[Done]]:
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
        except TornError as error:
            workers[error.source] = 0


def _plain(path: Path, target: Path, stream: Stream, number: int) -> Path:
    try:
        return plain_text(path, target, stream.encoding)
    except UnreadableObjectError as error:
        raise UnreadableShareError(str(error), number) from None
    except OSError as error:
        raise unread(error, number) from error


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


def _tasks(parts: Sequence[tuple[int, Share]]) -> list[Task]:
    """Small whole JSON files of one layout go together, a share of a large file alone."""

    def kind(part: tuple[int, Share]) -> tuple[str, bool]:
        share = part[1]
        return share.layout, share.dialect is None and share.whole and share.end - share.start <= SMALL

    tasks: list[Task] = []
    segment = 0
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
