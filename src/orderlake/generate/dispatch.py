"""`generate`: checks what was asked for and hands it to the writer of that kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from orderlake.errors import ConfigError
from orderlake.generate.olist import write as write_olist
from orderlake.generate.orders import write as write_orders
from orderlake.generate.plan import Plan
from orderlake.generate.shopify import write as write_shopify

Kind = Literal["orders", "olist", "shopify"]
Format = Literal["json", "ndjson", "csv"]

FORMATS: Final[Mapping[Kind, tuple[Format, ...]]] = MappingProxyType(
    {"orders": ("json", "ndjson"), "olist": ("csv",), "shopify": ("json", "ndjson")}
)
"""The formats of each kind; the first is its default."""

_FIRST_DAY: Final = date(2025, 1, 1)
# Olist ships a year ahead at most: dates have to stay within what datetime can hold.
_SLACK: Final = timedelta(days=400)


def generate(  # noqa: PLR0913, PLR0917 - a public verb: each argument is an option of the command
    kind: Kind,
    orders: int,
    seed: int,
    out: Path,
    format: Format | None = None,  # noqa: A002 - named as the option is
    start: date = _FIRST_DAY,
    days: int = 365,
    on_progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Write `orders` orders into folder `out` and give the files' paths.

    The same arguments give the same bytes. Memory does not grow with `orders`. `on_progress` hears how many orders
    are written so far. Raises ConfigError for an unknown kind, a format the kind has not, a number out of range, or
    a folder that cannot be written.
    """
    chosen = _format(kind, format)
    plan = _plan(Plan(orders, seed, start, days, on_progress))
    if kind == "olist":
        return write_olist(plan, out)
    write = write_orders if kind == "orders" else write_shopify
    return [write(plan, out, chosen)]


def _format(kind: str, format_: str | None) -> Format:
    formats = next((formats for known, formats in FORMATS.items() if known == kind), None)
    if formats is None:
        message = f"cannot generate {kind!r}: choose one of {', '.join(FORMATS)}."
        raise ConfigError(message)
    if format_ is None:
        return formats[0]
    for candidate in formats:
        if candidate == format_:
            return candidate
    why = " Its records are nested." if format_ == "csv" else ""
    message = f"{kind} cannot be written as {format_}.{why} Choose {' or '.join(formats)}."
    raise ConfigError(message)


def _plan(plan: Plan) -> Plan:
    if plan.orders < 0:
        message = f"cannot generate {plan.orders} orders: give 0 or more."
        raise ConfigError(message)
    if plan.days < 1:
        message = f"cannot spread orders over {plan.days} days: give 1 or more."
        raise ConfigError(message)
    if plan.days > (date.max - _SLACK - plan.start).days:
        message = f"{plan.days} days from {plan.start} end after the calendar: give fewer days."
        raise ConfigError(message)
    return plan
