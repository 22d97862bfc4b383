"""What events say of a table: its columns, and what each of them is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import attr
from openlineage.client.event_v2 import OutputDataset
from openlineage.client.facet_v2 import (
    RunFacet,
    column_lineage_dataset,
    output_statistics_output_dataset,
    schema_dataset,
    symlinks_dataset,
)

from orderlake.lineage.places import Place
from orderlake.model.column import Column
from orderlake.model.pipeline import Stream, TableSpec


def _version() -> str:
    try:
        return version("orderlake")
    except PackageNotFoundError:  # in a Lambda function's package there is the code alone
        return "unpackaged"


PRODUCER: Final = f"urn:orderlake:{_version()}"
_SPELLED_OUT: Final = 20
"""Files whose columns are traced one by one; of a load of more, one stands for all, which have the same columns."""


@attr.define
class OrderlakeRecordsRunFacet(RunFacet):
    """What became of the records of a run: read = loaded + superseded + duplicate + quarantined."""

    read: int
    loaded: int
    superseded: int
    duplicate: int
    quarantined: int

    @staticmethod
    def _get_schema() -> str:
        return "urn:orderlake:facets:1-0-0:OrderlakeRecordsRunFacet.json#/$defs/OrderlakeRecordsRunFacet"


def table(
    at: Place,
    alias: Place | None,
    columns: Mapping[str, str],
    lineage: column_lineage_dataset.ColumnLineageDatasetFacet | None = None,
    rows: int | None = None,
) -> OutputDataset:
    """A table that a run writes: where it lies, what it is called, its columns and their types, the rows written."""
    found = OutputDataset(at.namespace, at.name)
    found.facets = {}
    if alias is not None:
        names = [symlinks_dataset.Identifier(alias.namespace, alias.name, "TABLE")]
        found.facets["symlinks"] = symlinks_dataset.SymlinksDatasetFacet(identifiers=names, producer=PRODUCER)
    if columns:
        fields = [
            schema_dataset.SchemaDatasetFacetFields(column, kind or None, ordinal_position=number)
            for number, (column, kind) in enumerate(columns.items(), 1)
        ]
        found.facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)
    if lineage is not None:
        found.facets["columnLineage"] = lineage
    if rows is not None:
        statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=rows, producer=PRODUCER
        )
        found.outputFacets = {"outputStatistics": statistics}
    return found


def declared_lineage(
    stream: Stream, spec: TableSpec, files: Sequence[Place]
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    """Which path of a record each column of a declared table comes from, and what decides which records count."""
    chosen = files if len(files) <= _SPELLED_OUT else files[:1]
    fields = {
        column.name: column_lineage_dataset.Fields(
            inputFields=[_input(file, column, "DIRECT", _subtype(column)) for file in chosen]
        )
        for column in spec.columns
    }
    deciding = [(column, "GROUP_BY") for column in stream.key]
    if stream.sequence_by is not None:
        deciding.append((stream.sequence_by, "SORT"))
    whole = [_input(file, column, "INDIRECT", kind) for file in chosen for column, kind in deciding]
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields, dataset=whole, producer=PRODUCER)


def _input(file: Place, column: Column, kind: str, subtype: str) -> column_lineage_dataset.InputField:
    path = column.path[:-1] if column.is_position else column.path
    return column_lineage_dataset.InputField(
        file.namespace,
        file.name,
        ".".join(path),
        [column_lineage_dataset.Transformation(kind, subtype, _description(column, kind), masking=False)],
    )


def _subtype(column: Column) -> str:
    return "TRANSFORMATION" if column.is_position or column.format or column.timezone else "IDENTITY"


def _description(column: Column, kind: str) -> str:
    if kind == "INDIRECT":
        return "of the versions of a key the newest counts"
    if column.is_position:
        return "position in the list, from 1"
    parts = [
        *([f"read as {column.format}"] if column.format else []),
        *([f"in time zone {column.timezone}"] if column.timezone else []),
    ]
    return ", ".join(parts) or f"read as {column.type.sql}"


def computed_lineage(
    columns: Mapping[str, Sequence[tuple[Place, str]]],
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    """Which columns of which data sets each column of a model is computed from."""
    how = [column_lineage_dataset.Transformation("DIRECT", "TRANSFORMATION", masking=False)]
    fields = {
        column: column_lineage_dataset.Fields(
            inputFields=[column_lineage_dataset.InputField(at.namespace, at.name, name, how) for at, name in sources]
        )
        for column, sources in columns.items()
        if sources
    }
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields, producer=PRODUCER)
