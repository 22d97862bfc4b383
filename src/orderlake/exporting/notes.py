"""What is said about exported tables and columns: one row per what, from where, and what not to sum."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from orderlake.model.column import Column
from orderlake.model.pipeline import Pipeline, Stream, TableSpec

_MEASURES: Final = ("money", "decimal", "double")
LINEAGE: Final[Mapping[str, str]] = {
    "_source_file": "the file that the row came from",
    "_source_row": "the number of its record in that file, from 1",
    "_version": "the version of its record: what `sequence_by` says, else the file's time",
    "_load_id": "the load that wrote it, as `orderlake loads` lists it",
}
_SYSTEM: Final[Mapping[str, str]] = {
    "quarantine": "Records that were set aside. One row per record of a file.",
    "quarantine_drops": "Records of the quarantine that were closed by hand, by whom and why.",
    "check_results": "What checks found. One row per load, file and check.",
}


@dataclass(frozen=True, slots=True)
class Note:
    """What is said about a table, and about some of its columns."""

    table: str
    columns: Mapping[str, str] = field(default_factory=dict)


def notes(pipelines: Sequence[Pipeline], manifest: Path) -> dict[str, Note]:
    """A note for each table that the pipelines declare, and for each model of the last build (dbt's manifest)."""
    found = {
        spec.name: _declared(stream, spec)
        for pipeline in pipelines
        for stream in pipeline.streams
        for spec in stream.tables
    }
    return {**_built(manifest), **found, **{table: Note(said) for table, said in _SYSTEM.items()}}


def grain(stream: Stream, spec: TableSpec) -> str:
    """What a row of a declared table stands for."""
    key = ", ".join(column.name for column in stream.key)
    record = f"one row per {key}" if key else "one row per record of each file"
    if not spec.rows:
        return record
    return f"one row per entry of {'.'.join(spec.rows)} in each record{f' ({key})' if key else ''}"


def _declared(stream: Stream, spec: TableSpec) -> Note:
    said = grain(stream, spec)
    columns = {column.name: _origin(spec, column) for column in spec.columns}
    lineage = LINEAGE if spec.format == "iceberg" else {}
    return Note(f"{said[0].upper()}{said[1:]}. From pipeline {stream.pipeline}, {stream.name}.", {**columns, **lineage})


def _origin(spec: TableSpec, column: Column) -> str:
    if column.is_position:
        return f"its position in {'.'.join(column.path[:-1])}, from 1"
    origin = f"from {'.'.join(column.path)}"
    repeats = spec.rows and column.path[: len(spec.rows)] != spec.rows and column.type.name in _MEASURES
    return f"{origin}; stands on each row of its record: do not sum it here" if repeats else origin


def _built(manifest: Path) -> dict[str, Note]:
    nodes: dict[str, Any] = {}
    with suppress(OSError, ValueError):  # nothing was built yet
        nodes = json.loads(manifest.read_bytes()).get("nodes", {})
    found = {}
    for node in nodes.values():
        said = _said(node)
        if node.get("resource_type") == "model" and said:
            columns = {
                name: each["description"] for name, each in node.get("columns", {}).items() if each.get("description")
            }
            found[str(node.get("alias") or node["name"])] = Note(said, columns)
    return found


def _said(node: Mapping[str, Any]) -> str:
    """What a model says of itself: its grain, and its description where that tells more."""
    grain = str(((node.get("config") or {}).get("meta") or {}).get("grain") or "").strip().rstrip(".")
    about = str(node.get("description") or "").strip()
    if not grain or grain.lower() in about.lower():
        return about
    return f"{grain[0].upper()}{grain[1:]}. {about}".strip()
