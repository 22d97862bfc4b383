"""A report: the overview as one page that needs nothing but itself, to mail or to publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from orderlake import __version__
from orderlake.console.dashboard import Dashboard, dashboard, named_shop
from orderlake.console.freshness import freshness_of
from orderlake.console.render import FOLDER, environment
from orderlake.errors import NotFoundError
from orderlake.overview import DEFAULT, bounds_of, chosen, days_of, figures_of

if TYPE_CHECKING:
    from orderlake.lake import Lake
    from orderlake.overview import Keeper, Shop

_STYLES: Final = ("console.css", "charts.css", "overview.css", "report.css")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a report is to be of: a shop (None: each that has orders), and a period, or two days; empty is as usual."""

    shop: str | None = None
    period: str = ""
    start: str = ""
    end: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One shop in a report; `newest` is the day of its newest order."""

    name: str
    board: Dashboard
    newest: str


@dataclass(frozen=True, slots=True)
class Report:
    """The page, and the shops that are in it."""

    html: str
    shops: tuple[str, ...]


def report(lake: Lake, wish: Wish, now: datetime) -> Report:
    """The report of a lake as it is now, counted here if need be.

    NotFoundError: there is no such shop, or no order at all. ConfigError: that is no period.
    """
    with lake.session() as session:
        keeper = lake.overview(session)
        try:
            shops = keeper.shops()
            wanted = shops if wish.shop is None else [shop for shop in [named_shop(shops, wish.shop)] if shop]
            parts = [part for shop in wanted for part in [_part(keeper, shop, wish, now)] if part is not None]
            if not shops:
                raise NotFoundError(
                    "the overview knows none of the tables of this project: say what its orders are in "
                    "overview/NAME.sql, a SELECT with a row per order"
                )
            if not parts:
                raise NotFoundError("there are no orders to report on: load some with `orderlake run`")
            html = (
                environment()
                .get_template("report.html")
                .render(
                    title=wish.title or f"{lake.project.root.resolve().name}: how the shop does",
                    parts=parts,
                    freshness=freshness_of(lake, session),
                    at=now.isoformat(timespec="seconds"),
                    styles=_styles(),
                    version=__version__,
                )
            )
        finally:
            keeper.close()
    return Report(html, tuple(part.name for part in parts))


def _part(keeper: Keeper, shop: Shop, wish: Wish, now: datetime) -> Part | None:
    kept = keeper.counted(shop)
    days = days_of(keeper.engine, kept)
    bounds = bounds_of(days.dates, now.date())
    if bounds is None:
        return None
    period = chosen("custom" if wish.start or wish.end else wish.period or DEFAULT, bounds, wish.start, wish.end)
    board = dashboard(shop, kept, figures_of(keeper.engine, kept, days, period))
    return Part(shop.name, board, bounds[1].isoformat())


def _styles() -> Markup:
    """The console's own style sheets, in the page: none of them refers to anything."""
    texts = [(FOLDER / "static" / name).read_text(encoding="utf-8") for name in _STYLES]
    return Markup("\n".join(texts))  # noqa: S704 - our own files
