"""A catalog and a ledger that forget: what is told to them is known to them alone, over what the real ones have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from orderlake.errors import CommitConflictError
from orderlake.model.column import ColumnType
from orderlake.model.ports import Catalog, HeadUpdate, Ledger, TableHead
from orderlake.model.report import ANY_LOAD, LoadPage, LoadReport, Totals, Wanted


@dataclass(frozen=True, slots=True)
class UnrecordedCatalog:
    """Catalog over another one, which it only reads."""

    under: Catalog
    moved: dict[str, str] = field(default_factory=dict)
    """Where the metadata of tables would be."""

    def heads(self, tables: Sequence[str]) -> Mapping[str, TableHead]:
        """The head of each table."""
        found = self.under.heads(tables)
        return {table: TableHead(table, self.moved.get(table, found[table].metadata)) for table in tables}

    def commit(self, updates: Sequence[HeadUpdate]) -> None:
        """Move heads, here alone; CommitConflictError when a real one has moved meanwhile."""
        heads = self.heads([update.table for update in updates])
        for update in updates:
            if heads[update.table].metadata != update.expected:
                raise CommitConflictError(f"table {update.table} was changed by a load")
        self.moved.update({update.table: update.metadata for update in updates})

    def tables(self) -> Sequence[TableHead]:
        """Every table, in name order."""
        found = {head.table: head for head in self.under.tables()}
        found |= {table: TableHead(table, metadata) for table, metadata in self.moved.items()}
        return [found[table] for table in sorted(found)]

    def optimized(self, tables: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """What lies under it knows."""
        return self.under.optimized(tables)

    def publish_parquet(self, name: str, columns: Mapping[str, ColumnType], location: str) -> None:
        """Nobody is shown anything."""

    def close(self) -> None:
        """What lies under it is its owner's to close."""


@dataclass(frozen=True, slots=True)
class UnrecordedLedger:
    """Ledger over another one, which it only reads."""

    under: Ledger
    marked: dict[str, LoadReport] = field(default_factory=dict)

    def applied(self, identities: Iterable[str]) -> Mapping[str, LoadReport]:
        """The loads among these identities, those of the trial with them."""
        wanted = list(identities)
        return {**self.under.applied(wanted), **{each: self.marked[each] for each in wanted if each in self.marked}}

    def mark(self, reports: Sequence[LoadReport]) -> None:
        """Know loads, here alone."""
        known = self.applied(report.identity for report in reports)
        for report in reports:
            before = known.get(report.identity)
            if before is None or before.status == "rejected" or before.nth < report.nth:
                self.marked[report.identity] = report

    def loads(self) -> Sequence[LoadReport]:
        """The real history: what is only tried has none."""
        return self.under.loads()

    def recent(self, limit: int, before: str | None = None, wanted: Wanted = ANY_LOAD) -> LoadPage:
        """As `loads`."""
        return self.under.recent(limit, before, wanted)

    def totals(self) -> Totals:
        """As `loads`."""
        return self.under.totals()

    def stamp(self) -> str:
        """As `loads`."""
        return self.under.stamp()

    @contextmanager
    def claim(self, identities: Iterable[str]) -> Iterator[frozenset[str]]:
        """All of them: who tries takes nothing from who loads."""
        yield frozenset(identities)

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:  # noqa: ARG002 - nobody has to wait for his turn
        """At once."""
        yield

    def close(self) -> None:
        """What lies under it is its owner's to close."""
