"""The page Lineage: what is made from what, down to the column; and where one record comes from, up to its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.routing import Route

from orderlake.console.origins import Origins, origins_of, trails
from orderlake.console.render import page
from orderlake.console.state import console_of
from orderlake.errors import NotFoundError
from orderlake.explain.trace import keys_of, trace
from orderlake.lineage.graph import KINDS, Graph, Node
from orderlake.lineage.layout import HEIGHT, WIDTH, draw

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def show(request: Request) -> Response:
    """The page; `of` is the node in focus, `all` adds what is left out at first, `by` and `key` ask for a record."""
    console = console_of(request)
    origins = origins_of(console)
    node = _node(origins, request.query_params.get("of", ""))
    everything = bool(request.query_params.get("all")) or (node is not None and node.kind == "staging")
    shown = _shown(origins.graph, node, everything=everything)
    keys = keys_of(console.lake.pipelines)
    by = next((key for key in keys if key.id == request.query_params.get("by")), keys[0] if keys else None)
    value = request.query_params.get("key", "").strip()
    return page(
        request,
        "lineage.html",
        graph=shown,
        targets=shown.targets,
        drawing=draw(shown),
        box=(WIDTH, HEIGHT),
        kinds=KINDS,
        node=node,
        trails=[] if node is None else trails(origins, node),
        is_traced=node is not None and node.kind in ("table", "mart", "staging"),
        everything=everything,
        left_out=len(_shown(origins.graph, node, everything=True).nodes) - len(shown.nodes),
        keys=keys,
        by=by,
        value=value,
        found=trace(console.look_back, by.pipeline, {by.column: value}) if by is not None and value else None,
        link=lambda of: _link(of, everything=everything),
        names={each: origins.graph.nodes[each].label for each in origins.graph.nodes},
    )


def _node(origins: Origins, of: str) -> Node | None:
    if not of:
        return None
    if of not in origins.graph.nodes:
        raise NotFoundError(f"there is nothing called {of} here; the page Lineage lists what there is")
    return origins.graph.nodes[of]


def _shown(graph: Graph, node: Node | None, *, everything: bool) -> Graph:
    """All of it, or what has to do with a node: without staging models, and in the whole without saved queries."""
    wanted = set(graph.nodes) if node is None else graph.around(node.id)
    hidden = set() if everything else {"staging"} | ({"query"} if node is None else set())
    return graph.only(each for each in wanted if graph.nodes[each].kind not in hidden)


def _link(of: str, *, everything: bool) -> str:
    return f"/lineage?{urlencode({'of': of, **({'all': '1'} if everything else {})})}#columns-title"


routes: Final = [Route("/lineage", show)]
