"""One immutable Parquet file of a table, and what is known of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ColumnStats:
    """What a Parquet footer says of one column of one file.

    `lower` and `upper` are the text DuckDB prints for the value (ISO dates, plain digits),
    or None where the footer has no bound. `size` is in bytes.
    """

    nulls: int
    values: int
    size: int
    lower: str | None = None
    upper: str | None = None


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file: where it is, how many records and bytes, its partition, its column statistics.

    `partition` maps the partition field's name to its transformed value (months since 1970-01
    for a month transform), None for a null partition; it is empty for an unpartitioned table.
    `seal` is that of its bytes as they were written; None where whoever wrote them left none.
    """

    location: str
    records: int
    size: int
    partition: Mapping[str, int | str | None] = field(default_factory=dict)
    columns: Mapping[str, ColumnStats] = field(default_factory=dict)
    seal: str | None = None
