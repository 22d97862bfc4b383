"""What a stream's tables were declared as when they were last written, kept in the properties of its index.

Table metadata does not tell what a plain Parquet table has, what identifies an entity, or what orders its versions;
rows loaded under another key or another order cannot be compared with new ones, so such a change is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from orderlake.errors import ConfigError
from orderlake.model.column import Column, ColumnType
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.tables import hive
from orderlake.tables.evolve import INSTEAD, Columns, merge
from orderlake.tables.lakehouse import Lakehouse, Opened
from orderlake.tables.layout import LINEAGE_COLUMNS, entity_columns, index_layout, key_names, layouts_of

PROPERTY: Final = "orderlake.declared"
_SALT_DIGITS: Final = 15
_HOW: Final = {"": "as it comes", "mask": "masked", "hash": "hashed", "drop": "as nothing (drop)"}
"""A policy for personal data, as a sentence says it."""
Types = Mapping[str, ColumnType]
Plain = Callable[[str], Types]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its format, the list whose elements are its rows, and the columns last declared.

    Of a plain Parquet table `plain` has every column that a file may have, with its type; `differs` says whether
    its files may differ in them. `steady` are the columns that all rows have from the same place in their record, and
    stored alike.
    """

    format: str
    rows: str
    declared: tuple[str, ...]
    plain: Mapping[str, str] = field(default_factory=dict)
    differs: bool = False
    steady: Mapping[str, str] = field(default_factory=dict)
    pii: Mapping[str, str] = field(default_factory=dict)
    """Per column with personal data the policy by which it is stored."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A stream as it was declared. `first` is a fingerprint of the first declaration: see `salt`."""

    key: tuple[str, ...]
    sequence: str | None
    first: str
    tables: Mapping[str, Table]

    def salt(self, stream: Stream) -> int:
        """What keeps equal hashes of content from meaning equal rows once columns come from elsewhere.

        0 under the first declaration, so that a lake whose pipeline never changed has the hashes it always had.
        """
        now = _fingerprint(stream)
        return 0 if now == self.first else int(now[:_SALT_DIGITS], 16)

    def text(self) -> str:
        """As a property holds it."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stream's next commit makes of its tables: what to remember, and a sentence for each change."""

    declared: Declared
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of one table."""

    table: Table
    changes: list[str]
    conflicts: list[str]


def remembered(index: Opened) -> Declared | None:
    """What the tables of an index's stream were declared as; None where no commit has said it."""
    text = None if index.metadata is None else index.metadata.properties.get(PROPERTY)
    if text is None:
        return None
    found: dict[str, Any] = json.loads(text)
    tables = {
        name: Table(**{**table, "declared": tuple(table["declared"])}) for name, table in found.pop("tables").items()
    }
    return Declared(tuple(found["key"]), found["sequence"], found["first"], tables)


def check(stream: Stream, house: Lakehouse) -> Wanted:
    """As `want`, of the tables as they are now."""
    return want(stream, house.open(layouts_of(stream), files=False), house)


def want(stream: Stream, tables: Mapping[str, Opened], house: Lakehouse) -> Wanted:
    """Compare a stream's declaration with its tables, index included; ConfigError names each conflict and a remedy."""
    index = tables[stream.index]
    known = remembered(index)

    def plain(table: str) -> Types:
        """Of a lake that does not remember: by its newest file."""
        return hive.columns_there(house.store, house.root, table)

    fates = {spec.name: _fate(stream, spec, known, tables, plain) for spec in stream.tables}
    conflicts = [said for fate in fates.values() for said in fate.conflicts]
    if index.metadata is not None:
        conflicts += _other_entities(stream, known, index, told=bool(conflicts))
    if conflicts:
        raise ConfigError("\n".join(conflicts))
    first = _fingerprint(stream) if known is None else known.first
    declared = Declared(_key(stream), _sequence(stream), first, {name: fate.table for name, fate in fates.items()})
    return Wanted(declared, tuple(said for fate in fates.values() for said in fate.changes))


def plain_table(spec: TableSpec, known: Declared | None) -> tuple[Types, bool]:
    """Every column of a plain Parquet table, as its files are to be read, and whether they may differ in them."""
    wanted = {column.name: column.type for column in spec.columns}
    before = None if known is None else known.tables.get(spec.name)
    if before is None:
        return wanted, False
    merged = merge(spec.name, _types(before.plain), wanted)
    return merged.types, before.differs or before.plain != {name: str(kind) for name, kind in wanted.items()}


def plain_shapes(house: Lakehouse, specs: Sequence[tuple[Stream, TableSpec]]) -> dict[str, tuple[dict[str, str], bool]]:
    """Of each plain Parquet table all columns with DuckDB's types, and whether its files may differ in them."""
    plain = [(stream, spec) for stream, spec in specs if spec.format == "parquet"]
    if not plain:
        return {}
    indexes = {stream.index: index_layout(stream) for stream, _ in plain}
    opened = house.open(list(indexes.values()), files=False)
    shapes = {spec.name: plain_table(spec, remembered(opened[stream.index])) for stream, spec in plain}
    return {
        table: ({column: kind.sql for column, kind in types.items()}, differs)
        for table, (types, differs) in shapes.items()
    }


def _fate(stream: Stream, spec: TableSpec, known: Declared | None, tables: Mapping[str, Opened], plain: Plain) -> _Fate:
    before = None if known is None else known.tables.get(spec.name)
    opened = tables.get(spec.name)
    declared = tuple(column.name for column in spec.columns)
    changes: list[str] = []
    conflicts = list(_other_table(spec, known, before, opened))
    types: Types = {}
    differs = False
    if opened is not None:
        stored: Types = {} if opened.metadata is None else _stored(opened)
        merged = Columns(opened.layout.columns, opened.changes, opened.conflicts)
    else:
        is_loaded = tables[stream.index].metadata is not None
        stored = _types(before.plain) if before is not None else plain(spec.name) if is_loaded else {}
        wanted = {column.name: column.type for column in spec.columns}
        merged = merge(spec.name, stored, wanted, entity_columns(stream, spec)) if stored else Columns(wanted)
        types = merged.types
        differs = (before is not None and before.differs) or bool(stored and stored != wanted)
        conflicts += _lost_key(stream, spec, stored)
    had = tuple(stored) if before is None else before.declared
    if before is None and known is not None:
        changes.append(f"{spec.name} was added as a table: what was loaded before is not in it")
    elif stored:
        changes += merged.changes
        changes += [
            f"{spec.name}.{name} is declared no longer: it stays, and is NULL in new rows"
            for name in had
            if name not in declared
        ]
        changes += [f"{spec.name}.{name} is filled again" for name in declared if name in stored and name not in had]
    policies = _policies(spec)
    if before is not None:
        changes += [
            f"{spec.name}.{name} is stored {_HOW[policies.get(name, '')]} from now on; what was loaded before stays "
            f"{_HOW[before.pii.get(name, '')]} until its files load again, for which their time must change (touch)"
            for name in declared
            if name in had and policies.get(name, "") != before.pii.get(name, "")
        ]
    kept = {name: str(kind) for name, kind in types.items()}
    steady = _steady(spec, before.steady if before is not None else None, stored)
    table = Table(spec.format, ".".join(spec.rows), declared, kept, differs, steady, policies)
    return _Fate(table, changes, [*conflicts, *merged.conflicts])


def _steady(spec: TableSpec, before: Mapping[str, str] | None, stored: Types) -> dict[str, str]:
    """Columns with their origins that no declaration has changed; where none is remembered, that rows have at all."""
    origins = {each.name: repr(_origin(each)) for each in spec.columns}
    if before is None:
        return {column: origin for column, origin in origins.items() if column in stored or not stored}
    return {column: origin for column, origin in origins.items() if before.get(column) == origin}


def _origin(column: Column) -> tuple[object, ...]:
    """Where a column's values come from; one without a policy as if there were none."""
    policy = column.policy
    return (column.path, column.format, column.timezone, *([] if policy is None else [policy]))


def _policies(spec: TableSpec) -> dict[str, str]:
    return {each.name: str(policy) for each in spec.columns if (policy := each.policy) is not None}


def _stored(opened: Opened) -> Types:
    """The columns that a table has now, those of lineage apart."""
    fields = () if opened.metadata is None else opened.metadata.schema.fields
    return {each.name: ColumnType.of_iceberg(each.type) for each in fields if each.name not in LINEAGE_COLUMNS}


def _types(columns: Mapping[str, str]) -> Types:
    return {name: ColumnType.parse(kind) for name, kind in columns.items()}


def _other_table(spec: TableSpec, known: Declared | None, before: Table | None, opened: Opened | None) -> list[str]:
    """What keeps a table of that name from being this one."""
    if before is None:
        if known is None or opened is None or opened.metadata is None:
            return []
        gap = "was out of the pipeline for a while and lacks what was loaded then"
        return [f"{spec.name} {gap}: give the table another name, or {INSTEAD}"]
    rows = ".".join(spec.rows)
    if before.format != spec.format:
        return [f"{spec.name} is kept as {before.format}, not {spec.format}: give the table another name, or {INSTEAD}"]
    if bool(before.rows) != bool(rows):
        one = f"element of {before.rows}" if before.rows else "record"
        other = f"element of {rows}" if rows else "record"
        return [f"{spec.name} has a row per {one}, not per {other}: give the table another name, or {INSTEAD}"]
    return []


def _lost_key(stream: Stream, spec: TableSpec, stored: Types) -> list[str]:
    return [
        f"{spec.name}.{name} is to hold a part of the key, which rows loaded before lack: "
        f"let the column keep its name, or {INSTEAD}"
        for name in entity_columns(stream, spec)
        if stored and name not in stored
    ]


def _other_entities(stream: Stream, known: Declared | None, index: Opened, *, told: bool) -> list[str]:
    """What keeps records loaded before from being compared with new ones."""
    at = f"{stream.pipeline}.{stream.name}"
    stored = _stored(index)
    keys = {each for each in stored if each.startswith("_k") or each == "_entity"}
    before = None if known is None else known.key
    if (
        keys != set(key_names(stream))
        or (before is not None and before != _key(stream))
        or (index.conflicts and not told)
    ):
        was = "" if before is None else f"was {', '.join(before) or 'the file itself'} when its files were loaded, and "
        now = ", ".join(_key(stream)) or "the file itself"
        return [f"{at}: what identifies a record {was}cannot become {now}: let `key` be as it was, or {INSTEAD}"]
    if known is not None and known.sequence != _sequence(stream):
        was, now = (f"by {each}" if each else "by the time of files" for each in (known.sequence, _sequence(stream)))
        said = f"{at}: versions are ordered {was} and cannot be ordered {now}"
        return [f"{said}: let `sequence_by` be as it was, or {INSTEAD}"]
    return []


def _key(stream: Stream) -> tuple[str, ...]:
    return tuple(".".join(column.path) for column in stream.key)


def _sequence(stream: Stream) -> str | None:
    return None if stream.sequence_by is None else ".".join(stream.sequence_by.path)


def _fingerprint(stream: Stream) -> str:
    """Where the columns of a stream's tables come from; types apart, since only exact changes of them are made."""
    tables = sorted(
        (spec.name, spec.rows, sorted((each.name, *_origin(each)) for each in spec.columns)) for spec in stream.tables
    )
    return hashlib.sha256(repr((key_names(stream), tables)).encode()).hexdigest()
