"""The page Overview: how the shop does, over a chosen time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.routing import Route

from orderlake.console.dashboard import Dashboard, dashboard, named_shop
from orderlake.console.freshness import Freshness, freshness_of
from orderlake.console.render import page
from orderlake.console.state import Console, console_of
from orderlake.errors import ConfigError
from orderlake.overview import CHOICES, DEFAULT, Kept, Shop, bounds_of, chosen, days_of, figures_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_PATIENCE: Final = 0.25
"""Seconds a page waits for its figures: small lakes are counted by then, others come live."""


@dataclass(frozen=True, slots=True)
class Link:
    """A choice as a link."""

    name: str
    href: str
    here: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the page is of; `board` is None while there is nothing to show, and `counting` says why."""

    shop: str = ""
    period: str = DEFAULT
    first: str = ""
    last: str = ""
    bounds: tuple[date, date] | None = None
    kept: Kept | None = None
    board: Dashboard | None = None
    counting: bool = False
    problem: str = ""


def show(request: Request) -> Response:
    """The page, for the shop and the period of the address."""
    console, given = console_of(request), request.query_params
    shops = console.overview.shops()
    shop = named_shop(shops, given.get("shop", ""))
    seen = Chosen() if shop is None else _seen(console, shop, given)
    return page(
        request,
        "overview.html",
        HTTPStatus.BAD_REQUEST if seen.problem else HTTPStatus.OK,
        seen=seen,
        shops=[Link(one.title, _address(one.name, seen), one == shop) for one in shops],
        periods=[
            Link(words, _address(seen.shop, Chosen(period=name)), name == seen.period)
            for name, words in CHOICES.items()
            if name != "custom"
        ],
        freshness=_freshness(console),
    )


def _seen(console: Console, shop: Shop, given: Mapping[str, str]) -> Chosen:
    keeper = console.overview
    start, end = given.get("from", ""), given.get("to", "")
    choice = given.get("period") or ("custom" if start or end else DEFAULT)
    kept = keeper.kept(shop, _PATIENCE)
    if kept is None:
        return Chosen(shop.name, choice, start, end, counting=True)
    stamp = str(kept.folder)  # a cube never changes
    days = console.kept(f"days of {shop.name}", stamp, lambda: days_of(keeper.engine, kept))
    bounds = bounds_of(days.dates, datetime.now(UTC).date())
    if bounds is None:
        return Chosen(shop.name, choice, start, end, kept=kept)
    problem = ""
    try:
        period = chosen(choice, bounds, start, end)
    except ConfigError as error:
        problem, period = str(error), chosen(DEFAULT, bounds)
    board = console.kept(
        f"board of {shop.name}: {period}",
        stamp,
        lambda: dashboard(shop, kept, figures_of(keeper.engine, kept, days, period)),
    )
    first, last = period.first.isoformat(), period.last.isoformat()
    return Chosen(shop.name, period.choice, first, last, bounds, kept, board, problem=problem)


def _address(shop: str, of: Chosen) -> str:
    """The page of a shop with a period."""
    asked = {"shop": shop, "period": of.period}
    if of.period == "custom":
        asked |= {"from": of.first, "to": of.last}
    return f"/?{urlencode(asked)}"


routes: Final = [Route("/", show)]


def _freshness(console: Console) -> Freshness:
    """Kept per state: it reads the load history."""
    stamp = f"{console.session.token()} {console.lake.ledger.stamp()}"
    return console.kept("freshness", stamp, lambda: freshness_of(console.lake, console.session))
