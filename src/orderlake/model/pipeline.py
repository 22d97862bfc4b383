"""The pipeline: which files, how to read them, and which tables they become."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from orderlake.errors import ConfigError
from orderlake.model.check import MOST_ROW_CHECKS, Check
from orderlake.model.column import Column, ColumnType, parse_column
from orderlake.model.contract import DEFAULT, Contract, FoundColumn, parse_contract
from orderlake.model.declared_checks import parse_checks
from orderlake.model.paths import check_paths, declared
from orderlake.model.person import Kind, Place, check_findable, check_person, parse_person
from orderlake.model.pii import Path, tags_of
from orderlake.model.reconcile import Reconcile, parse_reconcile
from orderlake.model.stored import check_alike, check_amounts, check_stored
from orderlake.model.tag import POLICIES, Tag
from orderlake.model.words import encoding_of, mapping, name_of, texts

TableFormat = Literal["iceberg", "parquet"]
TRIAL: Final = "smoke"
"""The pipeline that `orderlake deploy apply` tries a deployment out with."""
_PREFIX = re.compile(r"[A-Za-z0-9][\w-]*\Z", re.ASCII)
_TAKEN: Final = ("quarantine", "quarantine_drops", "check_results", "reconciliation")
_PARTITION = re.compile(r"(?P<transform>year|month|day|identity)\((?P<column>\w+)\)$")
_WILD = re.compile(r"\[!?\]?[^\]]*\]|[*?]")


@dataclass(frozen=True, slots=True)
class Partition:
    """How an Iceberg table is split into folders: a transform of one column."""

    transform: str
    column: str

    @property
    def name(self) -> str:
        """The partition field's name."""
        return f"{self.column}_{self.transform}"


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table: its columns, its format, and the list (`rows`) whose elements become its rows.

    An empty `rows` means one row per record.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[str, ...] = ()
    format: TableFormat = "iceberg"
    partition: Partition | None = None
    file_prefix: str = ""
    checks: tuple[Check, ...] = ()
    found: tuple[FoundColumn, ...] = ()
    """Columns that no pipeline declares, of fields that a load met: a contract lets them in."""

    @property
    def split_by(self) -> str | None:
        """The column that it is partitioned by."""
        return None if self.partition is None else self.partition.column


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of file in a pipeline: its name pattern, its format, its key, its tables.

    `key` are the paths that identify an entity (an order, a row); without a key the source object
    itself is the entity. `envelope` are the object keys under which the records may lie.
    """

    pipeline: str
    name: str
    match: tuple[str, ...]
    format: Literal["json", "csv"]
    tables: tuple[TableSpec, ...]
    key: tuple[Column, ...] = ()
    sequence_by: Column | None = None
    envelope: tuple[str, ...] = ()
    encoding: str = "auto"
    reconcile: tuple[Reconcile, ...] = ()
    """Those of the pipeline's of which both sides are in one record."""
    contract: Contract = DEFAULT
    pii: tuple[tuple[Path, Tag], ...] = ()
    """The paths that are tagged as personal data."""
    person: tuple[tuple[Kind, Path], ...] = ()
    """What identifies the person that a record is about."""

    @property
    def policies(self) -> Mapping[Path, Tag]:
        """What is stored in place of values, by path."""
        return {path: tag for path, tag in self.pii if tag in POLICIES}

    @property
    def index(self) -> str:
        """The name of the hidden table that remembers every entity's newest version."""
        return f"_index_{self.pipeline}_{self.name}" if self.name != self.pipeline else f"_index_{self.pipeline}"

    def keepers(self, level: tuple[str, ...]) -> tuple[TableSpec, ...]:
        """The Iceberg tables that keep what belongs to a list (or the record itself) and has no column.

        Those with a row for each of it, else those with rows for what is in it.
        """
        inside = [spec for spec in self.tables if spec.format == "iceberg" and spec.rows[: len(level)] == level]
        nearest = min((len(spec.rows) for spec in inside), default=0)
        return tuple(spec for spec in inside if len(spec.rows) == nearest)

    @property
    def refers(self) -> bool:
        """Whether a check asks whether values stand in a table of another stream."""
        own = {table.name for table in self.tables}
        checks = (check for table in self.tables for check in table.checks)
        return any(check.kind == "relationship" and check.to[0] not in own for check in checks)

    def fit(self, name: str) -> int | None:
        """How closely a file name (no folder, whatever its case) fits: the letters that the closest pattern spells out.

        None when no pattern fits.
        """
        fitting = (pattern for pattern in self.match if fnmatch.fnmatchcase(name.lower(), pattern.lower()))
        return max((len(_WILD.sub("", pattern)) for pattern in fitting), default=None)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A parsed pipeline file. `fingerprint` changes when, and only when, its meaning does."""

    name: str
    streams: tuple[Stream, ...]
    fingerprint: str
    reconcile: tuple[Reconcile, ...] = ()


def parse_pipeline(document: object, where: str) -> Pipeline:
    """Turn a loaded YAML document into a Pipeline; ConfigError says what is wrong and `where`."""
    try:
        return _pipeline(document)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _pipeline(document: object) -> Pipeline:
    known = {"pipeline", "sources", "reconcile", "contract"}
    top = mapping(document, "the file", known, required={"pipeline", "sources"})
    name = name_of(top["pipeline"], "pipeline")
    sources = mapping(top["sources"], "sources")
    streams = tuple(_stream(name, str(key), body, top.get("contract")) for key, body in sources.items())
    if not streams:
        raise ConfigError("sources: at least one is needed")
    seen: set[str] = set()
    for table in (table.name for stream in streams for table in stream.tables):
        if table in seen:
            raise ConfigError(f"table {table!r} is declared twice")
        seen.add(table)
    _related(streams)
    specs = [spec for stream in streams for spec in stream.tables if spec.format == "iceberg"]
    reconcile = parse_reconcile(
        top.get("reconcile", {}), {spec.name: {column.name for column in spec.columns} for spec in specs}
    )
    check_amounts(reconcile, {spec.name: spec.columns for stream in streams for spec in stream.tables})
    streams = tuple(replace(stream, reconcile=_within(stream, reconcile)) for stream in streams)
    digest = hashlib.sha256(repr((name, streams)).encode()).hexdigest()
    return Pipeline(name, streams, digest[:16], reconcile)


def _within(stream: Stream, reconcile: tuple[Reconcile, ...]) -> tuple[Reconcile, ...]:
    """The reconciliations of which both sides are tables of one stream."""
    own = {table.name for table in stream.tables}
    return tuple(each for each in reconcile if {each.header.table, each.lines.table} <= own)


def _related(streams: tuple[Stream, ...]) -> None:
    """A relationship leads to a column of an Iceberg table of this pipeline."""
    tables = {spec.name: spec for stream in streams for spec in stream.tables if spec.format == "iceberg"}
    for stream in streams:
        for spec in stream.tables:
            for check in spec.checks:
                if check.kind == "relationship":
                    _check_relation(
                        f"sources.{stream.name}.tables.{spec.name}.checks.{check.name}", check, spec, tables
                    )


def _check_relation(at: str, check: Check, spec: TableSpec, tables: Mapping[str, TableSpec]) -> None:
    table, column = check.to
    there = next((each for each in tables[table].columns if each.name == column), None) if table in tables else None
    if there is None:
        raise ConfigError(f"{at}: there is no column {column} of an iceberg table {table} in this pipeline")
    check_alike(at, next(each for each in spec.columns if each.name == check.columns[0]), there, f"{table}.{column}")


_STREAM_KEYS = {
    *("match", "format", "key", "sequence_by", "envelope", "encoding"),
    *("decimal", "contract", "pii", "person", "tables"),
}


def _stream(pipeline: str, name: str, body: object, contract: object) -> Stream:
    at = f"sources.{name_of(name, 'source')}"
    spec = mapping(body, at, _STREAM_KEYS, required={"match", "format", "tables"})
    if spec["format"] not in ("json", "csv"):
        raise ConfigError(f"{at}.format: {spec['format']!r} is neither json nor csv")
    listed = mapping(spec["tables"], f"{at}.tables")
    agreed = parse_contract(contract, spec.get("contract"), at, spec["format"])
    tables = tuple(_table(f"{at}.tables", str(key), value) for key, value in listed.items())
    tables = tuple(_widened(table, agreed) for table in tables)
    tables = _with_comma(at, spec, tables)
    tags, person = _personal(at, spec, tables)
    tables = tuple(
        replace(table, columns=tuple(replace(each, pii=tags.get(each.path)) for each in table.columns))
        for table in tables
    )
    if not tables:
        raise ConfigError(f"{at}.tables: at least one is needed")
    if spec["format"] == "csv":
        _check_flat(at, spec, tables)
    if not texts(spec["match"]):
        raise ConfigError(f"{at}.match: at least one file name pattern is needed")
    if "sequence_by" in spec and "key" not in spec:
        raise ConfigError(f"{at}.sequence_by: orders the versions of a key, and there is no key")
    _check_paths(at, tables)
    if sum(check.is_of_rows for table in tables for check in table.checks) > MOST_ROW_CHECKS:
        raise ConfigError(f"{at}: at most {MOST_ROW_CHECKS} checks of single rows fit one source")
    key = tuple(declared(_columns(tables), _lists(tables), path, f"{at}.key") for path in texts(spec.get("key", [])))
    for table in tables:
        lacking = [".".join(column.path) for column in key if all(own.path != column.path for own in table.columns)]
        if lacking:
            raise ConfigError(f"{at}.tables.{table.name}: needs a column from the key {', '.join(lacking)}")
    sequence = None if spec.get("sequence_by") is None else _sequence(tables, str(spec["sequence_by"]), at)
    stream = Stream(
        pipeline,
        name,
        texts(spec["match"]),
        spec["format"],
        tables,
        key,
        sequence,
        texts(spec.get("envelope", [])),
        encoding_of(at, str(spec.get("encoding", "auto"))),
        contract=agreed,
        pii=tuple(sorted(tags.items())),
        person=tuple(person.items()),
    )
    _check_keepers(at, stream)
    _check_personal(at, stream)
    return stream


def _personal(
    at: str, spec: Mapping[str, Any], tables: tuple[TableSpec, ...]
) -> tuple[dict[Path, Tag], dict[Kind, Path]]:
    """What is tagged of a source, and what identifies the person of a record, which is tagged with it."""
    placed = [(f"{at}.tables.{each.name}.{one.name}", one) for each in tables for one in each.columns]
    tags = tags_of(placed, spec.get("pii"), at)
    person = parse_person(
        spec.get("person"), at, lambda path, where: declared(_columns(tables), _lists(tables), path, where)
    )
    for path in person.values():
        tags.setdefault(path, "tag")
    return tags, person


def _check_personal(at: str, stream: Stream) -> None:
    """Personal data can be stored as it is tagged, and taken out of all records."""
    needed = {f"{at}.key": column for column in stream.key}
    needed |= {} if stream.sequence_by is None else {f"{at}.sequence_by": stream.sequence_by}
    places = [Place(f"{at}.tables.{each.name}", each.columns, each.checks, each.split_by) for each in stream.tables]
    check_stored(places, needed, stream.policies)
    if stream.person:
        found_in = [each.columns for each in stream.tables if not stream.key or each.format == "iceberg"]
        check_person(places, needed)
        check_findable(at, stream.person, found_in, in_all=not stream.key)


def _widened(table: TableSpec, contract: Contract) -> TableSpec:
    """Where types evolve, a whole number has room from the start: which file comes first must not matter."""
    if contract.types != "evolve" or table.format != "iceberg":
        return table
    wide = ColumnType("bigint")
    columns = (
        replace(each, type=wide) if each.type.name == "int" and not each.is_position else each for each in table.columns
    )
    return replace(table, columns=tuple(columns))


def _with_comma(at: str, spec: Mapping[str, Any], tables: tuple[TableSpec, ...]) -> tuple[TableSpec, ...]:
    """Where a CSV file writes 1.234,50, all of its numbers are written so."""
    mark = spec.get("decimal", ".")
    if mark not in (".", ","):
        raise ConfigError(f"{at}.decimal: {mark!r} is neither '.' nor ','")
    if mark == ".":
        return tables
    if spec["format"] != "csv":
        raise ConfigError(f"{at}.decimal: only CSV has one; a JSON number has a point")
    return tuple(
        replace(table, columns=tuple(replace(each, has_comma=each.type.is_number) for each in table.columns))
        for table in tables
    )


def _check_keepers(at: str, stream: Stream) -> None:
    """What a contract keeps needs a table that it can be kept in."""
    if not stream.contract.keeps_new and not stream.contract.rescues:
        return
    for level in [(), *sorted(_lists(stream.tables))]:
        if not stream.keepers(level):
            what = f"elements of {'.'.join(level)} need an iceberg table with `rows: {'.'.join(level)}`"
            raise ConfigError(f"{at}.contract: {what if level else 'records need an iceberg table'} to be kept in")


def _columns(tables: tuple[TableSpec, ...]) -> list[Column]:
    return [column for table in tables for column in table.columns]


def _lists(tables: tuple[TableSpec, ...]) -> set[tuple[str, ...]]:
    return {table.rows for table in tables if table.rows}


def _check_flat(at: str, spec: Mapping[str, Any], tables: tuple[TableSpec, ...]) -> None:
    """A CSV row has neither lists nor objects, and stands in no envelope."""
    if any(table.rows for table in tables):
        raise ConfigError(f"{at}: a CSV row has no lists, so its tables take no `rows`")
    if "envelope" in spec:
        raise ConfigError(f"{at}.envelope: only JSON has one")
    for table in tables:
        for column in table.columns:
            if len(column.path) > 1:
                path = ".".join(column.path)
                raise ConfigError(f"{at}.tables.{table.name}.{column.name}: a CSV row is flat; {path} cannot be in it")


def _check_paths(at: str, tables: tuple[TableSpec, ...]) -> None:
    columns = [(f"{at}.tables.{each.name}.{one.name}", each.rows, one) for each in tables for one in each.columns]
    check_paths(columns, [(f"{at}.tables.{each.name}.rows", each.rows) for each in tables if each.rows])


def _table(at: str, name: str, body: object) -> TableSpec:
    at = f"{at}.{name_of(name, 'table')}"
    if name in _TAKEN:
        raise ConfigError(f"{at}: the lake has a table of this name itself; choose another")
    known = {"columns", "rows", "format", "partition_by", "file_prefix", "checks"}
    spec = mapping(body, at, known, required={"columns"})
    columns = tuple(_column(at, str(key), value) for key, value in mapping(spec["columns"], f"{at}.columns").items())
    if not columns:
        raise ConfigError(f"{at}.columns: at least one is needed")
    format_ = spec.get("format", "iceberg")
    if format_ not in ("iceberg", "parquet"):
        raise ConfigError(f"{at}.format: {format_!r} is neither iceberg nor parquet")
    if format_ == "parquet" and "partition_by" in spec:
        raise ConfigError(f"{at}.partition_by: a parquet table has one file per source object, in one folder")
    if format_ == "iceberg" and "file_prefix" in spec:
        raise ConfigError(f"{at}.file_prefix: iceberg names its own files; only parquet tables take it")
    prefix = str(spec.get("file_prefix", name))
    if not _PREFIX.match(prefix):
        raise ConfigError(f"{at}.file_prefix: {prefix!r} is no file name: use letters, digits, - and _")
    rows = tuple(str(spec["rows"]).split(".")) if spec.get("rows") else ()
    for column in columns:
        if column.is_position and column.path[:-1] != rows:
            raise ConfigError(f"{at}.{column.name}: $position is of the list in `rows` ({'.'.join(rows) or 'none'})")
    checks = parse_checks(spec.get("checks", {}), columns, f"{at}.checks")
    return TableSpec(name, columns, rows, format_, _partition(at, spec, columns), prefix, checks)


def _partition(at: str, spec: Mapping[str, Any], columns: tuple[Column, ...]) -> Partition | None:
    text = spec.get("partition_by")
    if text is None:
        return None
    found = _PARTITION.match(str(text))
    if found is None:
        raise ConfigError(f"{at}.partition_by: {text!r} is not year(c), month(c), day(c) or identity(c)")
    column = next((column for column in columns if column.name == found["column"]), None)
    if column is None:
        raise ConfigError(f"{at}.partition_by: there is no column {found['column']!r}")
    if found["transform"] != "identity" and column.type.name not in ("date", "timestamp", "timestamptz"):
        raise ConfigError(f"{at}.partition_by: {found['transform']} wants a date, {column.name} is {column.type.name}")
    return Partition(found["transform"], column.name)


def _column(at: str, name: str, value: object) -> Column:
    try:
        return parse_column(name_of(name, "column"), value)
    except ConfigError as error:
        raise ConfigError(f"{at}.columns: {error}") from None


def _sequence(tables: tuple[TableSpec, ...], path: str, at: str) -> Column:
    column = declared(_columns(tables), _lists(tables), path, f"{at}.sequence_by")
    if column.type.name not in ("bigint", "int", "date", "timestamp", "timestamptz"):
        raise ConfigError(f"{at}.sequence_by: {path} is a {column.type.name}; it must be a time or a whole number")
    return column
