"""Partition values: as `DataFile` carries them, as manifests store them, as lists summarize them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from orderlake.errors import SchemaMismatchError
from orderlake.tables.iceberg.bounds import EPOCH_DAY, date_text, days
from orderlake.tables.iceberg.schema import PartitionField, Schema, stored_type

_FORMATS: Final = {"int": "<i", "date": "<i", "long": "<q"}

PartitionColumns = tuple[tuple[str, str], ...]
"""The partition fields of a table in order, each (name, Iceberg type of its value)."""


def partition_columns(partition: Sequence[PartitionField], schema: Schema) -> PartitionColumns:
    """Give names and stored types. Raises ConfigError on a transform its source cannot have."""
    return tuple((field.name, stored_type(field, schema)) for field in partition)


def stored_partition(columns: PartitionColumns, values: Mapping[str, int | str | None]) -> dict[str, int | str | None]:
    """Give the record a manifest stores. Raises SchemaMismatchError unless every field has a value."""
    if values.keys() != {name for name, _ in columns}:
        names = ", ".join(name for name, _ in columns) or "no partition"
        raise SchemaMismatchError(f"a data file has the partition {dict(values)}; the table wants {names}")
    return {name: _stored(name, type_, values[name]) for name, type_ in columns}


def _stored(name: str, type_: str, value: int | str | None) -> int | str | None:
    if value is None:
        return None
    if type_ == "date" and isinstance(value, str):
        return days(value)
    if isinstance(value, str) is not (type_ == "string"):
        raise SchemaMismatchError(f"partition {name} is a {type_}; a data file has {value!r}")
    return value


def partition_values(
    partition: Sequence[PartitionField], schema: Schema, record: Mapping[str, Any]
) -> dict[str, int | str | None]:
    """Give a manifest's partition record as `DataFile` carries it: an identity date as ISO text."""
    values: dict[str, int | str | None] = {}
    for field in partition:
        value = _plain(record[field.name])
        textual = field.transform == "identity" and schema.field(field.source).type == "date"
        values[field.name] = date_text(value) if textual and isinstance(value, int) else value
    return values


def summaries(columns: PartitionColumns, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give, per partition field, whether there are nulls and the serialized least and greatest."""
    result = []
    for name, type_ in columns:
        values = [_plain(record[name]) for record in records]
        known = [value for value in values if value is not None]
        result.append(
            {
                "contains_null": len(known) < len(values),
                "contains_nan": False,
                "lower_bound": _serialized(type_, min(known)) if known else None,
                "upper_bound": _serialized(type_, max(known)) if known else None,
            }
        )
    return result


def _plain(value: int | str | date | None) -> int | str | None:
    # The Avro reader gives dates for the type date; entries we made hold days.
    return value.toordinal() - EPOCH_DAY if isinstance(value, date) else value


def _serialized(type_: str, value: int | str) -> bytes:
    return value.encode() if isinstance(value, str) else struct.pack(_FORMATS[type_], value)
