"""How a table that is there becomes the one that is wanted: by columns added and widened, never by old rows cast.

A change that is not exact is a conflict, said before anything is loaded. What is declared no longer stays, as history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orderlake.model.column import ColumnType
from orderlake.model.pipeline import Partition
from orderlake.tables.iceberg import Field, TableMetadata
from orderlake.tables.layout import LINEAGE_COLUMNS, TableLayout

INSTEAD: Final = "load the raw files into a new project with this pipeline"
"""What always helps."""


@dataclass(frozen=True, slots=True)
class Evolution:
    """A table as it becomes: `layout` holds every column, those of history too.

    `changes` tells of each column that was added or widened, a sentence each; `conflicts` of each wish that cannot be
    fulfilled, and what to do instead. In the layout such a column is as it was.
    """

    layout: TableLayout
    changes: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that come of those there are and those wanted, with what is to be said of them."""

    types: Mapping[str, ColumnType]
    changes: Sequence[str] = ()
    conflicts: Sequence[str] = ()


def evolve(wanted: TableLayout, metadata: TableMetadata | None) -> Evolution:
    """The table as it becomes when these columns are wanted of it; as wanted when there is none yet.

    A column that is wanted and not there is added, before those of lineage, with an id that no column had before.
    What is there and not wanted stays, NULL in new rows. A stored type that holds every value of the wanted one stays.
    """
    if metadata is None:
        return Evolution(wanted)
    fields = {each.name: each for each in metadata.schema.fields}
    stored = {name: ColumnType.of_iceberg(each.type) for name, each in fields.items()}
    merged = merge(wanted.name, stored, wanted.columns, wanted.key)
    ids = {name: each.id for name, each in fields.items()}
    for name in merged.types:
        if name not in ids:
            ids[name] = 1 + max([metadata.last_column_id, *ids.values()])
    types = {name: merged.types[name] for name in _in_order(list(fields), merged.types)}
    layout = replace(
        wanted,
        columns=types,
        ids={name: ids[name] for name in types},
        history=frozenset(types) - frozenset(wanted.columns),
        differs=len(metadata.schemas) > 1 or bool(merged.changes),
    )
    layout, conflicts = _as_partitioned(layout, metadata)
    conflicts += [
        f"{wanted.name}.{name} is to hold a part of the key, which rows loaded before lack: "
        f"let the column keep its name, or {INSTEAD}"
        for name in wanted.key
        if name not in fields
    ]
    return Evolution(layout, tuple(merged.changes), (*merged.conflicts, *conflicts))


def stored_layout(wanted: TableLayout, metadata: TableMetadata) -> TableLayout:
    """A table as it is, whatever is wanted of it."""
    layout = evolve(wanted, metadata).layout
    names = [each.name for each in metadata.schema.fields]
    return replace(
        layout,
        columns={each.name: ColumnType.of_iceberg(each.type) for each in metadata.schema.fields},
        ids={name: layout.ids[name] for name in names},
        history=layout.history & frozenset(names),
    )


def fields_of(layout: TableLayout, metadata: TableMetadata) -> tuple[Field, ...]:
    """The fields of a table's next schema: what other engines have said of a column stays."""
    known = metadata.schema.by_id
    return tuple(
        replace(known[ids], type=kind.iceberg) if ids in known else Field(ids, name, kind.iceberg, required=False)
        for name, kind in layout.columns.items()
        for ids in [layout.field_ids[name]]
    )


def merge(
    table: str, stored: Mapping[str, ColumnType], wanted: Mapping[str, ColumnType], key: Sequence[str] = ()
) -> Columns:
    """The columns of a table that has some and is to have others; those of the key can have no other beside them."""
    types, changes, conflicts = dict(stored), list[str](), list[str]()
    for name, kind in wanted.items():
        before = stored.get(name)
        if before is None:
            types[name] = kind
            changes.append(f"{table}.{name} ({kind}) was added")
        elif before.iceberg == kind.iceberg or kind.widens_to(before):
            continue
        elif before.widens_to(kind):
            types[name] = kind
            changes.append(f"{table}.{name} was widened from {before} to {kind}")
        else:
            other = "" if name in key else f"declare a column of another name for it (such as `{name}_2`), "
            conflicts.append(
                f"{table}.{name} holds {before} and cannot become {kind}: "
                f"{other}let {name} be {before} again, or {INSTEAD}"
            )
    return Columns(types, changes, conflicts)


def _in_order(before: Sequence[str], names: Mapping[str, ColumnType]) -> list[str]:
    """Columns stand where they stood, new ones after the others that are not of lineage."""
    new = [name for name in names if name not in before]
    at = next((place for place, name in enumerate(before) if name in LINEAGE_COLUMNS), len(before))
    at = at if set(LINEAGE_COLUMNS) <= set(before) else len(before)
    return [*before[:at], *new, *before[at:]]


def _as_partitioned(layout: TableLayout, metadata: TableMetadata) -> tuple[TableLayout, list[str]]:
    """The table with the partitions it has, and the conflict where others are wanted."""
    if layout.partition == metadata.partition or layout.spec is None:
        return layout, []
    stands = metadata.partition[0] if metadata.partition else None
    now = "is not partitioned" if stands is None else f"is partitioned by {stands.transform}({stands.source})"
    wanted = layout.spec.partition
    wish = "be so no longer" if wanted is None else f"be by {wanted.transform}({wanted.column})"
    kept = None if stands is None else Partition(stands.transform, stands.source)
    said = f"{layout.name} {now} and cannot {wish}: let `partition_by` be as it was, or {INSTEAD}"
    return replace(layout, spec=replace(layout.spec, partition=kept)), [said]
