"""A run: find what is new, stage it in groups, commit each group, and account for every file."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.attempts import Group, Report, rejected, unchanged
from orderlake.config import Project
from orderlake.errors import (
    CatalogUnavailableError,
    ConfigError,
    NotFoundError,
    SourceChangedError,
    SourcesAppliedError,
    UnreadableObjectError,
    UnreadableShareError,
)
from orderlake.model.pipeline import Pipeline, Stream
from orderlake.model.report import LoadReport
from orderlake.model.source import RemoteFile, SourceObject, packed
from orderlake.processes import is_alive
from orderlake.resume import LARGE, LargeLoad, journal_of, sweep
from orderlake.runner import WORK, Runner
from orderlake.secret import mark
from orderlake.sources import stream_of
from orderlake.wiring import Backends, utc_now

if TYPE_CHECKING:
    from orderlake.engine import Engine
    from orderlake.erasing.forgotten import Forgotten
    from orderlake.kernel.journal import Journal
    from orderlake.model.staged import StagedLoad
    from orderlake.tables.commit import OnDecided

_GROUP_FILES: Final = 250
_GROUP_BYTES: Final = 256 << 20
_STAGED_HERE: Final = 96 << 20
"""Bytes of source objects of a remote lake whose staged form stays on this machine."""
_PATIENCE: Final = 5
"""How often a file that changes while it is read is read again."""
_DECIDING: Final = 5
"""The step of a commit before which its tables are read."""
_ALONE: Final = 4
"""Unreadable files in a group after which the rest are staged one by one."""

Step = Callable[[int], None]
Begin = Callable[[Stream, str, Sequence[SourceObject]], None]
Resumed = Callable[[SourceObject, int, int], None]


@dataclass
class Loader:
    """Loads source objects into a project's tables. `on_report` hears of each file as it is done."""

    backends: Backends
    on_report: Report = field(default=lambda _: None)
    on_step: Step = field(default=lambda _: None)
    proceed: Callable[[], bool] = field(default=lambda: True)
    """Asked before each group; once it says no, what is left is not begun, and has no report."""
    on_begin: Begin = field(default=lambda *_: None)
    """Hears of each load as it begins: its stream, its id, its sources."""
    on_decided: OnDecided = field(default=lambda *_: None)
    """Hears what is decided about each batch, before it is committed."""
    on_resumed: Resumed = field(default=lambda *_: None)
    """Hears of a file whose parts were staged before, by a run that was broken off: how many, and of how many."""
    again: frozenset[str] = frozenset()
    """Identities of sources that are loaded although they were rolled back."""
    runner: Runner | None = None
    """Who does the work; None when it is done here."""
    known: dict[str, LoadReport] = field(default_factory=dict)
    """What the ledger said of the sources as the run began, by identity."""
    _forgotten: Forgotten | None = None
    _work: Path | None = None
    _engine: Engine | None = None
    _parts: ExitStack = field(default_factory=ExitStack)

    def run(self, sources: Sequence[SourceObject], named: str | None = None) -> list[LoadReport]:
        """Load what is not loaded yet; a report per source, in the order given."""
        reports: dict[int, LoadReport] = {}
        places = {source.identity: place for place, source in enumerate(sources)}
        by_name = {source.uri: place for place, source in enumerate(sources)}

        def done(report: LoadReport) -> None:
            # A file that changed while it was read is loaded as it became: it answers for what was asked for.
            reports[places.get(report.identity, by_name[report.source])] = report
            self.on_report(report)

        with self._workplace():
            for stream, definition, group in self._groups(sources, named, done):
                if not self.proceed():
                    break
                self._claimed(stream, definition, group, done)
        return [reports[place] for place in sorted(reports)]

    def _groups(
        self, sources: Sequence[SourceObject], named: str | None, done: Report
    ) -> Iterator[tuple[Stream, str, list[SourceObject]]]:
        known = self.backends.ledger.applied(source.identity for source in sources)
        self.known.update(known)
        waiting: dict[tuple[str, str], tuple[Pipeline, Stream, list[SourceObject]]] = {}
        for source in sources:
            before = known.get(source.identity)
            if before is not None and not before.leaves_open(self.again):
                done(unchanged(before))
                continue
            try:
                pipeline, stream = stream_of(self.backends.pipelines, source, named)
            except ConfigError as error:
                if not self.backends.pipelines or (
                    named is not None and all(p.name != named for p in self.backends.pipelines)
                ):
                    raise
                report = rejected(source, named or "", "", str(error), "")
                self.backends.ledger.mark([report])
                done(report)
                continue
            if before is not None and before.status == "rejected" and before.definition == pipeline.fingerprint:
                done(before)
                continue
            waiting.setdefault((pipeline.name, stream.name), (pipeline, stream, []))[2].append(source)
        self._check([stream for _, stream, _ in waiting.values()])
        # What others refer to comes first, so that their checks find it.
        for pipeline, stream, found in sorted(waiting.values(), key=lambda each: each[1].refers):
            most = (_GROUP_FILES, _GROUP_BYTES)
            if self.runner is not None:
                most = (self.runner.group_files, self.runner.group_bytes)
            for group in packed(found, lambda source: source.size, *most):
                yield stream, pipeline.fingerprint, group

    def _check(self, streams: Sequence[Stream]) -> None:
        """ConfigError, before anything is loaded, when tables cannot become what their pipelines declare.

        Each commit looks too. In a bucket that is all: looking twice would cost each load some requests.
        """
        if self.backends.is_remote or not streams:
            return
        from orderlake.tables.declared import check  # noqa: PLC0415 - `run` of loaded files needs no tables

        for stream in streams:
            check(stream, self.backends.house)

    def _claimed(self, stream: Stream, definition: str, group: list[SourceObject], done: Report) -> None:
        """Work on what nobody else works on, then wait for the others and see what is left.

        On AWS a queue hands a file to one worker as a rule, and a claim costs more than the work that is done twice
        when it does not: the commit sees to it that it counts once.
        """
        if self.backends.is_remote:
            self._load(stream, definition, group, done)
            return
        todo = {source.identity: source for source in group}
        pause = 0.01
        while todo and self.proceed():
            with self.backends.ledger.claim(todo) as won:
                applied = self.backends.ledger.applied(todo)
                for identity, report in applied.items():
                    settled = report.status == "rejected" and report.definition == definition
                    if settled or not report.leaves_open(self.again):
                        done(unchanged(report))
                        del todo[identity]
                mine = [source for identity, source in todo.items() if identity in won]
                if mine:
                    self._load(stream, definition, mine, done)
                    for source in mine:
                        todo.pop(source.identity, None)
            if todo:
                time.sleep(pause)
                pause = min(pause * 2, 0.5)

    def _load(self, stream: Stream, definition: str, group: list[SourceObject], done: Report) -> None:
        from orderlake.tables.batch import batch_of  # noqa: PLC0415 - `run` of loaded files needs no tables
        from orderlake.tables.commit import Committer  # noqa: PLC0415 - same

        engine = self._open_engine()
        parts = self.backends
        committer = Committer(engine, parts.house, parts.ledger, parts.sources, utc_now, self._step, self.on_decided)
        committer = committer if self.runner is None else replace(committer, write=self.runner.write)
        started = {source.identity: time.perf_counter() for source in group}
        rest = sorted(group, key=lambda source: (source.version, source.uri))
        tried = Group(stream, definition, done, uuid.uuid4().hex, rest)
        self.on_begin(stream, tried.load_id, rest)
        while tried.rest:
            attempt = uuid.uuid4().hex
            folder = self._folder() / attempt
            elsewhere = self._elsewhere(tried.rest, attempt)
            with self._claim(elsewhere, attempt), self._journal(tried, elsewhere) as journal:
                try:
                    staged = self._staged(engine, tried, folder, journal or elsewhere)
                    if staged.sources:
                        batch = batch_of(stream, staged, tried.load_id, self.again)
                        for report in committer.commit(batch, started, definition):
                            done(report)
                    tried.rest = []
                except UnreadableShareError as error:
                    self._without_unreadable(tried, error)
                except SourcesAppliedError as error:
                    self._without_applied(tried, error)
                except SourceChangedError as error:
                    self._as_they_are_now(tried, error)
                except UnreadableObjectError as error:
                    raise UnreadableObjectError(f"{', '.join(source.uri for source in tried.rest)}: {error}") from error
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                    self._swept(elsewhere, attempt)

    def _claim(self, elsewhere: str, attempt: str) -> AbstractContextManager[object]:
        """What is staged in a bucket is ours as long as we live."""
        return self.backends.ledger.claim([attempt]) if elsewhere else nullcontext()

    def _journal(self, tried: Group, elsewhere: str) -> AbstractContextManager[Journal | None]:
        """Where the parts of a large file are kept; None when it is not large, or when they would not outlive us."""
        is_large = len(tried.rest) == 1 and tried.rest[0].size >= LARGE
        if not is_large or self.runner is not None or (self.backends.is_remote and not elsewhere):
            return nullcontext()
        bucket = f"{self.backends.root}/{WORK}" if elsewhere else ""
        forgotten = self.backends.forgotten()
        person = mark(self.backends.key_for(tried.stream), () if forgotten is None else forgotten.people)
        load = LargeLoad(tried.rest[0], tried.stream, tried.definition, person)
        return journal_of(self.backends, load, bucket, self._open_engine().workers)

    def _swept(self, elsewhere: str, attempt: str) -> None:
        if elsewhere:
            store = self.backends.store
            store.each(store.delete, [found.location for found in store.list(elsewhere)])
        if self.runner is not None:
            self.runner.sweep(attempt)

    def _staged(self, engine: Engine, tried: Group, folder: Path, out: str | Journal) -> StagedLoad:
        """Stage what is left of a group, here or by the runner, which names what it cannot read."""
        if self.runner is not None:
            self._forgotten = self.backends.forgotten()
            if self._forgotten is not None and tried.stream.person:
                raise ConfigError(
                    f"people are forgotten in this project, and the cluster does not know who: load the files of "
                    f"{tried.stream.pipeline} here, with --runner local"
                )
            staged, refused = self.runner.stage(engine, tried.stream, tried.rest, folder.name)
            for source, error in refused:
                tried.rest.remove(source)
                self._reject(tried, source, error)
            return staged
        from orderlake.kernel.stage import stage  # noqa: PLC0415 - `run` of loaded files needs no kernel

        files = self._without_the_forgotten(engine, tried.stream, self._files(tried, folder), folder)
        staged = stage(engine, tried.stream, files, folder, out, key=self.backends.key_for(tried.stream))
        if not isinstance(out, str) and out.resumed:
            found = len(out.resumed)
            self.on_resumed(tried.rest[0], found, found + len(out.staged))
            staged = replace(staged, resumed=found)
        return staged

    def _elsewhere(self, sources: Sequence[SourceObject], attempt: str) -> str:
        """Where the staged form of a large group goes that would not fit on this machine; empty when it stays here."""
        is_large = sum(source.size for source in sources) > _STAGED_HERE
        return f"{self.backends.root}/{WORK}/{attempt}" if is_large and self.backends.is_remote else ""

    def _files(self, tried: Group, folder: Path) -> list[tuple[SourceObject, Path | RemoteFile]]:
        """The bytes of what is left of a group; what was removed is rejected."""

        def file_of(source: SourceObject) -> Path | RemoteFile | None:
            try:
                return self.backends.sources.file(source, folder)
            except NotFoundError:
                return None

        files: list[tuple[SourceObject, Path | RemoteFile]] = []
        for source, file in zip(tried.rest, self.backends.store.each(file_of, tried.rest), strict=True):
            if file is None:
                tried.done(tried.rejected(source, "it was removed before it was read"))
            else:
                files.append((source, file))
        tried.rest = [source for source, _ in files]
        return files

    def _without_the_forgotten(
        self, engine: Engine, stream: Stream, files: Sequence[tuple[SourceObject, Path | RemoteFile]], folder: Path
    ) -> list[tuple[SourceObject, Path | RemoteFile]]:
        """The files, and copies of those that tell of people who are forgotten."""
        self._forgotten = self.backends.forgotten()

        def cleaned(number: int, file: Path | RemoteFile) -> Path | RemoteFile:
            if self._forgotten is None:
                return file
            return self._forgotten.cleaned(engine, stream, file, folder / f"cleaned-{number}")

        return [(source, cleaned(number, file)) for number, (source, file) in enumerate(files)]

    def _step(self, step: int) -> None:
        """Tell of a step of a commit; one whose files were read before somebody was forgotten does not land.

        It has read the heads by then, and whoever forgets somebody moves them afterwards.
        """
        self.on_step(step)
        if step == _DECIDING and self.backends.forgotten() != self._forgotten:
            raise SourceChangedError("somebody was forgotten while its files were read")

    def _without_unreadable(self, tried: Group, error: UnreadableShareError) -> None:
        """Reject the file that cannot be read; after a few of them the rest are loaded one by one."""
        self._reject(tried, tried.rest.pop(error.source), error)
        tried.failures += 1
        if tried.failures >= _ALONE and len(tried.rest) > 1:
            for source in tried.rest:
                self._load(tried.stream, tried.definition, [source], tried.done)
            tried.rest = []

    def _reject(self, tried: Group, bad: SourceObject, error: UnreadableShareError) -> None:
        report = replace(tried.rejected(bad, str(error)), checks=error.checks)
        if self._is_there(bad):  # else it is worth another try
            self.backends.ledger.mark([report])
        tried.done(report)

    def _without_applied(self, tried: Group, error: SourcesAppliedError) -> None:
        """Report what a load has applied already."""
        for report in self.backends.ledger.applied(error.identities).values():
            tried.done(report if report.load_id == tried.load_id else unchanged(report))
        before, tried.rest = tried.rest, [each for each in tried.rest if each.identity not in error.identities]
        if len(tried.rest) == len(before):  # else it would never end
            raise CatalogUnavailableError(f"the ledger tells of loads that nobody asked for: {error.identities}")

    def _as_they_are_now(self, tried: Group, error: SourceChangedError) -> None:
        """Go on with the current version of each file; give up on files that never stop changing."""
        tried.changes += 1
        now = [(source, self.backends.sources.again(source)) for source in tried.rest]
        for source, found in now:
            if found is None:
                tried.done(tried.rejected(source, "it was removed while it was read"))
        tried.rest = [found for _, found in now if found is not None]
        if tried.changes > _PATIENCE:
            for source in tried.rest:
                reason = f"{error}, {tried.changes} times over: load it once it is complete"
                tried.done(tried.rejected(source, reason))
            tried.rest = []

    def _is_there(self, source: SourceObject) -> bool:
        """Whether this version of the file can be opened."""
        if self.backends.is_remote:
            found = self.backends.sources.again(source)
            return found is not None and (found, found.held) == (source, source.held)
        try:
            # A pipe would have us wait for whoever writes to it.
            os.close(os.open(source.location, os.O_RDONLY | os.O_NONBLOCK))
            return self.backends.sources.now(source) == source
        except OSError:
            return False

    def _open_engine(self) -> Engine:
        if self._engine is None:
            self._engine = self._parts.enter_context(self.backends.lent_engine(self._folder()))
        return self._engine

    def _folder(self) -> Path:
        if self._work is None:
            self._work = self.backends.project.state / "work" / f"{os.getpid()}-{uuid.uuid4().hex}"
            self._work.mkdir(parents=True)
            _sweep(self.backends.project, self._work)
            sweep(self.backends)
        return self._work

    @contextmanager
    def _workplace(self) -> Iterator[None]:
        try:
            with self._parts:
                yield
        finally:
            self._engine = None
            if self._work is not None:
                shutil.rmtree(self._work, ignore_errors=True)
                self._work = None


def _sweep(project: Project, mine: Path) -> None:
    """Remove work folders whose process is dead."""
    for folder in (project.state / "work").iterdir():
        owner = folder.name.split("-", 1)[0]
        if folder != mine and owner.isdigit() and not is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
