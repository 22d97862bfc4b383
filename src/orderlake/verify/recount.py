"""The recount of a whole lake: one listing, then table by table what is proven of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from orderlake.engine import Engine
from orderlake.model.pipeline import Stream
from orderlake.model.ports import StoredObject
from orderlake.model.report import LoadReport
from orderlake.storage.raised import raised_in_engine
from orderlake.tables.layout import (
    CHECK_RESULTS,
    DROPS,
    QUARANTINE,
    TableLayout,
    index_layout,
    system_layouts,
    table_layout,
)
from orderlake.tables.unneeded import memory
from orderlake.verify import agreement, conservation, keys
from orderlake.verify.chain import Chain, follow
from orderlake.verify.files import Files
from orderlake.verify.finding import RELOAD, Finding, Tally, VerifyReport
from orderlake.verify.orphans import DEFAULT_HOURS, of_marts, orphans
from orderlake.verify.plain import PlainTable
from orderlake.verify.subject import Subject, rows_of
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb

_TRIES: Final = 3
_HOUR: Final = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is proven: `quick` opens no data file; orphans are those older than `orphan_hours`."""

    quick: bool = False
    orphan_hours: float = DEFAULT_HOURS
    now_ns: Callable[[], int] = time.time_ns


def verify(backends: Backends, engine: Engine, scope: Scope | None = None) -> VerifyReport:
    """Prove a lake. What is found while loads commit is looked at again, as the lake is then."""
    scope = Scope() if scope is None else scope
    tries = 0
    while True:
        before = backends.catalog.tables()
        report = _Recount(backends, engine.cursor(), scope).report({each.table: each.metadata for each in before})
        tries += 1
        if report.ok or tries == _TRIES or backends.catalog.tables() == before:
            return report


@dataclass(slots=True)
class _Recount:
    backends: Backends
    cursor: duckdb.DuckDBPyConnection
    scope: Scope

    def report(self, heads: Mapping[str, str | None]) -> VerifyReport:
        """Prove everything once."""
        backends, tally = self.backends, Tally()
        store = backends.store
        listed = {store.engine_path(each.location): each for each in store.list(backends.root, hidden=True)}
        files = Files(store, listed, tally, self.scope.quick)
        events = [report for report in backends.ledger.loads() if report.status in conservation.EVENTS]
        layouts = self._layouts()
        unknown = {table: TableLayout(table, {}, ()) for table in heads if table not in layouts}
        chains = {
            table: follow(backends.house, layout, heads.get(table)) for table, layout in {**layouts, **unknown}.items()
        }
        found = list(conservation.accounted(events))
        damaged: set[str] = set()
        for table, chain in chains.items():
            faults = [*chain.found, *files.whole(chain)]
            damaged |= {table} if chain.opened is None or not _readable(faults) else set()
            found += faults
            tally.metadata += len(chain.metadata)
        found += self._system(events, chains, damaged)
        for stream in backends.streams:
            tally.tables += len(stream.tables)
            found += self._stream(stream, events, chains, damaged, files)
        found += self._orphans(listed, chains, tally)
        sources = {report.identity for report in events if report.status == "loaded"}
        records = sum(report.read for report in events)
        return VerifyReport(
            len(sources), records, tally.tables, tally.files, tuple(found), asdict(tally), self.scope.quick
        )

    def _layouts(self) -> dict[str, TableLayout]:
        layouts = [index_layout(stream) for stream in self.backends.streams]
        layouts += [table_layout(stream, spec) for stream, spec in self.backends.specs if spec.format == "iceberg"]
        return {layout.name: layout for layout in (*layouts, *system_layouts())}

    def _system(self, events: list[LoadReport], chains: Mapping[str, Chain], damaged: set[str]) -> Iterator[Finding]:
        if self.scope.quick:
            return

        def rows(table: str) -> str | None:
            opened = chains[table].opened
            return None if opened is None else rows_of(self.backends, opened)

        if QUARANTINE not in damaged:
            yield from self._safe(QUARANTINE, conservation.set_aside(self.cursor, events, rows(QUARANTINE)))
        if CHECK_RESULTS not in damaged:
            yield from self._safe(CHECK_RESULTS, conservation.checked(self.cursor, events, rows(CHECK_RESULTS)))
        if not {QUARANTINE, DROPS} & damaged:
            yield from self._safe(DROPS, conservation.dropped(self.cursor, rows(DROPS), rows(QUARANTINE)))

    def _stream(
        self, stream: Stream, events: list[LoadReport], chains: Mapping[str, Chain], damaged: set[str], files: Files
    ) -> Iterator[Finding]:
        """What is proven of a stream's rows; nothing where one of its tables cannot be read as it was written."""
        iceberg = [spec for spec in stream.tables if spec.format == "iceberg"]
        opened = {name: chains[name].opened for name in (stream.index, *(spec.name for spec in iceberg))}
        whole = {name: table for name, table in opened.items() if table is not None and name not in damaged}
        if stream.index not in whole:
            return
        mine = [each for each in events if (each.pipeline, each.stream) == (stream.pipeline, stream.name)]
        subject = Subject(self.cursor, self.backends, stream, whole, mine, files.tally)
        faults = list(self._safe(stream.index, self._index(subject)))
        yield from faults
        if any(each.kind == "damaged" for each in faults):
            return
        plain = [PlainTable(subject, spec, files) for spec in stream.tables if spec.format == "parquet"]
        for table in plain:
            faults = list(table.whole())
            yield from faults
            if self.scope.quick or not _readable(faults) or len(whole) < len(opened):
                continue
            yield from self._safe(table.spec.name, table.owned())
            yield from self._safe(table.spec.name, table.like_its_twin())
        if self.scope.quick or len(whole) < len(opened):
            return
        for spec in iceberg:
            for proof in PROOFS:
                yield from self._safe(spec.name, proof(subject, spec))

    def _index(self, subject: Subject) -> Iterator[Finding]:
        if self.scope.quick:
            yield from keys.counted(subject)
            return
        subject.fill()
        yield from keys.index_agrees(subject)

    def _safe(self, table: str, proof: Iterable[Finding]) -> Iterator[Finding]:
        """A proof's findings; that the engine cannot read what it needs is one too."""
        import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

        try:
            yield from proof
        except duckdb.Error as error:
            stored = raised_in_engine(error)
            if stored is not None:
                raise stored from error
            first = str(error).splitlines()[0]
            yield Finding("damaged", f"{table}: its rows cannot be read ({first})", RELOAD, table)

    def _orphans(
        self, listed: Mapping[str, StoredObject], chains: Mapping[str, Chain], tally: Tally
    ) -> Iterator[Finding]:
        backends, store = self.backends, self.backends.store
        needed, folders = of_marts(backends)
        needed.add(store.engine_path(memory(backends.root)))
        for table, chain in chains.items():
            needed |= chain.needed
            if not chain.is_whole:  # then it is not known what it needs
                folders.add(store.engine_path(f"{backends.root}/{table}"))
        folders |= {
            store.engine_path(f"{backends.root}/{spec.name}") for _, spec in backends.specs if spec.format == "parquet"
        }
        before = self.scope.now_ns() - int(self.scope.orphan_hours * _HOUR)
        yield from orphans(listed.values(), needed, folders, before, tally)


def _readable(faults: Iterable[Finding]) -> bool:
    """Whether a table's rows can be read in spite of what is wrong with its files."""
    return all(each.kind in ("changed", "foreign") for each in faults)


PROOFS: Final = (
    keys.unique,
    keys.known,
    keys.complete,
    keys.rows_per_source,
    agreement.same_version,
)
"""What is proven of the rows of each Iceberg table."""
