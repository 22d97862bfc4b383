"""A draft is tried out before it is shown: what was looked at is staged with it, as a load would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import Literal

from orderlake.engine import Engine, parquet
from orderlake.infer.places import Path
from orderlake.infer.tables import DraftTable
from orderlake.kernel.stage import stage
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.model.staged import StagedLoad
from orderlake.tables.batch import Batch


@dataclass(frozen=True, slots=True)
class Trial:
    """Records staged on trial: `refused` are the paths that do not load as drafted, `broken` records that are none."""

    batch: Batch
    refused: dict[Path, Literal["string", "json"]]
    broken: tuple[str, ...]


def tried(engine: Engine, stream: Stream, tables: Sequence[DraftTable], files: Sequence[File], work: File) -> Trial:
    """Stage what was looked at; UnreadableObjectError when that is not possible at all."""
    sources = [(_source(file, number), file) for number, file in enumerate(files)]
    bare = replace(stream, envelope=())
    staged = stage(engine, bare, sources, work)
    refused: dict[Path, Literal["string", "json"]] = {}
    broken: list[str] = []
    columns = {column.path: column for table in tables for column in table.columns}
    for field, reason in _set_aside(engine, staged):
        path = tuple(field.split(".")) if field else ()
        if path in columns and columns[path].guess.type != "string":
            refused[path] = "string"
        elif path and any(known[: len(path)] == path and known != path for known in columns):
            refused[path] = "json"
        else:
            broken.append(f"{field} {reason}".strip())
    return Trial(Batch(bare, staged, ""), refused, tuple(broken))


def _set_aside(engine: Engine, staged: StagedLoad) -> list[tuple[str, str]]:
    """The field and the reason of each record that was set aside."""
    if not staged.rejected:
        return []
    rows = engine.cursor().execute(f"SELECT field, reason FROM {parquet(staged.rejected)}").fetchall()
    return [(str(field or ""), str(reason)) for field, reason in rows]


def _source(file: File, number: int) -> SourceObject:
    return SourceObject(str(file), str(file), file.stat().st_size, number)
