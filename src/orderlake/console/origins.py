"""What the page Lineage shows of a project: its graph, and for one node the columns and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orderlake.exporting.notes import LINEAGE
from orderlake.lineage.graph import Graph, Node, Question, graph
from orderlake.lineage.upstream import Upstream

if TYPE_CHECKING:
    from orderlake.console.state import Console
    from orderlake.model.pipeline import Stream, TableSpec


@dataclass(frozen=True, slots=True)
class Origins:
    """A project's graph; where the columns of its models come from; and the tables that its pipelines declare."""

    graph: Graph
    upstream: Upstream
    declared: Mapping[str, tuple[Stream, TableSpec]]

    def outcomes(self, table: str) -> dict[str, list[tuple[str, str]]]:
        """For each column of a loaded table, the columns of marts that it goes into."""
        found: dict[str, list[tuple[str, str]]] = {}
        below = self.graph.around(f"table:{table}")
        for mart in (node.name for node in self.graph.nodes.values() if node.kind == "mart" and node.id in below):
            for column in self.upstream.columns(mart):
                for root, field in self.upstream.roots(mart, column):
                    if root == table:
                        found.setdefault(field, []).append((mart, column))
        return found


@dataclass(frozen=True, slots=True)
class Trail:
    """A column: what it is made of one step up (`near`), in the files or loaded tables (`far`), and what it feeds."""

    name: str
    type: str
    near: tuple[tuple[str, str], ...] = ()
    path: str = ""
    far: tuple[tuple[str, str], ...] = ()
    feeds: tuple[tuple[str, str], ...] = ()
    note: str = ""


def origins_of(console: Console) -> Origins:
    """The origins of a project, made anew when its marts were built anew or its tables have changed."""
    file = console.lake.project.state / "dbt" / "target" / "manifest.json"
    try:
        stamp = str(file.stat().st_mtime_ns)
    except OSError:
        stamp = ""
    return console.kept("origins", f"{stamp} {_stamp(console)}", lambda: _origins(console))


def trails(origins: Origins, node: Node) -> list[Trail]:
    """The columns of a table or a model."""
    if node.kind == "table":
        return _declared_trails(origins, node.name)
    return [
        Trail(column, "", tuple(near), far=tuple(origins.upstream.roots(node.name, column)))
        for column, near in origins.upstream.columns(node.name).items()
    ]


def _declared_trails(origins: Origins, table: str) -> list[Trail]:
    _, spec = origins.declared[table]
    outcomes = origins.outcomes(table)
    found = [
        Trail(
            column.name,
            column.type.sql,
            path=".".join(column.path[:-1] if column.is_position else column.path),
            feeds=tuple(outcomes.get(column.name, ())),
            note="its position in the list, from 1" if column.is_position else "",
        )
        for column in spec.columns
    ]
    lineage = LINEAGE if spec.format == "iceberg" else {}
    return found + [
        Trail(column, "", feeds=tuple(outcomes.get(column, ())), note=note) for column, note in lineage.items()
    ]


def _origins(console: Console) -> Origins:
    lake = console.lake
    manifest: dict[str, Any] = {}
    with suppress(OSError, ValueError):  # nothing was built yet
        manifest = json.loads((lake.project.state / "dbt" / "target" / "manifest.json").read_bytes())
    marts = {file.stem: file.read_text("utf-8") for file in sorted((lake.project.root / "marts").glob("*.sql"))}
    declared = {
        spec.name: (stream, spec)
        for pipeline in lake.pipelines
        for stream in pipeline.streams
        for spec in stream.tables
    }
    columns = {name: {column.name: column.type.sql for column in spec.columns} for name, (_, spec) in declared.items()}
    known = {name: {**each, **dict.fromkeys(LINEAGE, "VARCHAR")} for name, each in columns.items()}
    return Origins(graph(lake.pipelines, manifest, marts, _questions(console)), Upstream(manifest, known), declared)


def _questions(console: Console) -> Sequence[Question]:
    """The saved queries, but for those that are faulty, which the page Query says."""
    return [Question(each.name, each.title, each.tables) for each in console.saved_queries()[0]]


def _stamp(console: Console) -> str:
    """A text that changes when the project's own queries or marts do."""
    root = console.lake.project.root
    files = [file for folder in ("queries", "marts") for file in sorted((root / folder).glob("*.sql"))]
    with suppress(OSError):
        return repr([(file.name, file.stat().st_mtime_ns) for file in files])
    return ""
