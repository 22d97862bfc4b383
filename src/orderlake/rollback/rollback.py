"""Roll back: take sources out of the tables as if they had never come, and put back what they stood before."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderlake.errors import CommitConflictError, ConfigError
from orderlake.model.pipeline import Stream
from orderlake.model.report import LoadReport
from orderlake.rollback.again import Again, Version
from orderlake.rollback.holders import holders, newest_versions
from orderlake.rollback.raw import Raw, lacking
from orderlake.rollback.which import Wish, last_events, loaded, names_of
from orderlake.tables.batch import Batch, batch_of, source_of
from orderlake.tables.commit import Committer
from orderlake.tables.declared import want
from orderlake.tables.layout import QUARANTINE, layouts_of
from orderlake.tables.rollback import Rollback
from orderlake.tables.withdraw import Leaving, Returning, affected_files, leaving, rest_of_index, returning
from orderlake.wiring import Backends, utc_now

if TYPE_CHECKING:
    from orderlake.engine import Engine
    from orderlake.tables.lakehouse import Opened


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a rollback did, or with `is_done` False would do.

    `loads` are the loads that went, `rollback` is the id of what undid them, `sources` are the files; `removed` counts
    the records that stood for them, `restored` per file those that stand again, `set_aside` their records in
    quarantine; `read_again` are the files that had to be read for that, `lost` those whose loss was accepted.
    """

    loads: tuple[str, ...]
    rollback: str
    sources: tuple[str, ...]
    removed: int
    restored: Mapping[str, int]
    set_aside: int
    read_again: tuple[str, ...]
    lost: tuple[str, ...]
    is_done: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def roll_back(backends: Backends, wish: Wish, on_step: Callable[[int], None] = lambda _: None) -> RolledBack:
    """Roll a load back, in one commit; the loads after it stay.

    NotFoundError when there is no such load, or when files that must be read again are gone: it names them and says
    what can be done, and nothing is changed then.
    """
    chosen = loaded(backends.project, backends.ledger.loads(), wish)
    stream = _stream(backends, chosen[0])
    folder = backends.project.state / "work" / f"{os.getpid()}-{uuid.uuid4().hex}"
    engine = backends.engine(folder)
    try:
        committer = Committer(engine, backends.house, backends.ledger, backends.sources, utc_now, on_step)
        one = _One(backends, engine, committer, stream, wish, folder, tuple(each.identity for each in chosen))
        return committer.in_turn(stream.index, one.attempt)
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)


def _stream(backends: Backends, report: LoadReport) -> Stream:
    for pipeline in backends.pipelines:
        for stream in pipeline.streams:
            if (pipeline.name, stream.name) == (report.pipeline, report.stream):
                return stream
    raise ConfigError(
        f"the project has no pipeline {report.pipeline} with the source {report.stream} any more, "
        f"by which {report.source} was loaded: put its file back into pipelines/"
    )


@dataclass
class _One:
    """One rollback: tried until no other commit comes between."""

    backends: Backends
    engine: Engine
    committer: Committer
    stream: Stream
    wish: Wish
    folder: Path
    goes: tuple[str, ...]
    load_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def attempt(self) -> RolledBack:
        """Steps 2 to 10 of a commit."""
        house = self.backends.house
        self.committer.on_step(2)
        opened = house.open(layouts_of(self.stream))
        self.committer.on_step(3)
        self.committer.look_again(opened[self.stream.index])
        history = self.backends.ledger.loads()
        every = [each for each in history if (each.pipeline, each.stream) == (self.stream.pipeline, self.stream.name)]
        last = last_events(every)
        self.committer.on_step(4)
        mine = [last[identity] for identity in self.goes]
        if all(report.status == "rolled_back" and report.load_id == self.load_id for report in mine):
            return self._told_by(every, mine)  # it has landed, and the reply was lost
        going = [report for report in mine if report.status == "loaded"]
        if len(going) < len(mine):
            going = loaded(self.backends.project, history, self.wish)  # says so when nothing is left of it
        self.committer.on_step(5)
        return self._change(opened, every, going)

    def _change(
        self, opened: Mapping[str, Opened], every: Sequence[LoadReport], going: Sequence[LoadReport]
    ) -> RolledBack:
        cursor = self.engine.cursor()
        index = self._index(opened[self.stream.index])
        gone = leaving(cursor, self.stream, index, going)
        back = _Back(frozenset(report.identity for report in going))
        if gone.counts:
            files = frozenset() if self.stream.key else affected_files(cursor)
            back = self._put_back(opened[QUARANTINE], every, back, (gone.credits, files))
        rest: list[str] = []
        if not self.stream.key and gone.counts:
            self.folder.mkdir(parents=True, exist_ok=True)
            rest = rest_of_index(cursor, index, str(self.folder / "rest.parquet"))
        stream = self.stream if back.batch is None else back.batch.stream
        tables = self._reopened(opened, stream)
        wanted = want(stream, tables, self.backends.house)
        batch = None if back.batch is None else replace(back.batch, salt=wanted.declared.salt(stream))
        change = returning(cursor, batch, stream, gone, rest)
        if not self.wish.dry_run:
            Rollback(self.committer, stream, tables, going, self.load_id, wanted).run(gone, change)
        return self._told(going, gone, change, back)

    def _index(self, index: Opened) -> str | None:
        """A FROM item: the rows of the index; None when it has none."""
        files = [self.backends.store.engine_path(file.location) for file in index.live]
        return index.layout.rows(files) if files else None

    def _reopened(self, opened: Mapping[str, Opened], stream: Stream) -> Mapping[str, Opened]:
        """The same tables, with columns for what was found undeclared in what is put back."""
        if stream == self.stream:
            return opened
        again = self.backends.house.open(layouts_of(stream))
        if any(again[name].head != table.head for name, table in opened.items()):
            raise CommitConflictError("another load came between")
        return again

    def _put_back(
        self,
        quarantine: Opened,
        every: Sequence[LoadReport],
        back: _Back,
        wanted: tuple[frozenset[str], frozenset[str]],
    ) -> _Back:
        """Stage again what may hold a version of what leaves, without the files whose loss is accepted.

        `wanted` are the credits of what leaves, and of a stream without a key the files.
        """
        last = last_events(every)
        raw = Raw(self.backends, self.wish.kept)
        while True:
            found = (
                holders(every, last, back.goes, wanted[0], in_order=not self.backends.is_remote)
                if self.stream.key
                else newest_versions(last, back.goes, wanted[1])
            )
            located = [(report, raw.find(report)) for report in found]
            problems = [(report, "is gone, or was changed since") for report, source in located if source is None]
            versions: list[Version] = [(report, source) for report, source in located if source is not None]
            if not versions and not problems:
                return back
            if not problems:
                shutil.rmtree(self.folder / "again", ignore_errors=True)
                (self.folder / "again").mkdir(parents=True)
                aside = [self.backends.store.engine_path(file.location) for file in quarantine.live]
                again = Again(self.backends, self.engine, self.stream, raw, self.folder / "again", aside)
                staged = again.staged(versions)
                if not again.problems:
                    batch = batch_of(self.stream, staged, self.load_id)
                    return replace(back, batch=batch, read=tuple(report.source for report in found))
                problems = again.problems
            back = self._accepted(back, problems)

    def _accepted(self, back: _Back, problems: Sequence[tuple[LoadReport, str]]) -> _Back:
        """Go on without files that cannot be read again, if their loss is accepted."""
        names = names_of(self.backends.project, self.wish.without)
        refused = [(report, why) for report, why in problems if report.source not in names]
        if refused:
            raise lacking(refused, is_remote=self.backends.is_remote)
        goes = back.goes | {report.identity for report, _ in problems}
        return replace(back, goes=goes, lost=(*back.lost, *(report.source for report, _ in problems)))

    def _told(self, going: Sequence[LoadReport], gone: Leaving, change: Returning, back: _Back) -> RolledBack:
        restored: dict[str, int] = {}
        for (_, credit), count in change.counts.items():
            uri = source_of(credit).uri
            restored[uri] = restored.get(uri, 0) + count
        removed = sum(gone.counts.values()) if self.stream.key else sum(report.loaded for report in going)
        return RolledBack(
            tuple(dict.fromkeys(report.load_id for report in going)),
            "" if self.wish.dry_run else self.load_id,
            tuple(report.source for report in going),
            removed,
            restored,
            sum(report.quarantined for report in going),
            back.read,
            back.lost,
            is_done=not self.wish.dry_run,
        )

    def _told_by(self, every: Sequence[LoadReport], mine: Sequence[LoadReport]) -> RolledBack:
        """The same, by the history: what was read for it is not known any more."""
        names = {report.identity: report.source for report in every}
        loads = {(report.identity, report.nth): report for report in every}
        going = [
            loads[report.identity, report.nth - 1] for report in mine if (report.identity, report.nth - 1) in loads
        ]
        restored: dict[str, int] = {}
        for report in mine:
            for identity, count in report.restored.items():
                restored[names[identity]] = restored.get(names[identity], 0) + count
        return RolledBack(
            tuple(dict.fromkeys(report.load_id for report in going)),
            self.load_id,
            tuple(report.source for report in mine),
            sum(count for report in mine for count in report.replaced.values()),
            restored,
            sum(report.quarantined for report in going),
            (),
            (),
            is_done=True,
        )


@dataclass(frozen=True, slots=True)
class _Back:
    """What is put back: identities that cannot come back, the batch of those that may, the files read and lost."""

    goes: frozenset[str]
    batch: Batch | None = None
    read: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
