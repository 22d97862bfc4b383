"""Columns and partitions of a table, as Iceberg spells them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final, Literal, cast, get_args

from orderlake.errors import ConfigError, SchemaMismatchError

Transform = Literal["month", "day", "year", "identity"]

FIRST_PARTITION_ID: Final = 1000
SPEC_ID: Final = 0
_PRIMITIVES: Final = frozenset({"int", "long", "double", "boolean", "string", "date", "timestamp", "timestamptz"})
_DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_MAX_PRECISION: Final = 38
_AVRO_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATED: Final = frozenset({"date", "timestamp", "timestamptz"})
_IDENTITY: Final = frozenset({"int", "long", "string", "date"})


@lru_cache(maxsize=256)
def decimal_shape(type_: str) -> tuple[int, int] | None:
    """Give (precision, scale) of a decimal type's text, or None for any other type.

    >>> decimal_shape("decimal(12, 2)")
    (12, 2)
    """
    match = _DECIMAL.fullmatch(type_)
    return None if match is None else (int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its id never changes, its name may. Raises ConfigError on a type we do not write."""

    id: int
    name: str
    type: str
    required: bool
    doc: str | None = None

    def __post_init__(self) -> None:
        """Refuse types whose bounds and bytes we cannot get right."""
        shape = decimal_shape(self.type) if isinstance(self.type, str) else None
        if shape is not None and shape[1] <= shape[0] <= _MAX_PRECISION:
            return
        if not isinstance(self.type, str) or self.type not in _PRIMITIVES:
            raise ConfigError(
                f"column {self.name!r} has type {self.type!r}; use one of "
                f"{', '.join(sorted(_PRIMITIVES))} or decimal(precision, scale)"
            )

    def to_json(self) -> dict[str, Any]:
        """Give the field as the metadata file holds it."""
        document = {"id": self.id, "name": self.name, "required": self.required, "type": self.type}
        return document if self.doc is None else {**document, "doc": self.doc}


@dataclass(frozen=True)
class Schema:
    """Columns in order. Raises ConfigError when two share an id or a name."""

    fields: tuple[Field, ...]
    id: int = 0

    def __post_init__(self) -> None:
        """Ids and names are keys: a second use of one would silently hide a column."""
        if len(self._by_name) != len(self.fields) or len(self.by_id) != len(self.fields):
            raise ConfigError("a schema uses a column id or a column name twice; make them unique")

    @cached_property
    def _by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def by_id(self) -> Mapping[int, Field]:
        """The columns by id."""
        return {field.id: field for field in self.fields}

    @property
    def last_id(self) -> int:
        """The highest column id, 0 without columns."""
        return max(self.by_id, default=0)

    def field(self, name: str) -> Field:
        """Give the column of that name. Raises SchemaMismatchError when there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise SchemaMismatchError(f"the table has no column {name!r}; it has {', '.join(self._by_name)}") from None

    def to_json(self) -> dict[str, Any]:
        """Give the schema as the metadata file holds it."""
        return {
            "type": "struct",
            "schema-id": self.id,
            "fields": [field.to_json() for field in self.fields],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Schema:
        """Read a schema object. Raises ConfigError on nested or unknown types."""
        return cls(
            fields=tuple(
                Field(raw["id"], raw["name"], raw["type"], raw["required"], raw.get("doc"))
                for raw in document["fields"]
            ),
            id=document.get("schema-id", 0),
        )


@dataclass(frozen=True, slots=True)
class PartitionField:
    """A partition value computed from column `source`, named like `order_date_month`."""

    source: str
    transform: Transform
    name: str

    def __post_init__(self) -> None:
        """Names become Avro names, so refuse those that Avro would need mangled."""
        if self.transform not in get_args(Transform):
            raise ConfigError(
                f"partition {self.name!r} uses transform {self.transform!r}; "
                f"use one of {', '.join(get_args(Transform))}"
            )
        if _AVRO_NAME.fullmatch(self.name) is None:
            raise ConfigError(f"partition name {self.name!r} must be letters, digits and underscores")


def stored_type(partition: PartitionField, schema: Schema) -> str:
    """Give the Iceberg type of the partition's value. Raises ConfigError when it does not fit."""
    source = schema.field(partition.source).type
    fits = source in (_IDENTITY if partition.transform == "identity" else _DATED)
    if not fits:
        raise ConfigError(f"partition {partition.name!r}: cannot take {partition.transform} of a {source}")
    if partition.transform == "identity":
        return source
    return "date" if partition.transform == "day" else "int"


def spec_fields(partition: Sequence[PartitionField], schema: Schema) -> list[dict[str, Any]]:
    """Give the `fields` of a partition spec; ids count from 1000."""
    return [
        {
            "source-id": schema.field(field.source).id,
            "field-id": FIRST_PARTITION_ID + position,
            "transform": field.transform,
            "name": field.name,
        }
        for position, field in enumerate(partition)
    ]


def spec_from_json(specs: Sequence[Mapping[str, Any]], schema: Schema) -> tuple[PartitionField, ...]:
    """Read the only partition spec of a table. Raises ConfigError when it ever had another."""
    fields = specs[0]["fields"] if len(specs) == 1 else []
    ids = [field["field-id"] for field in fields]
    expected = list(range(FIRST_PARTITION_ID, FIRST_PARTITION_ID + len(fields)))
    if len(specs) != 1 or specs[0]["spec-id"] != SPEC_ID or ids != expected:
        raise ConfigError("the table's partitioning was changed; rewrite it into a table with one partition spec")
    return tuple(
        PartitionField(
            source=schema.by_id[field["source-id"]].name,
            transform=cast("Transform", field["transform"]),
            name=field["name"],
        )
        for field in fields
    )
