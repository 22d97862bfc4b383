"""The graph of a project: which files become which tables, what is made of those, and who asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from orderlake.lineage.upstream import tables_of
from orderlake.model.pipeline import Pipeline

Kind = Literal["files", "stream", "table", "staging", "mart", "query", "exposure"]
KINDS: Final[Mapping[Kind, str]] = {
    "files": "files",
    "stream": "stream",
    "table": "table",
    "staging": "staging model",
    "mart": "mart",
    "query": "saved query",
    "exposure": "reader",
}
_MARTS: Final = "marts"
"""The schema of the models that are published."""


@dataclass(frozen=True, slots=True)
class Node:
    """Something that data goes through; `id` is `kind:name`, `about` a sentence for people."""

    kind: Kind
    name: str
    label: str
    about: str = ""

    @property
    def id(self) -> str:
        """What it is known by."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Question:
    """A saved query: its name, title, and the tables that it asks."""

    name: str
    title: str
    tables: tuple[str, ...]


@dataclass(slots=True)
class Graph:
    """Nodes by id, and for each the nodes that it is made from, in order."""

    nodes: dict[str, Node] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)

    def add(self, node: Node, sources: Iterable[str] = ()) -> None:
        """Add a node that is made from these; what is not in the graph is left out."""
        self.nodes[node.id] = node
        self.sources[node.id] = [each for each in dict.fromkeys(sources) if each in self.nodes]

    @property
    def targets(self) -> dict[str, list[str]]:
        """For each node, what is made from it."""
        found: dict[str, list[str]] = {node: [] for node in self.nodes}
        for node, sources in self.sources.items():
            for source in sources:
                found[source].append(node)
        return found

    def only(self, keep: Iterable[str]) -> Graph:
        """The graph of these nodes; what goes through others goes from one of these to the next."""
        kept = set(keep)

        def through(sources: Sequence[str]) -> list[str]:
            return [each for one in sources for each in ([one] if one in kept else through(self.sources[one]))]

        small = Graph()
        for node in (node for node in self.nodes if node in kept):
            small.add(self.nodes[node], through(self.sources[node]))
        return small

    def around(self, node: str) -> set[str]:
        """A node, all that it is made from, and all that is made from it."""
        return {node} | _reach(node, self.sources) | _reach(node, self.targets)


def graph(
    pipelines: Sequence[Pipeline],
    manifest: Mapping[str, Any],
    marts: Mapping[str, str],
    questions: Sequence[Question],
) -> Graph:
    """The graph of a project: `manifest` is dbt's of the last build ({} when there was none), `marts` a SELECT each."""
    made = Graph()
    for pipeline in pipelines:
        _add_pipeline(made, pipeline)
    _add_models(made, manifest)
    for name, sql in marts.items():
        made.add(Node("mart", name, name, f"marts/{name}.sql"), _known(made, tables_of(sql)))
    for question in questions:
        made.add(Node("query", question.name, question.name, question.title), _known(made, question.tables))
    for exposure in manifest.get("exposures", {}).values():
        label = str(exposure.get("label") or exposure["name"])
        sources = [_id_of(manifest, each) for each in exposure["depends_on"].get("nodes", ())]
        made.add(Node("exposure", str(exposure["name"]), label, str(exposure.get("description") or "")), sources)
    return made


def _add_pipeline(made: Graph, pipeline: Pipeline) -> None:
    for stream in pipeline.streams:
        name = f"{stream.pipeline}.{stream.name}"
        files = Node("files", name, stream.match[0], f"{stream.format.upper()} files named {' or '.join(stream.match)}")
        key = ", ".join(column.name for column in stream.key)
        about = f"the newest version of each {key} counts" if key else "the newest version of each file counts"
        flow = Node("stream", name, name if stream.name != stream.pipeline else stream.name, about)
        made.add(files)
        made.add(flow, [files.id])
        for spec in stream.tables:
            rows = f"one row per entry of {'.'.join(spec.rows)}" if spec.rows else "one row per record"
            made.add(Node("table", spec.name, spec.name, f"{rows}; {spec.format}"), [flow.id])


def _add_models(made: Graph, manifest: Mapping[str, Any]) -> None:
    models = {node: each for node, each in manifest.get("nodes", {}).items() if each["resource_type"] == "model"}
    done: set[str] = set()

    def add(node: str) -> None:
        if node in done or node not in models:
            return
        done.add(node)
        model, sources = models[node], models[node]["depends_on"].get("nodes", ())
        for source in sources:
            add(source)
        meta = (model.get("config") or {}).get("meta") or {}
        about = str(meta.get("grain") or model.get("description") or "").strip()
        kind, name = _model(model)
        made.add(Node(kind, name, name, about), [_id_of(manifest, source) for source in sources])

    for node in models:
        add(node)


def _model(model: Mapping[str, Any]) -> tuple[Kind, str]:
    return "mart" if model.get("schema") == _MARTS else "staging", str(model.get("alias") or model["name"])


def _id_of(manifest: Mapping[str, Any], node: str) -> str:
    """What the graph calls a node of dbt's."""
    if node in manifest.get("sources", {}):
        source = manifest["sources"][node]
        return f"table:{source.get('identifier') or source['name']}"
    kind, name = _model(manifest["nodes"].get(node, {"name": node}))
    return f"{kind}:{name}"


def _known(made: Graph, tables: Iterable[str]) -> list[str]:
    """Tables and marts of the graph, by name."""
    found = (
        next((f"{kind}:{table}" for kind in ("table", "mart") if f"{kind}:{table}" in made.nodes), "")
        for table in tables
    )
    return [each for each in found if each]


def _reach(node: str, steps: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    todo = [node]
    while todo:
        for each in steps[todo.pop()]:
            if each not in found:
                found.add(each)
                todo.append(each)
    return found
