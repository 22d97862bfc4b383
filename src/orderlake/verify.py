"""Prove the promises from what is stored: every record of every file accounted for, every file whole.

Nothing here trusts the report of a load alone: counts are made again from the tables' own files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orderlake.engine import Engine, name, parquet, quote
from orderlake.errors import NotFoundError
from orderlake.model.column import ColumnType
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.ports import ObjectStore
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.tables.batch import credit_of, source_of
from orderlake.tables.hive import file_name, files_of
from orderlake.tables.lakehouse import Opened
from orderlake.tables.layout import (
    QUARANTINE,
    entity_columns,
    index_layout,
    key_names,
    quarantine_layout,
    table_layout,
)
from orderlake.tables.project import NotProjectableError, footer
from orderlake.tables.thrift import get
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` counted, and every disagreement it found, each naming its table or file."""

    sources: int
    records: int
    tables: int
    files: int
    findings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "ok": self.ok,
            "sources": self.sources,
            "records": self.records,
            "tables": self.tables,
            "files": self.files,
            "findings": list(self.findings),
        }


def verify(backends: Backends, engine: Engine) -> VerifyReport:
    """Recount a project. Reads every table's key and lineage columns once."""
    cursor = engine.cursor()
    history = backends.ledger.loads()
    loads = [report for report in history if report.status == "loaded"]
    undone = [report for report in history if report.status == "rolled_back"]
    findings: list[str] = []
    tables = files = 0
    findings += _arithmetic(loads)
    quarantine = backends.house.open([quarantine_layout()])[QUARANTINE]
    findings += _quarantine(cursor, backends, loads, quarantine)
    for pipeline in backends.pipelines:
        for stream in pipeline.streams:
            every = [*loads, *undone]
            mine = [report for report in every if (report.pipeline, report.stream) == (pipeline.name, stream.name)]
            layouts = [table_layout(stream, spec) for spec in stream.tables if spec.format == "iceberg"]
            opened = backends.house.open([index_layout(stream), *layouts])
            tables += len(stream.tables)
            files += sum(len(table.live) for table in opened.values())
            damage = [finding for table in opened.values() for finding in _whole(backends, table)]
            findings += damage
            if not damage:
                findings += _Recount(cursor, backends, stream, opened, mine).findings()
    sources = len({report.identity for report in loads})
    return VerifyReport(sources, sum(report.read for report in loads), tables, files, tuple(findings))


def _arithmetic(loads: Sequence[LoadReport]) -> Iterator[str]:
    for report in loads:
        if not report.conserved:
            parts = report.loaded + report.superseded + report.duplicate + report.quarantined
            yield (
                f"{report.source}: {report.read} records were read, "
                f"but {parts} are accounted for (load {report.load_id})"
            )


def _quarantine(
    cursor: duckdb.DuckDBPyConnection, backends: Backends, loads: Sequence[LoadReport], table: Opened
) -> Iterator[str]:
    damage = list(_whole(backends, table))
    yield from damage
    counted: Counter[tuple[str, str]] = Counter()
    if table.live and not damage:
        rows = cursor.execute(
            f"SELECT load_id, source, count(DISTINCT position) FROM {_rows_of(backends, table)} GROUP BY ALL"
        ).fetchall()
        counted.update({(str(load), str(source)): int(count) for load, source, count in rows})
    for report in loads:
        found = counted[report.load_id, report.source]
        if found != report.quarantined and not damage:
            yield (
                f"quarantine: {report.source} has {found} records there, "
                f"its load {report.load_id} counted {report.quarantined}"
            )


def _rows_of(backends: Backends, table: Opened) -> str:
    """A FROM item: the rows of a table's live files."""
    return table.layout.rows(backends.store.engine_path(file.location) for file in table.live)


def _whole(backends: Backends, table: Opened) -> Iterator[str]:
    """Each file of a table is there, has its size, and as many rows as its manifest says."""
    for file in table.live:
        path = backends.store.engine_path(file.location)
        found = backends.store.stat(file.location)
        if found is None:
            yield f"{table.layout.name}: the file {path} is gone"
        elif found.size != file.size:
            yield f"{table.layout.name}: the file {path} has {found.size} bytes, not {file.size}"
        else:
            rows = _row_count(backends.store, file.location)
            if rows != file.records:
                fault = f"has {rows} rows, not {file.records}" if rows is not None else "is damaged"
                yield f"{table.layout.name}: the file {path} {fault}"


def _row_count(store: ObjectStore, location: str) -> int | None:
    """The rows a Parquet file says it has; None when it is damaged."""
    try:
        return int(get(footer(store, location), 3))
    except (NotProjectableError, NotFoundError, OSError, IndexError, ValueError, TypeError):
        return None


def _expected(loads: Sequence[LoadReport]) -> dict[str, int]:
    """Per source identity, the entities it loaded, less those taken over since or rolled back, and those put back."""
    expected: dict[str, int] = defaultdict(int)
    for report in loads:
        expected[report.identity] += report.loaded
        for identity, count in report.replaced.items():
            expected[identity] -= count
        for identity, count in report.restored.items():
            expected[identity] += count
    return expected


@dataclass(frozen=True)
class _Recount:
    """One stream counted again: its loads against its index, its index against its tables."""

    cursor: duckdb.DuckDBPyConnection
    backends: Backends
    stream: Stream
    opened: Mapping[str, Opened]
    loads: Sequence[LoadReport]

    def findings(self) -> Iterator[str]:
        """Every disagreement."""
        standing = self._standing()
        sources = {report.identity: report.source for report in self.loads}
        if self.stream.key:
            for identity, count in _expected(self.loads).items():
                if standing.get(identity, 0) != count:
                    yield (
                        f"{sources.get(identity, identity)}: {count} of its records should stand in "
                        f"{self.stream.pipeline}, the index has {standing.get(identity, 0)}"
                    )
        per_source: Counter[str] = Counter()
        for identity, count in standing.items():
            per_source[sources.get(identity, identity)] += count
        for spec in self.stream.tables:
            yield from self._iceberg(spec, per_source) if spec.format == "iceberg" else self._plain(spec)

    def _current(self) -> str:
        """A FROM item: the key of each entity, and the credit of the source it stands for."""
        keys = ", ".join(key_names(self.stream))
        newest = "max(struct_pack(v := _version, t := _time, f := _source_file, n := _source_row, c := _credit))"
        opened = self.opened[self.stream.index]
        if not opened.live:
            types = {**opened.layout.columns, "credit": ColumnType("string")}
            none = ", ".join(f"NULL::{types[name].sql} AS {name}" for name in (*key_names(self.stream), "credit"))
            return f"(SELECT {none} WHERE false)"
        index = _rows_of(self.backends, opened)
        return f"(SELECT {keys}, {newest}.c AS credit FROM {index} GROUP BY {keys})"

    def _standing(self) -> dict[str, int]:
        """Per source identity, the entities it stands for by the index."""
        if not self.opened[self.stream.index].live:
            return {}
        found: dict[str, int] = defaultdict(int)
        rows = self.cursor.execute(f"SELECT credit, count(*) FROM {self._current()} GROUP BY credit").fetchall()
        for credit, count in rows:
            found[source_of(str(credit)).identity] += int(count)
        return found

    def _iceberg(self, spec: TableSpec, standing: Counter[str]) -> Iterator[str]:
        """No key stands twice, every row is of a record the index knows, and no source's rows are missing."""
        table = self.opened[spec.name]
        if not table.live:
            if standing and not spec.rows and self.stream.key:
                yield f"{spec.name}: is empty, the index has {standing.total()} records"
            return
        if not self.stream.key:
            return
        files = _rows_of(self.backends, table)
        yield from self._unique(spec, files)
        keys = ", ".join(f"t.{key}" for key in self._keys(spec))
        row = self.cursor.execute(
            f"SELECT count(DISTINCT ({keys})) FROM {files} AS t ANTI JOIN {self._current()} AS i ON {self._same(spec)}"
        ).fetchone()
        if row is not None and row[0]:
            yield f"{spec.name}: {row[0]} records have rows there that the index does not know"
        if not spec.rows:
            yield from self._per_source(spec, files, standing)

    def _keys(self, spec: TableSpec) -> list[str]:
        return [name(column) for column in entity_columns(self.stream, spec)]

    def _same(self, spec: TableSpec) -> str:
        """SQL: a table's row `t` is of the index's entity `i`."""
        pairs = zip(self._keys(spec), key_names(self.stream), strict=True)
        return " AND ".join(f"t.{key} = i.{own}" for key, own in pairs)

    def _unique(self, spec: TableSpec, files: str) -> Iterator[str]:
        """A key, with the position in its list where there is one, stands once."""
        position = next((name(column.name) for column in spec.columns if column.is_position), None)
        paths = [other.rows for other in self.stream.tables]
        nested = any(rows and rows == spec.rows[: len(rows)] != spec.rows for rows in paths)
        if nested or (spec.rows and position is None):
            return
        keys = self._keys(spec)
        unique = ", ".join([*keys, position] if position is not None else keys)
        twice = f"SELECT concat_ws(', ', {unique}) AS k FROM {files} GROUP BY {unique} HAVING count(*) > 1"
        row = self.cursor.execute(f"SELECT count(*), any_value(k) FROM ({twice})").fetchone()
        if row is not None and row[0]:
            yield f"{spec.name}: {row[0]} keys stand more than once, for example {row[1]}"

    def _per_source(self, spec: TableSpec, files: str, wanted: Counter[str]) -> Iterator[str]:
        """A table of one row per record has, per source file, as many rows as records stand."""
        rows = self.cursor.execute(f"SELECT _source_file, count(*) FROM {files} GROUP BY ALL").fetchall()
        found = {str(file): int(count) for file, count in rows}
        for source in sorted({*wanted, *found}):
            if wanted[source] != found.get(source, 0):
                yield f"{spec.name}: {found.get(source, 0)} rows come from {source}, {wanted[source]} should"

    def _plain(self, spec: TableSpec) -> Iterator[str]:
        """Each plain Parquet file belongs to one source object, and holds only records that stand for it."""
        store = self.backends.store
        owners: dict[str, SourceObject] = {}
        if self.opened[self.stream.index].live:
            for (credit,) in self.cursor.execute(f"SELECT DISTINCT credit FROM {self._current()}").fetchall():
                source = source_of(str(credit))
                owners[file_name(spec.file_prefix, source)] = source
        there = [found.location for found in files_of(store, self.backends.root, spec.name)]
        for file in there:
            owner = owners.get(file.rsplit("/", 1)[-1])
            shown = store.engine_path(file)
            if owner is None:
                yield f"{spec.name}: the file {shown} belongs to no source that stands in the tables"
            elif _row_count(store, file) is None:
                yield f"{spec.name}: the file {shown} is damaged"
            elif self.stream.key:
                yield from self._plain_file(spec, shown, owner)
        yield from self._against_twin(spec, there)

    def _plain_file(self, spec: TableSpec, file: str, source: SourceObject) -> Iterator[str]:
        current = f"(SELECT * FROM {self._current()} WHERE credit = {quote(credit_of(source))})"
        row = self.cursor.execute(
            f"SELECT count(*) FROM {parquet([file])} AS t ANTI JOIN {current} AS i ON {self._same(spec)}"
        ).fetchone()
        if row is not None and row[0]:
            yield f"{spec.name}: {row[0]} rows of {file} are of records that stand for another source"

    def _against_twin(self, spec: TableSpec, files: Sequence[str]) -> Iterator[str]:
        """A plain table has as many rows as an Iceberg table of the same rows."""
        twins = (other.name for other in self.stream.tables if other.format == "iceberg" and other.rows == spec.rows)
        twin = next(twins, None)
        if twin is None:
            return
        plain = sum(_row_count(self.backends.store, file) or 0 for file in files)
        other = sum(file.records for file in self.opened[twin].live)
        if plain != other:
            yield f"{spec.name}: has {plain} rows, {twin} has {other}"
