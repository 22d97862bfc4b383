"""Which partitions staged files have rows of, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.source import SourceObject
from orderlake.model.staged import Segment, StagedLoad
from orderlake.spark.portion import Grain, Value
from orderlake.tables.batch import Batch
from orderlake.tables.layout import table_layout
from orderlake.tables.write import partition_sql

if TYPE_CHECKING:
    import duckdb


def held_by(
    cursor: duckdb.DuckDBPyConnection, stream: Stream, grains: Mapping[Grain, tuple[str, ...]]
) -> dict[str, dict[str, dict[Value, int]]]:
    """By Iceberg table of a stream and staged file, how many rows the table gets of it in each partition."""
    return {spec.name: _of_table(cursor, stream, spec, grains) for spec in stream.tables if spec.format == "iceberg"}


def _of_table(
    cursor: duckdb.DuckDBPyConnection, stream: Stream, spec: TableSpec, grains: Mapping[Grain, tuple[str, ...]]
) -> dict[str, dict[Value, int]]:
    # Where rows come from makes no difference to their partition.
    load = StagedLoad((SourceObject("", "", 0, 0),), (Segment(0, 0, 0),), grains)
    batch = Batch(stream, load, "")
    value = partition_sql(table_layout(stream, spec)) or "NULL"
    found: dict[str, dict[Value, int]] = {}
    for file in batch.files(spec.rows):
        rows = batch.of_files({batch.grain_of(spec.rows): (file,)}).rows_of(spec, None)
        counts = cursor.execute(f"SELECT {value} AS p, count(*) FROM ({rows}) GROUP BY p").fetchall()
        found[file] = {each: int(count) for each, count in counts}
    return found
