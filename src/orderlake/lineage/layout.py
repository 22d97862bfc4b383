"""A graph on paper: columns by how far a node is from the files, rows so that lines cross little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orderlake.lineage.graph import Graph, Node

WIDTH: Final = 232
HEIGHT: Final = 40
_GAP_X: Final = 56
_GAP_Y: Final = 12
_MARGIN: Final = 8
_SWEEPS: Final = 4
_LETTERS: Final = 28
_FIRST: Final[Mapping[str, int]] = {"files": 0, "stream": 1, "table": 2}


@dataclass(frozen=True, slots=True)
class Box:
    """A node where it is drawn; its label is cut to the width of the box."""

    node: Node
    x: int
    y: int

    @property
    def label(self) -> str:
        """The node's label, as long as there is room."""
        label = self.node.label
        return label if len(label) <= _LETTERS else f"{label[: _LETTERS - 1]}…"


@dataclass(frozen=True, slots=True)
class Line:
    """A line from one box to the next, as an SVG path; `ends` are the ids of its nodes."""

    path: str
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes and lines, in a picture of this size."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: int
    height: int


def draw(graph: Graph) -> Drawing:
    """Place a graph."""
    columns = _columns(graph)
    _sort(graph, columns)
    places = _places(graph, columns)
    boxes = {
        node: Box(graph.nodes[node], _MARGIN + at * (WIDTH + _GAP_X), _MARGIN + round(places[node] * (HEIGHT + _GAP_Y)))
        for at, column in enumerate(columns)
        for node in column
    }
    lines = tuple(
        Line(_path(boxes[source], boxes[node]), (source, node))
        for node, sources in graph.sources.items()
        for source in sources
    )
    return Drawing(
        tuple(boxes.values()),
        lines,
        max((box.x + WIDTH for box in boxes.values()), default=0) + _MARGIN,
        max((box.y + HEIGHT for box in boxes.values()), default=0) + _MARGIN,
    )


def _columns(graph: Graph) -> list[list[str]]:
    """Nodes by column: one after everything that a node is made from; those who only ask stand last."""
    depth: dict[str, int] = {}
    for node in graph.nodes:  # a node stands after its sources
        least = _FIRST.get(graph.nodes[node].kind, 3)
        depth[node] = max([least, *(depth[source] + 1 for source in graph.sources[node])])
    asked = [node for node in graph.nodes if graph.nodes[node].kind in ("query", "exposure")]
    last = max(depth.values(), default=0)
    if asked:
        last = max([3, *(depth[node] + 1 for node in graph.nodes if node not in set(asked))])
    depth |= dict.fromkeys(asked, last)
    used = sorted(set(depth.values()))
    return [[node for node in graph.nodes if depth[node] == at] for at in used]


def _sort(graph: Graph, columns: list[list[str]]) -> None:
    """Order each column by the middle of its nodes' neighbours, a few times over."""
    rows = {node: at for column in columns for at, node in enumerate(column)}
    targets = graph.targets

    def middle(node: str, beside: Mapping[str, list[str]]) -> float:
        places = [rows[each] for each in beside[node]]
        return sum(places) / len(places) if places else rows[node]

    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            by = {node: middle(node, graph.sources if forward else targets) for node in column}
            column.sort(key=lambda node: by[node])
            rows |= {node: at for at, node in enumerate(column)}


def _places(graph: Graph, columns: list[list[str]]) -> dict[str, float]:
    """How far down each node stands, in rows: beside what it is made from, below the one before it."""
    places: dict[str, float] = {}
    for column in columns:
        wanted = [_beside(graph, node, places) for node in column]
        free = 0.0
        for at, node in enumerate(column):
            # No lower than leaves room for the rest within the column's own height, if it would end there.
            places[node] = free = max(free, min(wanted[at], max(free, len(columns[0]) - (len(column) - at))))
            free += 1
    return places


def _beside(graph: Graph, node: str, places: Mapping[str, float]) -> float:
    above = [places[source] for source in graph.sources[node]]
    return sum(above) / len(above) if above else 0.0


def _path(source: Box, target: Box) -> str:
    x1, y1, x2, y2 = source.x + WIDTH, source.y + HEIGHT // 2, target.x, target.y + HEIGHT // 2
    half = (x2 - x1) // 2
    return f"M{x1} {y1}C{x1 + half} {y1} {x2 - half} {y2} {x2} {y2}"
