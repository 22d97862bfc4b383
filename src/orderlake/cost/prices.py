"""The price table, one file: each price with its unit, what is free each month, its source and when it was seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from orderlake.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one unit; `free` units a month cost nothing. `checked` says where and when the price was seen."""

    key: str
    usd: Decimal
    unit: str
    free: Decimal
    source: str
    checked: str


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The prices of one region on one date."""

    region: str
    date: str
    prices: Mapping[str, Price]

    def __getitem__(self, key: str) -> Price:
        return self.prices[key]


@dataclass(frozen=True, slots=True)
class Charge:
    """So many units at a price: `full` without any free tier, `due` after it."""

    price: Price
    quantity: Decimal

    @property
    def full(self) -> Decimal:
        """Dollars where nothing is free."""
        return self.quantity * self.price.usd

    @property
    def due(self) -> Decimal:
        """Dollars after the free tier, where nothing else in the account uses it."""
        return max(Decimal(0), self.quantity - self.price.free) * self.price.usd


@lru_cache(maxsize=1)
def price_table() -> PriceTable:
    """The table that ships."""
    document = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    prices = {
        key: Price(key, Decimal(one["usd"]), one["unit"], Decimal(one["free"]), one["source"], one["checked"])
        for key, one in document["prices"].items()
    }
    return PriceTable(document["region"], document["date"], prices)


def prices_of(region: str | None) -> PriceTable:
    """The table of a region; ConfigError where there is none: prices differ, by some ten percent."""
    table = price_table()
    if region not in {None, table.region}:
        raise ConfigError(
            f"there are no prices for {region} here, only for {table.region}: leave --region out and take the figure "
            "as near, prices of other regions are higher by up to a third"
        )
    return table


def bill(usage: Mapping[str, Decimal], table: PriceTable) -> list[Charge]:
    """One charge per price, in the table's order; what is not used is left out."""
    return [Charge(price, usage[key]) for key, price in table.prices.items() if usage.get(key)]
