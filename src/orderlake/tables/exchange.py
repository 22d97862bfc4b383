"""The plain Parquet files of a rollback: those that lose records, and those that get some back."""

from __future__ import annotations

from dataclasses import dataclass

from orderlake.engine import Engine, name, parquet, quote
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.ports import ObjectStore
from orderlake.tables.batch import credit_of, source_of
from orderlake.tables.hive import OPTIONS, PENDING, Swap, file_name, with_source
from orderlake.tables.layout import entity_columns
from orderlake.tables.withdraw import AFFECTED, Returning


@dataclass(frozen=True, slots=True)
class Exchange:
    """One plain Parquet table of a stream, in the lake at `root`, and the attempt that writes to it."""

    engine: Engine
    store: ObjectStore
    root: str
    stream: Stream
    spec: TableSpec
    attempt: str

    def prepare(self, change: Returning) -> Swap:
        """Write the hidden files that replace those of all sources that lose records or get some back."""
        moves: list[tuple[str, str]] = []
        removals: list[str] = []
        seals: dict[str, str] = {}
        returned = {credit for _, credit in change.counts}
        for number, credit in enumerate(sorted(change.retired | returned)):
            final = f"{self.root}/{self.spec.name}/{file_name(self.spec.file_prefix, source_of(credit))}"
            is_there = self.store.stat(final) is not None
            selects = [self._new(change, credit)] if credit in returned else []
            if is_there:
                selects += self._stays(final, loses=credit in change.retired)
            hidden = f"{self.root}/{PENDING}/{self.spec.name}/{self.attempt}-exchanged-{number}.parquet"
            if selects and self._write(" UNION ALL BY NAME ".join(selects), hidden):
                moves.append((hidden, final))
                seals[final.removeprefix(f"{self.root}/")] = self.store.seal(hidden)
            elif is_there:
                removals.append(final)
                seals[final.removeprefix(f"{self.root}/")] = ""
        return Swap(tuple(moves), tuple(removals), seals={0: seals})

    def _new(self, change: Returning, credit: str) -> str:
        """SELECT the rows that a source gets back."""
        batch = change.batch
        if batch is None:
            raise ValueError(f"{credit} gets rows back of a batch that there is not")
        numbers = {credit_of(source): at for at, source in enumerate(batch.staged.sources)}
        rows = with_source(batch, self.spec, change.decision.losers)
        return f"(SELECT * EXCLUDE (_n) FROM ({rows}) WHERE _n = {numbers[credit]})"

    def _stays(self, final: str, *, loses: bool) -> list[str]:
        """SELECT what stays of a file; nothing of one that goes as a whole."""
        file = parquet([self.store.engine_path(final)])
        if not loses:
            return [f"(SELECT * FROM {file})"]
        own = entity_columns(self.stream, self.spec)
        if not own:
            return []
        same = " AND ".join(f"t.{name(column)} = d._k{number}" for number, column in enumerate(own))
        return [f"(SELECT t.* FROM {file} AS t ANTI JOIN {AFFECTED} AS d ON {same})"]

    def _write(self, select: str, hidden: str) -> int:
        """Write a hidden file and give its rows; one without any is not left."""
        path = quote(self.store.target_path(hidden))
        done = self.engine.cursor().execute(f"COPY ({select}) TO {path} ({OPTIONS})").fetchone()
        if done is None or not done[0]:
            self.store.delete(hidden)
            return 0
        return int(done[0])
