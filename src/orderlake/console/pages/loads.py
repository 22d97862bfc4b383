"""The page Loads: what was loaded, what became of it, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.routing import Route

from orderlake.console.history import command, history, load_of, standing
from orderlake.console.render import page
from orderlake.console.state import console_of
from orderlake.model.report import RECORDED, Wanted

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_WAITING_SHOWN: Final = 20


def show(request: Request) -> Response:
    """The history, a page of it."""
    console = console_of(request)
    asked = {name: request.query_params.get(name, "").strip() for name in ("status", "source", "load")}
    status = asked["status"] if asked["status"] in RECORDED else ""
    wanted = Wanted(status or None, asked["source"] or None, asked["load"] or None)
    before = request.query_params.get("before") or None
    found, shown = history(console, before, wanted)
    kept = {name: value for name, value in (asked | {"status": status}).items() if value}
    ledger = console.lake.ledger
    waiting = console.waiting()
    return page(
        request,
        "loads.html",
        loads=found,
        asked=asked | {"status": status},
        statuses=RECORDED,
        is_filtered=bool(kept),
        totals=console.kept("totals", ledger.stamp(), ledger.totals),
        older=None if shown.before is None else "/loads?" + urlencode(kept | {"before": shown.before}),
        newest=None if before is None else "/loads?" + urlencode(kept),
        waiting=waiting[:_WAITING_SHOWN],
        waiting_count=len(waiting),
        waiting_bytes=sum(source.size for source in waiting),
        raw=console.lake.project.raw if console.lake.project.aws is None else console.lake.project.aws.raw,
        is_remote=console.lake.project.aws is not None,
        command=command(console),
    )


def show_load(request: Request) -> Response:
    """One load."""
    console = console_of(request)
    load = load_of(console, request.path_params["identity"])
    together = console.lake.recent(_WAITING_SHOWN + 1, None, Wanted(load_id=load.report.load_id)).loads
    others = [report for report in together if report.identity != load.report.identity]
    return page(
        request,
        "load.html",
        load=load,
        standing=standing(console, load.report),
        others=others[:_WAITING_SHOWN],
        is_remote=console.lake.project.aws is not None,
        quarantined="/quality?" + urlencode({"source": load.report.source}),
    )


routes: Final = [Route("/loads", show), Route("/loads/{identity}", show_load)]
