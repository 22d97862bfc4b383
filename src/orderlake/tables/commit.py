"""The commit: exactly once, whatever dies, repeats, races or loses its reply.

For a staged batch of objects of one stream:

1. Wait for the stream's turn. It saves work; it is never the truth.
2. Read the heads of all tables the batch may touch, in one read.
3. Then read the ledger, and add what the index's unexpired snapshots say was applied. Finish what a
   dead predecessor left: give its hidden Parquet files their names, mark its loads.
4. Leave if objects of this batch turn out to be applied; stage again if one changed while it was read. Refuse if
   the tables cannot become what the pipeline declares (`evolve.py`, `declared.py`).
5. Decide, and write data files under names unique to this attempt.
6. Write manifests and metadata. The index's snapshot summary carries the reports of the loads it
   applies and the hidden files to publish.
7. Commit: all heads move if all are where they were in step 2, else none. On a conflict, or on any
   doubt, back to step 2. This is the only point at which state changes.
8. Give hidden files their names.
9. Mark the loads in the ledger.
10. Delete metadata files that no table lists any more.

Dying before 7 leaves unreferenced files. Dying after 7 leaves 8 to 10, which the next commit's step 3
does from the summary; all three are idempotent. A snapshot is expired only after step 9 was done for it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from orderlake.engine import Engine
from orderlake.errors import (
    CatalogUnavailableError,
    CommitConflictError,
    CommitStateUnknownError,
    SourceChangedError,
    SourcesAppliedError,
)
from orderlake.model.check import CheckResult
from orderlake.model.pipeline import TableSpec
from orderlake.model.ports import Ledger, SourceFiles
from orderlake.model.report import LoadReport
from orderlake.storage.raised import storage_errors
from orderlake.tables import hive
from orderlake.tables.account import Account, check_rows, quarantined
from orderlake.tables.batch import Batch
from orderlake.tables.decide import Decision, decide
from orderlake.tables.declared import PROPERTY, Wanted, plain_table, want
from orderlake.tables.lakehouse import KEEP_INDEX_SNAPSHOTS, KEEP_SNAPSHOTS, Lakehouse, Move, Opened
from orderlake.tables.layout import (
    TableLayout,
    check_results_layout,
    index_layout,
    key_names,
    layouts_of,
    quarantine_layout,
    table_layout,
)
from orderlake.tables.relations import with_relations
from orderlake.tables.rewrite import Change, Rewrite, may_hold, newest
from orderlake.tables.writing import Work, Write, write_here

if TYPE_CHECKING:
    import duckdb

REPORTS: Final = "orderlake.loads"
PUBLISH: Final = "orderlake.publish"
_ATTEMPTS: Final = 60
Step = Callable[[int], None]
OnDecided = Callable[["duckdb.DuckDBPyConnection", Batch, Decision, Mapping[str, Opened]], None]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A commit that is written and has not landed: its new files, the moves of its tables, what to publish, reports."""

    files: Sequence[str]
    moves: Sequence[Move]
    publish: Mapping[str, Any]
    reports: Sequence[LoadReport]


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits batches. `on_step` is told each numbered step as it begins."""

    engine: Engine
    house: Lakehouse
    ledger: Ledger
    sources: SourceFiles
    now: Callable[[], str]
    on_step: Step = field(default=lambda _: None)
    on_decided: OnDecided = field(default=lambda *_: None)
    """Hears what is decided about each batch, and the tables as they are then."""
    write: Write = write_here
    """Writes the files of step 5."""

    def commit(self, batch: Batch, started: Mapping[str, float], definition: str) -> list[LoadReport]:
        """Apply a batch; give one report per object, in the batch's order.

        `started` gives per identity the clock (time.perf_counter) at which its load began.
        """
        return self.in_turn(batch.stream.index, lambda: self._attempt(batch, started, definition))

    def in_turn(self, index: str, attempt_once: Callable[[], R]) -> R:
        """Try to change a stream's tables, in its turn, until no other commit has come between."""
        for attempt in range(_ATTEMPTS):
            self.on_step(1)
            with self.ledger.turn(index):
                try:
                    with storage_errors():
                        return attempt_once()
                except (CommitConflictError, CommitStateUnknownError):
                    if attempt == _ATTEMPTS - 1:
                        raise
            time.sleep(min(0.01 * 2**attempt, 0.5))
        raise CommitConflictError("unreachable")

    def land(self, prepared: Prepared, index: TableLayout) -> None:
        """Steps 7 to 10, for the stream of this index; CommitConflictError when nothing has landed."""
        store = self.house.store
        store.sync(prepared.files)
        self.on_step(7)
        if prepared.moves:
            try:
                self.house.catalog.commit([move.update for move in prepared.moves])
            except CatalogUnavailableError as error:  # it may have landed: step 3 of the next try finds out
                raise CommitStateUnknownError(str(error)) from error
        self.finish(prepared.publish, prepared.reports, index)
        self.on_step(10)
        store.each(store.delete, [location for move in prepared.moves for location in move.obsolete])

    def look_again(self, index: Opened) -> None:
        """Finish what a dead worker left, by an index that was just read (step 3)."""
        self._look_again(index)

    def recover(self, stream_index: TableLayout) -> None:
        """Finish what a dead worker left for one stream (step 3 alone)."""
        self._look_again(self.house.open([stream_index], files=False)[stream_index.name])

    def _attempt(self, batch: Batch, started: Mapping[str, float], definition: str) -> list[LoadReport]:
        self.on_step(2)
        tables = self.house.open(layouts_of(batch.stream))
        self.on_step(3)
        identities = [source.identity for source in batch.staged.sources]
        known = self._look_again(tables[batch.stream.index], identities)
        applied = frozenset(identity for identity, report in known.items() if not report.leaves_open(batch.again))
        self.on_step(4)
        if applied:
            raise SourcesAppliedError(applied)
        self._still_there(batch)
        before = {identity: report.nth for identity, report in known.items() if report.status == "rolled_back"}
        wanted = want(batch.stream, tables, self.house)
        batch = replace(batch, salt=wanted.declared.salt(batch.stream))
        return _Attempt(self, batch, tables, definition, dict(started), before, wanted).run()

    def _still_there(self, batch: Batch) -> None:
        for source in batch.staged.sources:
            if self.sources.now(source) != source:
                raise SourceChangedError(f"{source.uri} changed while it was read")

    def _look_again(self, index: Opened, identities: Sequence[str] = ()) -> Mapping[str, LoadReport]:
        """Finish what the index's snapshots tell of and the ledger does not; give the loads among these identities."""
        snapshots = () if index.metadata is None else index.metadata.snapshots
        summaries = [snapshot.summary for snapshot in snapshots if REPORTS in snapshot.summary]
        told = [[LoadReport.of(report) for report in json.loads(summary[REPORTS])] for summary in summaries]
        # One read for all: finishing what another has finished meanwhile does no harm.
        known = dict(self.ledger.applied([*identities, *(report.identity for each in told for report in each)]))
        publish = [json.loads(summary.get(PUBLISH, "{}")) for summary in summaries]
        for number, reports in enumerate(told):
            if not all(_is_known(report, known.get(report.identity)) for report in reports):
                # What a later commit has put there again is not removed for an earlier one.
                again = {final for later in publish[number + 1 :] for _, final in later.get("moves", [])}
                removals = [final for final in publish[number].get("removals", []) if final not in again]
                self.finish({**publish[number], "removals": removals}, reports)
                known |= {one.identity: one for one in reports if not _is_known(one, known.get(one.identity))}
        return {identity: known[identity] for identity in identities if identity in known}

    def finish(
        self, publish: Mapping[str, Any], reports: Sequence[LoadReport], index: TableLayout | None = None
    ) -> None:
        """Steps 8 and 9; doing them twice is doing them once.

        With an `index` to look into, nothing is removed that others have put there since this commit landed: they may
        have finished it for a worker that is slow, and gone on.
        """
        self.on_step(8)
        store, root = self.house.store, self.house.root
        store.each(lambda move: store.publish(f"{root}/{move[0]}", f"{root}/{move[1]}"), publish.get("moves", []))
        removals = publish.get("removals", [])
        if removals and index is not None:
            again = self._put_since(index, reports[0].load_id)
            removals = [final for final in removals if final not in again]
        store.each(lambda final: store.delete(f"{root}/{final}"), removals)
        self.on_step(9)
        self.ledger.mark(reports)

    def _put_since(self, index: TableLayout, load_id: str) -> set[str]:
        """The plain files that commits after this load's have put in their places."""
        metadata = self.house.open([index], files=False)[index.name].metadata
        summaries = [] if metadata is None else [snapshot.summary for snapshot in metadata.snapshots]
        own = [at for at, summary in enumerate(summaries) if summary.get("orderlake.load-id") == load_id]
        later = summaries[own[-1] + 1 :] if own else summaries
        return {final for each in later for _, final in json.loads(each.get(PUBLISH, "{}")).get("moves", [])}


@dataclass(slots=True)
class _Attempt:
    committer: Committer
    batch: Batch
    tables: Mapping[str, Opened]
    definition: str
    started: Mapping[str, float]
    before: Mapping[str, int]
    """Of each source that was rolled back, which event that was."""
    wanted: Wanted
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    written: dict[str, Mapping[int, int]] = field(default_factory=dict)
    swaps: list[hive.Swap] = field(default_factory=list)
    found: tuple[tuple[CheckResult, ...], ...] = ()
    """What the checks found, per source."""

    def run(self) -> list[LoadReport]:
        """Steps 5 to 10."""
        self.committer.on_step(5)
        cursor = self.committer.engine.cursor()
        decision = self._decide(cursor)
        self.committer.on_decided(cursor, self.batch, decision, self.tables)
        self.found = with_relations(cursor, self.committer.house, self.batch)
        swaps, rewrites = self._write(decision)
        self.committer.on_step(6)
        account = Account(self.batch, self.definition, self.started, self.committer.now(), decision, self.written)
        reports = [
            replace(
                report,
                changes=(*(self.wanted.changes if number == 0 else ()), *report.changes),
                nth=self.before.get(report.identity, -1) + 1,
                seals=hive.seals_of(self.swaps, number, self.tables[self.batch.stream.index].next_sequence),
            )
            for number, report in enumerate(account.reports(self.found))
        ]
        publish = hive.publication(self.committer.house.root, swaps)
        moves = self._moves(rewrites, reports, publish)
        files = [file.location for done in rewrites.values() for file in done.added]
        files += [hidden for swap in swaps for hidden, _ in swap.moves]
        self.committer.land(Prepared(files, moves, publish, reports), index_layout(self.batch.stream))
        return reports

    def _decide(self, cursor: duckdb.DuckDBPyConnection) -> Decision:
        index = self.tables[self.batch.stream.index]
        files = list(index.live)
        if files and self.batch.stream.key and any(self.batch.staged.grains.values()):
            first = key_names(self.batch.stream)[0]
            low, high = cursor.execute(
                f"SELECT min({first}), max({first}) FROM {self.batch.entities()}"
            ).fetchone() or (None, None)
            files = may_hold(files, first, low, high) if low is not None else []
        store = self.committer.house.store
        return decide(cursor, self.batch, [store.engine_path(file.location) for file in files], index.layout)

    def _write(self, decision: Decision) -> tuple[Sequence[hive.Swap], Mapping[str, Rewrite]]:
        """Have all tables' files written, and count their rows."""
        house = self.committer.house
        plain: list[TableSpec] = []
        if any(self.batch.staged.grains.values()) or decision.retired:
            plain = [spec for spec in self.batch.stream.tables if spec.format == "parquet"]
        for spec in plain:
            # Shown before its first file is: so it is there the moment the commit lands, whoever dies.
            columns, _ = plain_table(spec, self.wanted.declared)
            house.catalog.publish_parquet(spec.name, columns, f"{house.root}/{spec.name}")
        changes = self._changes(decision)
        work = Work(
            self.committer.engine, house, self.batch, decision, self.tables, self.name, tuple(plain), tuple(changes)
        )
        done = self.committer.write(work)
        self.written |= {name: swap.rows or {} for name, swap in done.swaps.items()}
        self.written |= done.rows
        self.swaps += done.swaps.values()
        return self.swaps, done.rewrites

    def _changes(self, decision: Decision) -> list[tuple[TableLayout, Change]]:
        changes: list[tuple[TableLayout, Change]] = []
        staged = any(self.batch.staged.grains.values())
        keys = key_names(self.batch.stream) if self.batch.stream.key else ("_source_file", "_version")
        for spec in self.batch.stream.tables if staged or decision.dropped is not None else ():
            if spec.format == "iceberg":
                rows = self.batch.rows_of(spec, decision.losers) if staged else None
                files = self.batch.files(spec.rows) if staged else ()
                changes.append(
                    (table_layout(self.batch.stream, spec), Change(rows, decision.dropped, keys, clustered_by=files))
                )
        index = self.tables[self.batch.stream.index]
        if decision.index is not None:
            changes.append(
                (
                    index_layout(self.batch.stream),
                    Change(decision.index, merge=newest(index.layout), count=decision.index_rows),
                )
            )
        if self.batch.staged.rejected:
            changes.append((quarantine_layout(), Change(quarantined(self.batch, self.committer.now()))))
        if any(self.found):
            rows = check_rows(self.batch, self.found, self.committer.now())
            changes.append((check_results_layout(), Change(rows, count=sum(map(len, self.found)))))
        return changes

    def _moves(
        self, rewrites: Mapping[str, Rewrite], reports: Sequence[LoadReport], publish: Mapping[str, Any]
    ) -> list[Move]:
        house = self.committer.house
        todo: list[tuple[Opened, Rewrite, dict[str, str], int]] = []
        touched = any(done.added or done.removed for done in rewrites.values()) or bool(self.wanted.changes)
        for name, opened in self.tables.items():
            done = rewrites.get(name, Rewrite())
            summary = {"orderlake.load-id": self.batch.load_id}
            keep = KEEP_SNAPSHOTS
            if name == self.batch.stream.index:
                if not touched and not publish:
                    continue
                summary |= {
                    REPORTS: json.dumps([report.as_dict() for report in reports]),
                    PUBLISH: json.dumps(publish),
                }
                keep = KEEP_INDEX_SNAPSHOTS
                opened = replace(opened, properties={PROPERTY: self.wanted.declared.text()})  # noqa: PLW2901 - the same table
            elif not done.added and not done.removed and not opened.grows:
                continue
            todo.append((opened, done, summary, keep))
        return list(house.store.each(lambda one: house.move(one[0], one[1], one[2], self.name, one[3]), todo))


def _is_known(report: LoadReport, known: LoadReport | None) -> bool:
    """Whether the ledger has this event, or a later one of the same source."""
    return known is not None and known.status != "rejected" and known.nth >= report.nth
