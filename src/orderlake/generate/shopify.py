"""Orders as Shopify's REST Admin API gives them; every amount ties out to the cent.

total_price = total_line_items_price - total_discounts + total_tax + shipping, and a refund's transactions equal
its lines, their tax and, for a cancelled order, the shipping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from orderlake.generate.catalogue import SLOTS, Product, catalogue, demand
from orderlake.generate.draw import stream
from orderlake.generate.files import published, write_records
from orderlake.generate.orders import former_customers, pick_customer
from orderlake.generate.people import People
from orderlake.generate.plan import BATCH, Plan
from orderlake.generate.season import days, second_of_day
from orderlake.generate.shopify_text import (
    ORDER_ID,
    STEP,
    Discount,
    Line,
    Order,
    Refund,
    order_text,
)

_FRAMES: Final = {"json": ('{"orders": [\n', ",\n", "\n]}\n"), "ndjson": ("", "\n", "\n")}
_LINES: Final = (1,) * 48 + (2,) * 28 + (3,) * 14 + (4,) * 7 + (5,) * 3
_QUANTITIES: Final = (1,) * 78 + (2,) * 15 + (3,) * 4 + (4,) * 2 + (6,) * 1
_TAX_PERCENT: Final = 18
_FREE_SHIPPING_FROM: Final = 250_00
_WITH_CODE: Final = 0.18
_EXPRESS: Final = 0.2
_CODES: Final = (
    Discount("BEMVINDO10", "percentage", 10),
    Discount("BLACK20", "percentage", 20),
    Discount("MENOS15", "fixed_amount", 15_00),
)


class _Fate(NamedTuple):
    """What became of an order: its statuses, and how many days after it was placed it last changed."""

    financial: str
    fulfillment: str | None
    cancelled: bool
    refunded: bool
    days: int


# One hundred slots; `days` is 1 for what changes later, 0 for what does not.
_FATES: Final = (
    *(_Fate("refunded", None, cancelled=True, refunded=True, days=1),) * 2,
    *(_Fate("voided", None, cancelled=True, refunded=False, days=1),) * 1,
    *(_Fate("partially_refunded", "fulfilled", cancelled=False, refunded=True, days=1),) * 5,
    *(_Fate("pending", None, cancelled=False, refunded=False, days=0),) * 3,
    *(_Fate("paid", "partial", cancelled=False, refunded=False, days=1),) * 3,
    *(_Fate("paid", None, cancelled=False, refunded=False, days=0),) * 6,
    *(_Fate("paid", "fulfilled", cancelled=False, refunded=False, days=1),) * 80,
)


def write(plan: Plan, out: Path, format_: str) -> Path:
    """Write `shopify_orders_<N>_seed<S>`: an `{"orders": […]}` envelope, or NDJSON as webhooks; give its path."""
    path = out / f"shopify_orders_{plan.orders}_seed{plan.seed}.{format_}"
    with published([path]) as (file,):
        write_records(file, batches(plan), _FRAMES[format_], plan)
    return path


def batches(plan: Plan) -> Iterator[list[str]]:
    """Give the orders' JSON texts, at most BATCH at a time, by ascending id and created_at."""
    draw = stream(plan.seed, "shopify")
    people = People(plan.seed, ("BR", "ES", "US"))
    goods = catalogue(plan.seed)
    slots = demand(len(goods))
    number, known = 0, former_customers(plan)
    batch: list[str] = []
    for day, count in days(plan):
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the shop's own time, offset added in text
        for position in range(count):
            index = pick_customer(known, draw(), draw())
            known += index == known
            created = midnight + timedelta(seconds=second_of_day((position + draw()) / count))
            lines = _lines(number, goods, slots, draw)
            order = _order(number, index, created, lines, draw)
            batch.append(order_text(order, people[index]))
            number += 1
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _lines(number: int, goods: list[Product], slots: list[int], draw: Callable[[], float]) -> list[Line]:
    picked: dict[int, int] = {}
    for _ in range(_LINES[int(100 * draw())]):
        picked.setdefault(slots[int(SLOTS * draw())], _QUANTITIES[int(100 * draw())])
    return [
        Line(ORDER_ID + 45_568_399_684_384_512 + number * STEP + 7 * place, index, goods[index], quantity, 0, 0)
        for place, (index, quantity) in enumerate(picked.items())
    ]


def _order(number: int, customer: int, created: datetime, lines: list[Line], draw: Callable[[], float]) -> Order:
    chance = draw()
    discount = _CODES[int(chance * 1000) % len(_CODES)] if chance < _WITH_CODE else None
    if discount is not None and discount.kind == "fixed_amount" and _gross(lines) < 2 * discount.value:
        discount = None  # the code asks for a minimum, so an order never costs nothing
    lines = [_taxed(line) for line in _discounted(lines, discount)]
    net = sum(line.gross - line.discount for line in lines)
    express = draw() < _EXPRESS
    shipping = 29_90 if express else 0 if net >= _FREE_SHIPPING_FROM else 14_90
    fate = _fate(draw)
    updated = created + timedelta(days=fate.days, seconds=int(40 + 30_000 * draw()) if fate.days > 0 else 2)
    refund = _refund(number, lines, shipping, updated, fate) if fate.refunded else None
    return Order(
        number,
        customer,
        created,
        updated,
        updated if fate.cancelled else None,
        fate.financial if refund is None or not refund.complete else "refunded",
        fate.fulfillment,
        lines,
        discount,
        "Sedex" if express else "PAC",
        shipping,
        refund,
    )


def _fate(draw: Callable[[], float]) -> _Fate:
    fate = _FATES[int(len(_FATES) * draw())]
    later = 1 + int(4 * draw())
    # Goods come back after a parcel's way there and back.
    return fate._replace(days=fate.days * (5 + 4 * later if fate.financial == "partially_refunded" else later))


def _discounted(lines: list[Line], discount: Discount | None) -> list[Line]:
    """Spread the order's discount over its lines by amount; the parts sum to the whole."""
    if discount is None:
        return lines
    total = _gross(lines)
    whole = discount.value if discount.kind == "fixed_amount" else (total * discount.value + 50) // 100
    spread: list[Line] = []
    reached, given = 0, 0
    for line in lines:
        reached += line.gross
        part = whole * reached // total - given
        given += part
        spread.append(line._replace(discount=part))
    return spread


def _gross(lines: list[Line]) -> int:
    return sum(line.gross for line in lines)


def _taxed(line: Line) -> Line:
    return line._replace(tax=((line.gross - line.discount) * _TAX_PERCENT + 50) // 100)


def _refund(number: int, lines: list[Line], shipping: int, at: datetime, fate: _Fate) -> Refund:
    """Give back everything of a cancelled order, else one piece of its dearest line."""
    if fate.cancelled:
        parts = [(line, line.quantity, line.gross - line.discount, line.tax) for line in lines]
        return Refund(number, at, "Pedido cancelado", parts, shipping, complete=True)
    line = max(lines, key=lambda each: each.product.price)
    part = (line, 1, (line.gross - line.discount) // line.quantity, line.tax // line.quantity)
    # Shipping stays paid, so a lone piece sent back leaves the order partially refunded unless shipping was free.
    complete = len(lines) == 1 and line.quantity == 1 and shipping == 0
    return Refund(number, at, "Tamanho errado; devolução", [part], 0, complete=complete)
