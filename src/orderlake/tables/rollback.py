"""The commit of a rollback: what sources stood for leaves all tables, and what they stood before returns, at once.

Its steps are those of `commit.py`, numbered alike; a worker that dies is finished by the next commit, as there. Each
source that is rolled back gets a report of its own, which the index's summary carries.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orderlake.model.pipeline import Stream
from orderlake.model.report import LoadReport
from orderlake.tables.batch import by_identity
from orderlake.tables.commit import PUBLISH, REPORTS, Committer, Prepared
from orderlake.tables.declared import PROPERTY, Wanted, plain_table
from orderlake.tables.exchange import Exchange
from orderlake.tables.hive import Swap, publication, seals_of
from orderlake.tables.lakehouse import KEEP_INDEX_SNAPSHOTS, KEEP_SNAPSHOTS, Move, Opened
from orderlake.tables.layout import TableLayout, key_names, table_layout
from orderlake.tables.rewrite import Change, Rewrite, newest, rewrite
from orderlake.tables.withdraw import AFFECTED, GONE, Leaving, Returning


@dataclass(slots=True)
class Rollback:
    """One attempt to roll back: `tables` as they were read, `loads` the reports of the sources that go.

    `wanted` is what becomes of the tables by the pipeline as it is now, as with every commit.
    """

    committer: Committer
    stream: Stream
    tables: Mapping[str, Opened]
    loads: Sequence[LoadReport]
    load_id: str
    wanted: Wanted
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex)
    written: dict[str, int] = field(default_factory=dict)

    def run(self, gone: Leaving, change: Returning) -> list[LoadReport]:
        """Steps 5 to 10; the tables AFFECTED and GONE are filled. The first report tells of rows and files written."""
        swaps = [self._plain(change, name) for name in self._names("parquet")] if gone.counts else []
        rewrites = {layout.name: self._rewrite(layout, each) for layout, each in self._changes(gone, change)}
        self.committer.on_step(6)
        commit = self.tables[self.stream.index].next_sequence
        first, *others = self._reports(gone, change)
        reports = [
            replace(first, tables=self.written, changes=self.wanted.changes, seals=seals_of(swaps, 0, commit)),
            *others,
        ]
        publish = publication(self.committer.house.root, swaps)
        moves = self._moves(rewrites, reports, publish)
        files = [file.location for done in rewrites.values() for file in done.added]
        files += [hidden for swap in swaps for hidden, _ in swap.moves]
        self.committer.land(Prepared(files, moves, publish, reports), self.tables[self.stream.index].layout)
        return reports

    def _names(self, form: str) -> list[str]:
        return [spec.name for spec in self.stream.tables if spec.format == form]

    def _plain(self, change: Returning, table: str) -> Swap:
        house, spec = self.committer.house, next(spec for spec in self.stream.tables if spec.name == table)
        columns, _ = plain_table(spec, self.wanted.declared)
        house.catalog.publish_parquet(spec.name, columns, f"{house.root}/{spec.name}")
        return Exchange(self.committer.engine, house.store, house.root, self.stream, spec, self.attempt).prepare(change)

    def _changes(self, gone: Leaving, change: Returning) -> list[tuple[TableLayout, Change]]:
        if not gone.counts:
            return []
        keyed = bool(self.stream.key)
        out = (AFFECTED, key_names(self.stream)) if keyed else (GONE, ("_source_file", "_version"))
        changes: list[tuple[TableLayout, Change]] = []
        batch = change.batch if change.batch is not None and any(change.batch.staged.grains.values()) else None
        for spec in self.stream.tables:
            if spec.format == "iceberg":
                rows = None if batch is None else batch.rows_of(spec, change.decision.losers)
                files = () if batch is None else batch.files(spec.rows)
                changes.append((table_layout(self.stream, spec), Change(rows, *out, clustered_by=files)))
        index, decision = self.tables[self.stream.index].layout, change.decision
        count = None if decision.index is None else decision.index_rows
        changes.append(
            (index, Change(decision.index, AFFECTED, key_names(self.stream), merge=newest(index), count=count))
        )
        return changes

    def _rewrite(self, layout: TableLayout, change: Change) -> Rewrite:
        opened, committer = self.tables[layout.name], self.committer
        done = rewrite(
            committer.engine,
            committer.house.store,
            opened.layout,
            opened.live,
            change,
            location=opened.location,
            attempt=self.attempt,
        )
        if layout.spec is not None:
            self.written[layout.name] = done.rows
        return done

    def _reports(self, gone: Leaving, change: Returning) -> list[LoadReport]:
        """A report per source that goes."""
        now = self.committer.now()
        return [
            LoadReport(
                source=load.source,
                pipeline=load.pipeline,
                stream=load.stream,
                status="rolled_back",
                identity=load.identity,
                load_id=self.load_id,
                version=load.version,
                at=now,
                reason=f"rolled back; `orderlake rollback {load.load_id[:12]} --undo` loads it again",
                definition=load.definition,
                replaced=by_identity(gone.counts, load.identity),
                restored=by_identity(change.counts, load.identity),
                nth=load.nth + 1,
            )
            for load in self.loads
        ]

    def _moves(
        self, rewrites: Mapping[str, Rewrite], reports: Sequence[LoadReport], publish: Mapping[str, Any]
    ) -> list[Move]:
        """The next metadata of each table that changes, and of the index always: it tells of the rollback."""
        moves = []
        for table, opened in self.tables.items():
            done = rewrites.get(table, Rewrite())
            summary, keep = {"orderlake.load-id": self.load_id, "orderlake.operation": "rollback"}, KEEP_SNAPSHOTS
            if table == self.stream.index:
                told = [report.as_dict() for report in reports]
                summary |= {REPORTS: json.dumps(told), PUBLISH: json.dumps(publish)}
                keep = KEEP_INDEX_SNAPSHOTS
                opened = replace(opened, properties={PROPERTY: self.wanted.declared.text()})  # noqa: PLW2901 - the same table
            elif not done.added and not done.removed and not opened.grows:
                continue
            moves.append(self.committer.house.move(opened, done, summary, self.attempt, keep))
        return moves
