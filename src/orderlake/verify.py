"""Prove the promises from what is stored: every record of every file accounted for, every file whole.

Nothing here trusts the report of a load alone: counts are made again from the tables' own files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderlake.engine import Engine, name, parquet, quote
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.tables.batch import source_of
from orderlake.tables.hive import file_name
from orderlake.tables.layout import (
    QUARANTINE,
    entity_columns,
    index_layout,
    key_names,
    quarantine_layout,
    table_layout,
)
from orderlake.tables.lakehouse import Opened
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
        return {"ok": self.ok, "sources": self.sources, "records": self.records, "tables": self.tables, "files": self.files, "findings": list(self.findings)}


@dataclass(frozen=True, slots=True)
class _Index:
    """Per source identity: how many entities it stands for in the tables, by the index."""

    standing: Mapping[str, int]


def verify(backends: Backends, engine: Engine) -> VerifyReport:
    """Recount a project. Reads every table's key and lineage columns once."""
    cursor = engine.cursor()
    loads = [report for report in backends.ledger.loads() if report.status == "loaded"]
    findings: list[str] = []
    tables = files = 0
    findings += _arithmetic(loads)
    quarantine = backends.house.open([quarantine_layout()])[QUARANTINE]
    findings += _quarantine(cursor, backends, loads, quarantine)
    for pipeline in backends.pipelines:
        for stream in pipeline.streams:
            mine = [report for report in loads if (report.pipeline, report.stream) == (pipeline.name, stream.name)]
            layouts = [table_layout(stream, spec) for spec in stream.tables if spec.format == "iceberg"]
            opened = backends.house.open([index_layout(stream), *layouts])
            tables += len(stream.tables)
            files += sum(len(table.live) for table in opened.values())
            damage = [finding for table in opened.values() for finding in _whole(backends, table)]
            findings += damage
            if not damage:
                findings += _stream(cursor, backends, stream, mine, opened)
    return VerifyReport(len(loads), sum(report.read for report in loads), tables, files, tuple(findings))


def _arithmetic(loads: Sequence[LoadReport]) -> Iterator[str]:
    for report in loads:
        if not report.conserved:
            parts = report.loaded + report.superseded + report.duplicate + report.quarantined
            yield f"{report.source}: {report.read} records were read, but {parts} are accounted for (load {report.load_id})"


def _quarantine(cursor: duckdb.DuckDBPyConnection, backends: Backends, loads: Sequence[LoadReport], table: Opened) -> Iterator[str]:
    damage = list(_whole(backends, table))
    yield from damage
    counted: Counter[tuple[str, str]] = Counter()
    if table.live and not damage:
        rows = cursor.execute(f"SELECT load_id, source, count(DISTINCT position) FROM {parquet(_paths(backends, table))} GROUP BY ALL").fetchall()
        counted.update({(str(load), str(source)): int(count) for load, source, count in rows})
    for report in loads:
        found = counted[report.load_id, report.source]
        if found != report.quarantined and not damage:
            yield f"quarantine: {report.source} has {found} records there, its load {report.load_id} counted {report.quarantined}"


def _paths(backends: Backends, table: Opened) -> list[str]:
    return [backends.store.local_path(file.location) for file in table.live]


def _whole(backends: Backends, table: Opened) -> Iterator[str]:
    """Each file of a table is there, has its size, and as many rows as its manifest says."""
    for file in table.live:
        path = Path(backends.store.local_path(file.location))
        found = backends.store.stat(file.location)
        if found is None:
            yield f"{table.layout.name}: the file {path} is gone"
        elif found.size != file.size:
            yield f"{table.layout.name}: the file {path} has {found.size} bytes, not {file.size}"
        else:
            rows = _rows(path)
            if rows != file.records:
                yield f"{table.layout.name}: the file {path} {f'has {rows} rows, not {file.records}' if rows is not None else 'is damaged'}"


def _rows(path: Path) -> int | None:
    try:
        return int(get(footer(path), 3))
    except (NotProjectableError, OSError, IndexError, ValueError, TypeError):
        return None


def _stream(cursor: duckdb.DuckDBPyConnection, backends: Backends, stream: Stream, loads: Sequence[LoadReport], opened: Mapping[str, Opened]) -> Iterator[str]:
    """Loads against index, index against tables."""
    index = opened[stream.index]
    standing = _standing(cursor, backends, stream, index)
    expected = _expected(loads)
    by_identity = {report.identity: report.source for report in loads}
    if stream.key:
        for identity, count in expected.items():
            if standing.get(identity, 0) != count:
                yield f"{by_identity.get(identity, identity)}: {count} of its records should stand in {stream.pipeline}, the index has {standing.get(identity, 0)}"
    for spec in stream.tables:
        if spec.format == "iceberg":
            yield from _iceberg(cursor, backends, stream, spec, opened, standing, by_identity)
        else:
            yield from _plain(cursor, backends, stream, spec, opened)


def _expected(loads: Sequence[LoadReport]) -> dict[str, int]:
    """Per source identity, the entities it loaded less those that later loads took over."""
    expected: dict[str, int] = defaultdict(int)
    for report in loads:
        expected[report.identity] += report.loaded
        for identity, count in report.replaced.items():
            expected[identity] -= count
    return expected


def _current(backends: Backends, stream: Stream, index: Opened) -> str:
    keys = ", ".join(key_names(stream))
    newest = "max(struct_pack(v := _version, t := _time, f := _source_file, n := _source_row, c := _credit))"
    return f"(SELECT {keys}, {newest}.c AS credit FROM {parquet(_paths(backends, index))} GROUP BY {keys})"


def _standing(cursor: duckdb.DuckDBPyConnection, backends: Backends, stream: Stream, index: Opened) -> dict[str, int]:
    if not index.live:
        return {}
    found: dict[str, int] = defaultdict(int)
    for credit, count in cursor.execute(f"SELECT credit, count(*) FROM {_current(backends, stream, index)} GROUP BY credit").fetchall():
        found[source_of(str(credit)).identity] += int(count)
    return found


def _iceberg(  # noqa: PLR0913, PLR0917 - what one table is held against
    cursor: duckdb.DuckDBPyConnection,
    backends: Backends,
    stream: Stream,
    spec: TableSpec,
    opened: Mapping[str, Opened],
    standing: Mapping[str, int],
    sources: Mapping[str, str],
) -> Iterator[str]:
    table, index = opened[spec.name], opened[stream.index]
    if not table.live:
        if standing and not spec.rows and stream.key:
            yield f"{spec.name}: is empty, the index has {sum(standing.values())} records"
        return
    files = parquet(_paths(backends, table))
    if not stream.key:
        return
    keys = [name(column) for column in entity_columns(stream, spec)]
    on = " AND ".join(f"t.{key} = i.{own}" for key, own in zip(keys, key_names(stream), strict=True))
    position = next((name(column.name) for column in spec.columns if column.is_position), None)
    nested = any(other.rows and other.rows == spec.rows[: len(other.rows)] != spec.rows for other in stream.tables)
    if not nested and (not spec.rows or position is not None):
        unique = ", ".join([*keys, position] if position is not None else keys)
        row = cursor.execute(f"SELECT count(*), any_value(k) FROM (SELECT concat_ws(', ', {unique}) AS k FROM {files} GROUP BY {unique} HAVING count(*) > 1)").fetchone()
        if row is not None and row[0]:
            yield f"{spec.name}: {row[0]} keys stand more than once, for example {row[1]}"
    row = cursor.execute(f"SELECT count(DISTINCT ({', '.join(f't.{key}' for key in keys)})) FROM {files} AS t ANTI JOIN {_current(backends, stream, index)} AS i ON {on}").fetchone()
    if row is not None and row[0]:
        yield f"{spec.name}: {row[0]} records have rows there that the index does not know"
    if not spec.rows:
        yield from _per_source(cursor, backends, spec, table, standing, sources)


def _per_source(  # noqa: PLR0913, PLR0917 - what one table is held against
    cursor: duckdb.DuckDBPyConnection, backends: Backends, spec: TableSpec, table: Opened, standing: Mapping[str, int], sources: Mapping[str, str]
) -> Iterator[str]:
    """A table of one row per record has, per source file, as many rows as records stand."""
    wanted: Counter[str] = Counter()
    for identity, count in standing.items():
        wanted[sources.get(identity, identity)] += count
    found = {str(file): int(count) for file, count in cursor.execute(f"SELECT _source_file, count(*) FROM {parquet(_paths(backends, table))} GROUP BY ALL").fetchall()}
    for source in sorted({*wanted, *found}):
        if wanted[source] != found.get(source, 0):
            yield f"{spec.name}: {found.get(source, 0)} rows come from {source}, {wanted[source]} should"


def _plain(cursor: duckdb.DuckDBPyConnection, backends: Backends, stream: Stream, spec: TableSpec, opened: Mapping[str, Opened]) -> Iterator[str]:
    """Each plain Parquet file belongs to one source object, and holds only records that stand for it."""
    index = opened[stream.index]
    folder = backends.project.lake / spec.name
    owners: dict[str, SourceObject] = {}
    if index.live:
        for (credit,) in cursor.execute(f"SELECT DISTINCT credit FROM {_current(backends, stream, index)}").fetchall():
            source = source_of(str(credit))
            owners[file_name(spec.file_prefix, source)] = source
    there = {file.name: file for file in sorted(folder.glob("*.parquet"))}
    for file in there.values():
        if file.name not in owners:
            yield f"{spec.name}: the file {file} belongs to no source that stands in the tables"
        elif _rows(file) is None:
            yield f"{spec.name}: the file {file} is damaged"
        elif stream.key:
            yield from _plain_file(cursor, backends, stream, spec, index, file, owners[file.name])
    twin = _twin(stream, spec, opened)
    if twin is not None:
        yield from _against_twin(cursor, backends, spec, twin, [str(file) for file in there.values() if _rows(file) is not None])


def _plain_file(  # noqa: PLR0913, PLR0917 - what one file is held against
    cursor: duckdb.DuckDBPyConnection, backends: Backends, stream: Stream, spec: TableSpec, index: Opened, file: Path, source: SourceObject
) -> Iterator[str]:
    keys = [name(column) for column in entity_columns(stream, spec)]
    on = " AND ".join(f"t.{key} = i.{own}" for key, own in zip(keys, key_names(stream), strict=True))
    credit = quote(f"{source.version}:{source.size}:{source.uri}")
    current = f"(SELECT * FROM {_current(backends, stream, index)} WHERE credit = {credit})"
    row = cursor.execute(f"SELECT count(*) FROM {parquet([str(file)])} AS t ANTI JOIN {current} AS i ON {on}").fetchone()
    if row is not None and row[0]:
        yield f"{spec.name}: {row[0]} rows of {file} are of records that stand for another source"


def _twin(stream: Stream, spec: TableSpec, opened: Mapping[str, Opened]) -> Opened | None:
    """An Iceberg table of the same rows, whose counts a plain table must share."""
    return next((opened[other.name] for other in stream.tables if other.format == "iceberg" and other.rows == spec.rows), None)


def _against_twin(cursor: duckdb.DuckDBPyConnection, backends: Backends, spec: TableSpec, twin: Opened, files: Sequence[str]) -> Iterator[str]:
    plain = sum(_rows(Path(file)) or 0 for file in files)
    other = sum(file.records for file in twin.live)
    if plain != other:
        yield f"{spec.name}: has {plain} rows, {twin.layout.name} has {other}"
