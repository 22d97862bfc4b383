"""What a commit accounts for: a report per source, the records set aside, what the checks found."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orderlake.engine import name, parquet, quote
from orderlake.model.check import CheckResult
from orderlake.model.report import LoadReport
from orderlake.tables.batch import Batch, by_identity
from orderlake.tables.decide import Decision
from orderlake.tables.layout import CHECK_RESULTS_COLUMNS, QUARANTINE_COLUMNS


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a batch loaded by a pipeline of this `definition`, as was decided and written.

    `started` gives each identity's clock, `written` rows per table and source.
    """

    batch: Batch
    definition: str
    started: Mapping[str, float]
    now: str
    decision: Decision
    written: Mapping[str, Mapping[int, int]]

    def reports(self, found: Sequence[Sequence[CheckResult]]) -> list[LoadReport]:
        """One report per source, in order; `found` has what the checks found in each."""
        sources = range(len(self.batch.staged.sources))
        return [self._report(number, found[number] if found else ()) for number in sources]

    def _report(self, number: int, checks: Sequence[CheckResult]) -> LoadReport:
        decision, written = self.decision, self.written
        staged, source = self.batch.staged, self.batch.staged.sources[number]
        read = sum(segment.records for segment in staged.segments if segment.source == number)
        bad = staged.set_aside(number)
        superseded, duplicate = decision.superseded.get(number, 0), decision.duplicate.get(number, 0)
        return LoadReport(
            source=source.uri,
            pipeline=self.batch.stream.pipeline,
            stream=self.batch.stream.name,
            status="loaded",
            identity=source.identity,
            load_id=self.batch.load_id,
            version=source.version,
            at=self.now,
            read=read,
            loaded=read - bad - superseded - duplicate,
            superseded=superseded,
            duplicate=duplicate,
            quarantined=bad,
            tables={spec.name: written.get(spec.name, {}).get(number, 0) for spec in self.batch.stream.tables},
            bytes=source.size,
            seconds=round(time.perf_counter() - self.started.get(source.identity, time.perf_counter()), 3),
            definition=self.definition,
            replaced=by_identity(decision.replaced, number),
            checks=[check.as_dict() for check in checks],
            changes=tuple(staged.changes.get(number, ())),
            resumed_parts=staged.resumed,
        )


def quarantined(batch: Batch, now: str) -> str:
    """SELECT the batch's records set aside, as rows of the quarantine table."""
    sources = batch.staged.sources
    values = {
        "load_id": quote(batch.load_id),
        "pipeline": quote(batch.stream.pipeline),
        "source": batch.staged.per_segment([quote(source.uri) for source in sources], "segment"),
        "version": batch.staged.per_segment([str(source.version) for source in sources], "segment"),
        "position": batch.staged.position("position", "segment"),
        "line": batch.staged.line(),
        "record": "raw",
        "quarantined_at": quote(now),
    }
    columns = ", ".join(
        f"CAST({values.get(column, column)} AS {kind.sql}) AS {name(column)}"
        for column, kind in QUARANTINE_COLUMNS.items()
    )
    return f"SELECT {columns} FROM {parquet(batch.staged.rejected)}"


def check_rows(batch: Batch, found: Sequence[Sequence[CheckResult]], now: str) -> str:
    """SELECT what the checks found, as rows of the table of check results."""
    rows = [
        ", ".join(
            [
                quote(batch.load_id),
                quote(batch.stream.pipeline),
                quote(source.uri),
                str(source.version),
                *map(quote, (one.table, one.name, one.kind, one.on_fail)),
                str(one.checked),
                str(one.failed),
                str(one.failed == 0),
                *map(quote, (one.message, one.measured, ", ".join(map(str, one.examples)), now)),
            ]
        )
        for source, results in zip(batch.staged.sources, found, strict=True)
        for one in results
    ]
    names = ", ".join(map(name, CHECK_RESULTS_COLUMNS))
    columns = ", ".join(
        f"CAST({name(column)} AS {kind.sql}) AS {name(column)}" for column, kind in CHECK_RESULTS_COLUMNS.items()
    )
    return f"SELECT {columns} FROM (VALUES {', '.join(f'({row})' for row in rows)}) AS r({names})"
