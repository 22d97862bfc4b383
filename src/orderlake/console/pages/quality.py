"""The page Quality: what could not be loaded, and why; and, where the console may write, how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from orderlake.charts import bar_chart, figure, line_chart, stacked_chart
from orderlake.console.checking import PAGE, Filter, Quarantine, checks, share_over_time
from orderlake.console.render import page
from orderlake.console.state import Console, console_of, writing
from orderlake.console.submitted import Fields, fields
from orderlake.errors import DataError, LakeError, NotFoundError
from orderlake.mending import STATUSES, Which

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_CUT: Final = 400
"""Characters of a record that are shown at once."""


async def show(request: Request) -> Response:
    """The page."""
    given = await fields(request)
    return await run_in_threadpool(_shown, request, given)


def _shown(request: Request, given: Fields) -> Response:
    console = console_of(request)
    quarantine = Quarantine.of(console)
    counts = quarantine.counts()
    status = given.one("status", "open" if counts["open"] or not sum(counts.values()) else "all")
    wanted = Filter(status, given.one("source"), given.one("reason"))
    number = max(1, given.number("page") or 1)
    total, records = quarantine.page(wanted, number)
    return page(
        request,
        "quality.html",
        totals=console.lake.ledger.totals(),
        counts=counts,
        charts=_charts(console, quarantine),
        checks=checks(console),
        reasons=quarantine.reasons(),
        records=[_row(record) for record in records],
        total=total,
        wanted=wanted,
        statuses=(*STATUSES, "all"),
        number=number,
        pages=max(1, -(-total // PAGE)),
        cut=_CUT,
        turned=lambda to: _address(wanted, to),
        chosen=lambda reason: _address(Filter("all", "", reason), 1),
    )


def _charts(console: Console, quarantine: Quarantine) -> list[Markup]:
    drawn: list[str] = []
    share = share_over_time(console)
    if share is not None:
        drawn.append(figure(share, line_chart(share) if share.is_time else bar_chart(share, lying=True)))
    reasons = quarantine.by_reason()
    if reasons is not None:
        drawn.append(figure(reasons, stacked_chart(reasons)))
    return [Markup(each) for each in drawn]  # noqa: S704 - our own charts escape what they show


def _address(wanted: Filter, number: int) -> str:
    named = {"status": wanted.status, "source": wanted.source, "reason": wanted.reason, "page": number}
    return "/quality?" + urlencode({key: value for key, value in named.items() if value}) + "#records"


def _row(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**record, "address": _place(record)}


def _place(record: Mapping[str, Any]) -> str:
    return "/quality/record?" + urlencode({key: record[key] for key in ("source", "position", "version")})


def show_record(request: Request) -> Response:
    """One record, with what it may be mended by."""
    named = request.query_params
    return _record(request, _found(console_of(request), dict(named)), tried="tried" in named)


def _found(console: Console, named: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        place = named["source"], int(named["position"]), int(named["version"])
    except (KeyError, ValueError):
        raise NotFoundError("which record is not said: choose one on the page Quality") from None
    record = Quarantine.of(console).record(*place)
    if record is None:
        raise NotFoundError(f"there is no record {place[1]} of {place[0]} in quarantine")
    return _row(record)


def _record(
    request: Request, record: Mapping[str, Any], *, tried: bool = False, text: str | None = None, problem: str = ""
) -> Response:
    console = console_of(request)
    refusal, draft = "", text or ""
    if console.writable and text is None:
        try:
            draft = console.lake.draft(record["source"], record["position"], record["version"])
        except LakeError as error:
            refusal = str(error)
    return page(
        request,
        "record.html",
        422 if problem else 200,
        record=record,
        draft=draft,
        refusal=refusal,
        problem=problem,
        tried=tried,
    )


async def mend(request: Request) -> Response:
    """Fix, replay or drop a record, and show what became of it."""
    writing(request)
    given = await fields(request)
    return await run_in_threadpool(_mended, request, given)


def _mended(request: Request, given: Fields) -> Response:
    console = console_of(request)
    record = _found(console, {name: given.one(name) for name in ("source", "position", "version")})
    place = record["source"], record["position"]
    # A browser sends every line end of a text area as CR and LF, whatever it was.
    text = given.one("record").replace("\r\n", "\n")
    do = given.one("do")
    try:
        if do == "drop":
            console.lake.drop(Which(ids=(record["id"],)), given.one("why"))
        elif do == "replay":
            console.lake.replay(*place, record["version"])
        else:
            console.lake.fix(*place, text, record["version"])
    except (DataError, LakeError) as error:
        return _record(request, record, text=text if do not in ("drop", "replay") else None, problem=str(error))
    console.pulse.beat()
    return RedirectResponse(record["address"] if do == "drop" else f"{record['address']}&tried=1", 303)


routes: Final = [
    Route("/quality", show),
    Route("/quality/record", show_record),
    Route("/quality/record", mend, methods=["POST"]),  # what it answers with can be asked for again at its address
]
