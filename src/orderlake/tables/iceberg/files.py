"""Data files as manifests record them: statistics keyed by column id, bounds in binary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orderlake.model.data_file import ColumnStats, DataFile
from orderlake.tables.iceberg.avro import SEAL
from orderlake.tables.iceberg.bounds import bound_text, lower_bound, upper_bound
from orderlake.tables.iceberg.metadata import TableMetadata
from orderlake.tables.iceberg.partition import (
    partition_columns,
    partition_values,
    stored_partition,
)
from orderlake.tables.iceberg.schema import Field

Pairs = list[dict[str, Any]]


def file_record(file: DataFile, metadata: TableMetadata) -> dict[str, Any]:
    """Give the manifest record of a file.

    Raises SchemaMismatchError when its columns, bounds or partition do not fit the table.
    """
    columns = [(metadata.schema.field(name), stats) for name, stats in file.columns.items()]

    def pairs(value_of: Callable[[Field, ColumnStats], int | bytes | None]) -> Pairs:
        values = ((field.id, value_of(field, stats)) for field, stats in columns)
        return [{"key": key, "value": value} for key, value in values if value is not None]

    spec = partition_columns(metadata.partition, metadata.schema)
    return {
        "content": 0,
        "file_path": file.location,
        "file_format": "PARQUET",
        "partition": stored_partition(spec, file.partition),
        "record_count": file.records,
        "file_size_in_bytes": file.size,
        "column_sizes": pairs(lambda _, stats: stats.size),
        "value_counts": pairs(lambda _, stats: stats.values),
        "null_value_counts": pairs(lambda _, stats: stats.nulls),
        "lower_bounds": pairs(lambda field, stats: lower_bound(field.type, stats.lower)),
        "upper_bounds": pairs(lambda field, stats: upper_bound(field.type, stats.upper)),
        "sort_order_id": 0,
        SEAL: file.seal,
    }


def data_file(record: Mapping[str, Any], metadata: TableMetadata) -> DataFile:
    """Give a file as the rest of the program sees it, columns by their current names.

    A column without both counts has no statistics; a dropped column is left out.
    """
    values = _by_id(record, "value_counts")
    nulls = _by_id(record, "null_value_counts")
    sizes = _by_id(record, "column_sizes")
    lower = _by_id(record, "lower_bounds")
    upper = _by_id(record, "upper_bounds")
    return DataFile(
        location=record["file_path"],
        records=record["record_count"],
        size=record["file_size_in_bytes"],
        partition=partition_values(metadata.partition, metadata.schema, record["partition"]),
        columns={
            field.name: ColumnStats(
                nulls=nulls[id_],
                values=values[id_],
                size=sizes.get(id_, 0),
                lower=bound_text(field.type, lower.get(id_)),
                upper=bound_text(field.type, upper.get(id_)),
            )
            for id_, field in metadata.schema.by_id.items()
            if id_ in values and id_ in nulls
        },
        seal=record.get(SEAL),
    )


def _by_id(record: Mapping[str, Any], member: str) -> dict[int, Any]:
    return {pair["key"]: pair["value"] for pair in record.get(member) or ()}
