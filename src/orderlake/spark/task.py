"""What an executor does: stage a portion with an engine of its own, under names that no other attempt has.

A task that is run again, or twice at once, writes into another folder each time: what counts is the one whose
description Spark hands to the driver.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from orderlake.config import Project
from orderlake.engine import Engine
from orderlake.errors import ConfigError, DataError, NotFoundError, SourceChangedError, UnreadableShareError
from orderlake.kernel.flatten import Plan
from orderlake.kernel.glance import Glance
from orderlake.kernel.sniff import CHUNK, is_utf8
from orderlake.kernel.split import Lines, Share, chunks_of
from orderlake.kernel.stage import collect, proved, stage_share, stage_whole, worker_of
from orderlake.kernel.worker import TornError
from orderlake.model.pipeline import Stream
from orderlake.model.source import RemoteFile, SourceObject
from orderlake.model.staged import StagedLoad
from orderlake.spark.held import held_by
from orderlake.spark.portion import Failed, Outcome, Portion, Proof, Refused, Staged, Torn
from orderlake.wiring import Backends

FATAL = (ConfigError, SourceChangedError, DataError)
"""What another try does not help against."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The staged load of one source that was cut, and what its beginning showed."""

    load: StagedLoad
    glances: Mapping[int, Glance]


@dataclass(frozen=True, slots=True)
class Site:
    """Where tasks work: for this project, staging under the location `place`."""

    project: Project
    stream: Stream
    place: str
    key: bytes = field(default=b"", repr=False)
    """What personal data is hashed with: Spark carries it to the executors."""

    @contextmanager
    def engine(self) -> Iterator[tuple[Backends, Engine, Path]]:
        """An engine of a task's own, with one worker, and a folder of this machine that goes with it."""
        folder = Path(tempfile.mkdtemp(prefix="orderlake-", dir=_scratch()))
        backends = Backends(replace(self.project, workers=1))
        try:
            engine = backends.engine(folder)
            try:
                yield backends, engine, folder
            finally:
                engine.close()
        finally:
            backends.close()
            shutil.rmtree(folder, ignore_errors=True)


def stage_portion(site: Site, portion: Portion) -> Outcome:
    """Stage a portion; TransientError, and whatever is no error of ours, is Spark's to try again."""
    try:
        with site.engine() as (backends, engine, folder):
            return _staged(site, portion, backends, engine, folder)
    except UnreadableShareError as error:
        return Refused(portion, error.source, error)
    except TornError:
        return Torn(portion)
    except FATAL as error:
        return Failed(error)


def prove_share(site: Site, what: Cut) -> Proof | UnreadableShareError | Failed:
    """Ask contract and checks about a source that several tasks have staged."""
    try:
        with site.engine() as (_, engine, folder):
            return _proof(engine, worker_of(engine, site.stream, folder, key=site.key).plan, what.load, what.glances)
    except UnreadableShareError as error:
        return error
    except FATAL as error:
        return Failed(error)


def _staged(site: Site, portion: Portion, backends: Backends, engine: Engine, folder: Path) -> Staged:
    out = f"{site.place}/{uuid.uuid4().hex}"
    # The engine makes no folders; of a bucket's the store makes none either.
    target = backends.store.target_path(f"{out}/staged").rpartition("/")[0]
    worker = worker_of(engine, site.stream, folder, target, site.key)
    sources = [each.source for each in portion.sources]
    share = portion.share
    if share is None:
        files = [(at, _file(backends, at, source, folder)) for at, source in enumerate(sources)]
        read = stage_whole(engine, worker, files, portion.first, min(each.most for each in portion.sources))
    else:
        share = _here(share, _file(backends, 0, sources[0], folder), folder)
        worker.lines[share.path, share.origin] = Lines(share.path, 1, share.start)
        read = stage_share(engine, worker, 0, share, portion.first)
    load = collect(worker.plan, sources, *read)
    proof = _proof(engine, worker.plan, load, worker.glances) if share is None else None
    staged = Staged(
        portion,
        load.segments[portion.first :],
        load.grains,
        load.rejected,
        load.taken,
        held_by(engine.cursor(), site.stream, load.grains),
        proof,
    )
    if share is None:
        return staged
    lines = sum(chunk.count(b"\n") for chunk in chunks_of(replace(share, before=b"", after=b"")))
    return replace(staged, glance=worker.glances.get(0), lines=lines)


def _proof(engine: Engine, plan: Plan, load: StagedLoad, glances: Mapping[int, Glance]) -> Proof:
    found = proved(engine, plan, load, glances)
    return Proof(found.checks, found.changes, found.found)


def _here(share: Share, file: Path | RemoteFile, folder: Path) -> Share:
    """The share in a file of this machine: of a remote file its bytes are fetched, and no others."""
    if isinstance(file, Path):
        return replace(share, path=file)
    copy = folder / "part"
    with file.open() as remote, copy.open("wb") as out:
        remote.seek(share.start)
        left = share.end - share.start
        while left and (chunk := remote.read(min(left, CHUNK))):
            out.write(chunk)
            left -= len(chunk)
    here = replace(share, path=copy, start=0, end=share.end - share.start, origin=share.start)
    if not is_utf8(chunks_of(here)):  # an old encoding is told from a whole file
        raise TornError(0)
    return here


def _file(backends: Backends, at: int, source: SourceObject, folder: Path) -> Path | RemoteFile:
    try:
        return backends.sources.file(source, folder)
    except NotFoundError:
        raise UnreadableShareError("it was removed before it was read", at) from None


def _scratch() -> str | None:
    """Where Spark wants what a task writes down for a while; it sees to what a killed one leaves."""
    given = os.environ.get("SPARK_LOCAL_DIRS") or os.environ.get("LOCAL_DIRS") or ""
    return given.split(",")[0] or None
