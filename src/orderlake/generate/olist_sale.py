"""One Olist order: its life from purchase to review, as rows of four files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from orderlake.generate.draw import hex_id, money
from orderlake.generate.olist_market import Market, quoted
from orderlake.generate.olist_words import MESSAGES, TITLES

Draw = Callable[[], float]

# Shares in 10,000, as in the original.
_STATUSES: Final = (
    ("delivered", 9702), ("shipped", 111), ("canceled", 63), ("unavailable", 61), ("invoiced", 32),
    ("processing", 29), ("approved", 1), ("created", 1),
)  # fmt: skip
_STATUS_OF: Final = tuple(status for status, share in _STATUSES for _ in range(share))
_ITEMS: Final = (1,) * 900 + (2,) * 77 + (3,) * 13 + (4,) * 6 + (5,) * 2 + (6,) * 2
_PAYMENTS: Final = ("credit_card",) * 76 + ("boleto",) * 20 + ("debit_card",) * 2 + ("voucher",) * 2
# One hundred slots each: scores of parcels that came in time, and of those that came late or never.
_SCORES: Final = (5,) * 62 + (4,) * 20 + (3,) * 8 + (2,) * 3 + (1,) * 7
_LATE_SCORES: Final = (1,) * 50 + (2,) * 10 + (3,) * 15 + (4,) * 12 + (5,) * 13

# Shares between 0 and 1.
_AT_ONCE: Final = 0.8
_IN_TIME: Final = 0.92
_CANCELED_EMPTY: Final = 0.26
_OTHER_PRODUCT: Final = 0.4
_IN_PARTS: Final = 0.03
_UNREVIEWED: Final = 0.008
_SHARED: Final = 0.008
_TWICE: Final = 0.006
_WITH_MESSAGE: Final = 0.41
_WITH_TITLE: Final = 0.12


class Sale(NamedTuple):
    """One order; `order_id` is ready for a row, None stands for what has not happened (yet)."""

    order_id: str
    status: str
    purchased: datetime
    approved: datetime | None
    handed_over: datetime | None
    delivered: datetime | None
    estimated: datetime
    empty: bool


def sale(order_id: str, purchased: datetime, draw: Draw) -> Sale:
    """Give an order its status and times; about one delivery in thirteen is late."""
    status = _STATUS_OF[int(len(_STATUS_OF) * draw())]
    chance = draw()
    approved = purchased + timedelta(seconds=int(600 + 4_000 * chance if chance < _AT_ONCE else 140_000 * chance))
    handed_over = approved + timedelta(seconds=int(20_000 + 380_000 * draw()))
    promised = 10 + int(24 * draw())
    slow = draw()
    transit = 2 + int(promised * 0.6 * slow) if slow < _IN_TIME else promised + int(20 * draw())
    delivered = handed_over + timedelta(days=transit, seconds=int(40_000 * draw()))
    midnight = purchased.replace(hour=0, minute=0, second=0)
    return Sale(
        order_id,
        status,
        purchased,
        None if status == "created" else approved,
        handed_over if status in ("delivered", "shipped") else None,
        delivered if status == "delivered" else None,
        midnight + timedelta(days=promised + 3),
        empty=status in ("unavailable", "created") or (status == "canceled" and draw() < _CANCELED_EMPTY),
    )


def order_row(order: Sale, number: int, market: Market) -> str:
    """Give the row of the orders file."""
    customer = market.id_of("customer", number)
    times = ",".join("" if time is None else str(time) for time in (order.approved, order.handed_over, order.delivered))
    return f"{order.order_id},{customer},{order.status},{order.purchased},{times},{order.estimated}"


def item_rows(order: Sale, number: int, market: Market, draw: Draw) -> tuple[list[str], int]:
    """Give the rows of the items file, one per piece, and their price plus freight in cents."""
    if order.empty:
        return [], 0
    home = market.city(market.prefix_of_person(market.person(number))).state
    rows: list[str] = []
    total = 0
    product = 0
    for place in range(1, _ITEMS[int(len(_ITEMS) * draw())] + 1):
        # More than one piece is a row each, most often of the same product.
        if place == 1 or draw() < _OTHER_PRODUCT:
            chance = draw()
            product = int(market.products * chance * chance)
        item = market.item(product)
        seller = market.seller_of(product)
        away = market.city(market.prefix_of_seller(seller)).state != home
        freight = (1_480 if away else 790) + item.weight // (3 if away else 9) + int(300 * draw())
        ids = f"{market.id_of('product', product)},{market.id_of('seller', seller)}"
        limit = (order.approved or order.purchased) + timedelta(days=6)
        rows.append(f"{order.order_id},{place},{ids},{limit},{money(item.price)},{money(freight)}")
        total += item.price + freight
    return rows, total


def payment_rows(order: Sale, total: int, draw: Draw) -> list[str]:
    """Give the rows of the payments file; they sum to `total` cents, and an order of nothing has none."""
    if total == 0:
        return []
    kind = _PAYMENTS[int(len(_PAYMENTS) * draw())]
    parts = [(kind, total)]
    if draw() < _IN_PARTS:
        voucher = max(1, total * (10 + int(60 * draw())) // 100)
        parts = [("credit_card", total - voucher), ("voucher", voucher)]
    rows: list[str] = []
    for place, (way, cents) in enumerate(parts, 1):
        # Each instalment is at least 10 reais.
        most = min(10, max(1, cents // 1_000))
        instalments = 1 + int(most * draw() * draw()) if way == "credit_card" else 1
        rows.append(f"{order.order_id},{place},{way},{instalments},{money(cents)}")
    return rows


class Reviews:
    """Reviews as Olist has them: a few orders have none or two, and a few reviews stand for two orders."""

    def __init__(self, seed: int) -> None:
        """Start with no review written."""
        self._seed = seed
        self._count = 0
        self._last: tuple[str, str] | None = None

    def rows(self, order: Sale, draw: Draw) -> list[str]:
        """Give the rows of the reviews file; (review_id, order_id) is unique, review_id alone is not."""
        chance = draw()
        if chance < _UNREVIEWED:
            return []
        if chance < _UNREVIEWED + _SHARED and self._last is not None:
            review_id, rest = self._last
            return [f"{review_id},{order.order_id},{rest}"]
        return [self._row(order, draw) for _ in range(2 if chance > 1 - _TWICE else 1)]

    def _row(self, order: Sale, draw: Draw) -> str:
        self._count += 1
        late = order.delivered is None or order.delivered > order.estimated
        score = (_LATE_SCORES if late else _SCORES)[int(100 * draw())]
        chance = draw()
        messages = MESSAGES[score - 1]
        message = _text(messages[int(len(messages) * draw())]) if chance < _WITH_MESSAGE else ""
        titles = TITLES[score - 1]
        title = _text(titles[int(len(titles) * draw())]) if chance < _WITH_TITLE else ""
        asked = (order.delivered or order.estimated).replace(hour=0, minute=0, second=0) + timedelta(days=1)
        answered = asked + timedelta(seconds=int(30_000 + 400_000 * draw()))
        review_id = quoted(hex_id(self._seed, "review", self._count))
        rest = f"{score},{title},{message},{asked},{answered}"
        self._last = (review_id, rest)
        return f"{review_id},{order.order_id},{rest}"


def _text(text: str) -> str:
    """Quote free text for CSV, as the original does for all of it."""
    return '"' + text.replace('"', '""') + '"'
