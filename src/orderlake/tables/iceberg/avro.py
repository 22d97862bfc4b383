"""The Avro schemas of manifests and manifest lists, with Iceberg's field ids, and their codec."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import md5
from typing import Any, Final, NamedTuple

import fastavro
import fastavro.types

from orderlake.errors import ConfigError

_PARTITION_TYPES: Final[Mapping[str, Any]] = {
    "int": "int",
    "long": "long",
    "string": "string",
    "date": {"type": "int", "logicalType": "date"},
}

SEAL: Final = "orderlake_seal"
"""A field of our own, of data files and of manifests: readers go by the ids they know, and pass over it."""
_FILE_SEAL: Final = 19_134
MANIFEST_SEAL: Final = 19_519


class AvroFile(NamedTuple):
    """A decoded file: its records and the schema it was written with."""

    records: list[dict[str, Any]]
    schema: Mapping[str, Any]


def encode(
    location: str,
    schema: fastavro.types.Schema,
    records: Iterable[Mapping[str, Any]],
    metadata: Mapping[str, str],
) -> bytes:
    """Give the bytes of an Avro file; the same input gives the same bytes."""
    buffer = io.BytesIO()
    # The sync marker only has to be unlikely inside the data; from the name, a retry repeats itself.
    marker = md5(location.encode(), usedforsecurity=False).digest()
    fastavro.writer(buffer, schema, records, codec="deflate", metadata=dict(metadata), sync_marker=marker)
    return buffer.getvalue()


def decode(location: str, data: bytes) -> AvroFile:
    """Read an Avro file whole. Raises ConfigError when it is not one."""
    try:
        reader = fastavro.reader(io.BytesIO(data))
        records = list(reader)
    except (ValueError, EOFError, LookupError, TypeError, OverflowError, zlib.error, MemoryError) as error:
        raise ConfigError(f"{location} is not an Iceberg manifest, restore it from a backup: {error!r}") from error
    return AvroFile(records, reader.writer_schema)  # type: ignore[arg-type]


@lru_cache(maxsize=64)
def manifest_schema(partition: tuple[tuple[str, str], ...]) -> fastavro.types.Schema:
    """Give the schema of a manifest whose partition fields have these (name, Iceberg type)."""
    fields = [
        _field(1000 + position, name, ["null", _PARTITION_TYPES[type_]])
        for position, (name, type_) in enumerate(partition)
    ]
    data_file = [
        _field(134, "content", "int"),
        _field(100, "file_path", "string"),
        _field(101, "file_format", "string"),
        _field(102, "partition", _record("r102", fields)),
        _field(103, "record_count", "long"),
        _field(104, "file_size_in_bytes", "long"),
        _field(108, "column_sizes", _map(117, 118, "long")),
        _field(109, "value_counts", _map(119, 120, "long")),
        _field(110, "null_value_counts", _map(121, 122, "long")),
        _field(137, "nan_value_counts", _map(138, 139, "long")),
        _field(125, "lower_bounds", _map(126, 127, "bytes")),
        _field(128, "upper_bounds", _map(129, 130, "bytes")),
        _field(131, "key_metadata", ["null", "bytes"]),
        _field(132, "split_offsets", _list(133, "long")),
        _field(135, "equality_ids", _list(136, "int")),
        _field(140, "sort_order_id", ["null", "int"]),
        _field(_FILE_SEAL, SEAL, ["null", "string"]),
    ]
    entry = [
        _field(0, "status", "int"),
        _field(1, "snapshot_id", ["null", "long"]),
        _field(3, "sequence_number", ["null", "long"]),
        _field(4, "file_sequence_number", ["null", "long"]),
        _field(2, "data_file", _record("r2", data_file)),
    ]
    return fastavro.parse_schema(_record("manifest_entry", entry))


@lru_cache(maxsize=1)
def manifest_list_schema() -> fastavro.types.Schema:
    """Give the schema of a manifest list."""
    summary = [
        _field(509, "contains_null", "boolean"),
        _field(518, "contains_nan", ["null", "boolean"]),
        _field(510, "lower_bound", ["null", "bytes"]),
        _field(511, "upper_bound", ["null", "bytes"]),
    ]
    partitions = {"type": "array", "items": _record("r508", summary), "element-id": 508}
    fields = [
        _field(500, "manifest_path", "string"),
        _field(501, "manifest_length", "long"),
        _field(502, "partition_spec_id", "int"),
        _field(517, "content", "int"),
        _field(515, "sequence_number", "long"),
        _field(516, "min_sequence_number", "long"),
        _field(503, "added_snapshot_id", "long"),
        _field(504, "added_files_count", "int"),
        _field(505, "existing_files_count", "int"),
        _field(506, "deleted_files_count", "int"),
        _field(512, "added_rows_count", "long"),
        _field(513, "existing_rows_count", "long"),
        _field(514, "deleted_rows_count", "long"),
        _field(507, "partitions", ["null", partitions]),
        _field(519, "key_metadata", ["null", "bytes"]),
        _field(MANIFEST_SEAL, SEAL, ["null", "string"]),
    ]
    return fastavro.parse_schema(_record("manifest_file", fields))


def _field(id_: int, name: str, type_: object) -> dict[str, Any]:
    field = {"name": name, "type": type_, "field-id": id_}
    optional = isinstance(type_, list) and type_[0] == "null"
    return {**field, "default": None} if optional else field


def _record(name: str, fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def _map(key_id: int, value_id: int, value: str) -> list[Any]:
    """Give an optional map by int: Avro's own maps have string keys, so Iceberg lists pairs."""
    pair = [
        {"name": "key", "type": "int", "field-id": key_id},
        {"name": "value", "type": value, "field-id": value_id},
    ]
    pairs = _record(f"k{key_id}_v{value_id}", pair)
    return ["null", {"type": "array", "logicalType": "map", "items": pairs}]


def _list(element_id: int, element: str) -> list[Any]:
    return ["null", {"type": "array", "items": element, "element-id": element_id}]
