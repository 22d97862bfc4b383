"""A table as Glue and Athena see it: columns in Athena's types, and where an engine finds the metadata."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orderlake.errors import SchemaMismatchError
from orderlake.model.column import ColumnType

LOCATION: Final = "metadata_location"
_PREVIOUS: Final = "previous_metadata_location"
_OURS: Final = "orderlake.metadata"
_SEQUENCE: Final = "orderlake.sequence"
_ATHENA: Final = {"long": "bigint", "timestamptz": "timestamp", "uuid": "string", "fixed": "binary"}
_PARQUET: Final = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
_INPUT: Final = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "TableType",
    "Parameters",
    "TargetTable",
)
"""What of a table as read may go back in a TableInput."""


@dataclass(frozen=True, slots=True)
class TableShape:
    """What Glue tells of an Iceberg table's metadata; `history` is every metadata file it came from."""

    location: str
    columns: tuple[Mapping[str, Any], ...] = ()
    history: frozenset[str] = frozenset()


def athena_type(iceberg: str) -> str:
    """The type in Athena's DDL of a primitive type in Iceberg's words.

    >>> [athena_type(text) for text in ("long", "timestamptz", "decimal(18, 2)", "string")]
    ['bigint', 'timestamp', 'decimal(18,2)', 'string']
    """
    return _ATHENA.get(iceberg, iceberg).replace(", ", ",")


def parquet_columns(columns: Mapping[str, ColumnType]) -> tuple[Mapping[str, Any], ...]:
    """The columns of a plain Parquet table."""
    return tuple({"Name": name.lower(), "Type": athena_type(kind.iceberg)} for name, kind in columns.items())


def iceberg_shape(metadata: bytes) -> TableShape:
    """Read what Glue tells of a table from its metadata file; SchemaMismatchError when that is no such file."""
    try:
        document = json.loads(gzip.decompress(metadata) if metadata.startswith(b"\x1f\x8b") else metadata)
        schemas = {schema["schema-id"]: schema for schema in document["schemas"]}
        fields = schemas[document["current-schema-id"]]["fields"]
        return TableShape(
            document["location"],
            tuple(_column(field) for field in fields),
            frozenset(entry["metadata-file"] for entry in document.get("metadata-log", ())),
        )
    except (ValueError, KeyError, TypeError, OSError, EOFError, zlib.error) as error:
        raise SchemaMismatchError(f"this is no metadata file of an Iceberg table: {error!r}") from error


def _column(field: Mapping[str, Any]) -> Mapping[str, Any]:
    column = {
        "Name": field["name"].lower(),
        "Type": _type(field["type"]),
        "Parameters": {
            "iceberg.field.id": str(field["id"]),
            "iceberg.field.optional": str(not field["required"]).lower(),
            "iceberg.field.current": "true",
        },
    }
    return column if field.get("doc") is None else {**column, "Comment": field["doc"]}


def _type(of: str | Mapping[str, Any]) -> str:
    """Another engine may have added nested columns; ours have none."""
    if isinstance(of, str):
        return athena_type(of)
    if of["type"] == "list":
        return f"array<{_type(of['element'])}>"
    if of["type"] == "map":
        return f"map<{_type(of['key'])},{_type(of['value'])}>"
    return f"struct<{','.join(field['name'] + ':' + _type(field['type']) for field in of['fields'])}>"


@dataclass(frozen=True, slots=True)
class GlueTable:
    """A table as Glue gave it."""

    given: Mapping[str, Any]

    @property
    def version(self) -> str:
        """What an update has to name, so that it fails when another came between."""
        return str(self.given["VersionId"])

    @property
    def metadata(self) -> str | None:
        """The metadata file that engines read; None when it is no Iceberg table."""
        return self._parameter(LOCATION)

    @property
    def sequence(self) -> int:
        """Which of our commits it shows; -1 when what it shows is no commit of ours."""
        ours = self.metadata is not None and self._parameter(_OURS) == self.metadata
        return int(self._parameter(_SEQUENCE) or -1) if ours else -1

    def _parameter(self, name: str) -> str | None:
        found = self.given.get("Parameters", {}).get(name)
        return None if found is None else str(found)

    def after(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """The TableInput that makes it `wanted` and leaves what others added to it: descriptions, parameters."""
        kept = {key: self.given[key] for key in _INPUT if self.given.get(key) is not None and self.given[key] != ""}
        parameters = {**kept.get("Parameters", {}), **wanted["Parameters"]}
        if self.metadata is not None and LOCATION in wanted["Parameters"]:
            parameters[_PREVIOUS] = self.metadata
        return {**kept, **wanted, "Parameters": parameters}


def iceberg_table(name: str, metadata: str, sequence: int, shape: TableShape) -> Mapping[str, Any]:
    """The TableInput of an Iceberg table at one of our commits."""
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "EXTERNAL": "TRUE",
            "table_type": "ICEBERG",
            LOCATION: metadata,
            _OURS: metadata,
            _SEQUENCE: str(sequence),
        },
        "StorageDescriptor": {"Columns": [dict(column) for column in shape.columns], "Location": shape.location},
    }


def parquet_table(name: str, columns: Sequence[Mapping[str, Any]], location: str) -> Mapping[str, Any]:
    """The TableInput of a table of plain Parquet files under a location."""
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "StorageDescriptor": {
            "Columns": [dict(column) for column in columns],
            "Location": location.rstrip("/") + "/",
            **_PARQUET,
        },
    }


def differs(found: GlueTable, wanted: Mapping[str, Any]) -> bool:
    """Whether a table is not as wanted, in what is wanted of it: AWS adds fields of its own."""
    return not _within(wanted, found.given)


def _within(wanted: object, found: object) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_within(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(_within, wanted, found))
    return bool(wanted == found)
