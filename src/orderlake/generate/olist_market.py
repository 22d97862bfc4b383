"""Olist's customers, products, sellers and places, each derived from a number, and the five files that list them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from orderlake.generate.draw import hex_id, salt, scatter
from orderlake.generate.olist_words import CATEGORIES, CITIES, City
from orderlake.generate.plan import Plan

_PREFIXES: Final = 14_000
_PLACES: Final = 1_000_163
# Shares as in the original: of 1000 orders by a known person; of 128 products without a category, and without sizes.
_RETURNING: Final = 34
_UNCATEGORISED: Final = 3
_SIZELESS: Final = 0
_UNIT: Final = 1 << 64
# For each slot of CITIES: how many slots its city has, and which of them it is.
_SLOTS: Final = [(CITIES.count(city), CITIES[:slot].count(city)) for slot, city in enumerate(CITIES)]


class Item(NamedTuple):
    """What a product is: `price` in cents, sizes in g and cm; no category and no sizes when the shop left them out."""

    category: str | None
    price: int
    weight: int
    sizes: tuple[int, int, int]
    known: bool


def quoted(text: str) -> str:
    """Quote what starts with a digit, as the original files do for text that could pass for a number.

    >>> quoted("01046"), quoted("franca")
    ('"01046"', 'franca')
    """
    return f'"{text}"' if text[:1].isdigit() else text


class Market:
    """The marketplace of one plan; every lookup is a pure function of a number, so nothing is held."""

    def __init__(self, plan: Plan) -> None:
        """Size the market by the plan's orders, in the original's proportions for more than 3,000."""
        self.seed = plan.seed
        self.orders = plan.orders
        self.products = max(1, min(plan.orders, max(1_000, plan.orders // 3)))
        self.sellers = max(1, min(plan.orders, max(100, plan.orders // 32)))
        self.prefixes = max(5, min(_PREFIXES, plan.orders // 5))
        self.places = min(_PLACES, max(plan.orders, self.prefixes))
        self._salts = {name: salt(plan.seed, name) for name in ("customer", "person", "product", "seller", "place")}

    def person(self, order: int) -> int:
        """Give who placed an order: a customer_id is new with each order, a person comes back in 3.4%."""
        bits = scatter(order, self._salts["customer"])
        if bits % 1000 < _RETURNING:
            return order * (bits >> 32) >> 32
        return order

    def prefix_of_person(self, person: int) -> int:
        """Give the index of the zip prefix a person lives in."""
        return scatter(person, self._salts["person"]) * self.prefixes // _UNIT

    def prefix_of_seller(self, seller: int) -> int:
        """Give the index of the zip prefix a seller ships from."""
        return scatter(seller, self._salts["seller"]) * self.prefixes // _UNIT

    def seller_of(self, product: int) -> int:
        """Give the seller of a product: few sellers offer much, many offer little."""
        bits = scatter(product, self._salts["product"])
        one, other = bits >> 32, bits & 0xFFFF_FFFF
        return (one * other >> 32) * self.sellers >> 32

    def item(self, product: int) -> Item:
        """Give a product's category, price and sizes."""
        bits = scatter(product + self.products, self._salts["product"])
        # The lower of two draws: the list's first categories are the large ones.
        category = CATEGORIES[min(bits & 0xFFFF, bits >> 16 & 0xFFFF) * len(CATEGORIES) >> 16][0]
        band = (15, 25, 40, 70, 120, 220, 600)[(bits >> 32 & 0xFF) * (bits >> 40 & 0xFF) * 7 >> 16]
        price = band * 100 * (70 + (bits >> 48 & 0x3F)) // 100 + (90, 99, 0, 50)[bits >> 54 & 3]
        sizes = (16 + (bits >> 20) % 40, 2 + (bits >> 26) % 30, 11 + (bits >> 32) % 30)
        known = bits >> 57 != _SIZELESS
        return Item(None if bits >> 57 < _UNCATEGORISED else category, price, 50 + (bits >> 38) % 4950, sizes, known)

    def city(self, prefix: int) -> City:
        """Give the city of the prefix-th zip prefix."""
        return CITIES[_slot(prefix)]

    def zip_code(self, prefix: int) -> str:
        """Give the prefix-th zip prefix: five digits, with leading zeros."""
        city = self.city(prefix)
        slots, place = _SLOTS[_slot(prefix)]
        # 11 is coprime to every span: the prefixes of a city spread over it without meeting.
        return f"{city.first + (prefix // len(CITIES) * slots + place) * 11 % city.span:05d}"

    def address(self, prefix: int) -> str:
        """Give zip, city, state as the customers and sellers files hold them."""
        city = self.city(prefix)
        return f'"{self.zip_code(prefix)}",{city.plain},{city.state}'

    def id_of(self, name: str, index: int) -> str:
        """Give a quoted id, ready for a row."""
        return quoted(hex_id(self.seed, name, index))


def _slot(prefix: int) -> int:
    return prefix * 17 % len(CITIES)


def customer_rows(market: Market) -> Iterator[str]:
    """Give one row per order, in the order of the orders."""
    for order in range(market.orders):
        person = market.person(order)
        address = market.address(market.prefix_of_person(person))
        yield f"{market.id_of('customer', order)},{market.id_of('person', person)},{address}"


def product_rows(market: Market) -> Iterator[str]:
    """Give one row per product; some lack category and texts, a few lack sizes."""
    for index in range(market.products):
        item = market.item(index)
        # The original leaves category, both text lengths and the photos out together.
        texts = ",,," if item.category is None else f"{item.category},{20 + index * 29 % 44},{90 + index * 37 % 2900},"
        photos = "" if item.category is None else 1 + index % 4 * (index % 3 == 0)
        sizes = f"{item.weight},{','.join(map(str, item.sizes))}" if item.known else ",,,"
        yield f"{market.id_of('product', index)},{texts}{photos},{sizes}"


def seller_rows(market: Market) -> Iterator[str]:
    """Give one row per seller."""
    for index in range(market.sellers):
        yield f"{market.id_of('seller', index)},{market.address(market.prefix_of_seller(index))}"


def place_rows(market: Market) -> Iterator[str]:
    """Give several rows per zip prefix: a fifth of them true duplicates, some with the accented spelling."""
    at = salt(market.seed, "place")
    for row in range(market.places):
        number = row
        bits = scatter(number, at)
        while number >= market.prefixes and bits % 4 == 0:
            # The same row as one round of prefixes before, down to the last decimal.
            number -= market.prefixes
            bits = scatter(number, at)
        prefix = number % market.prefixes
        city = market.city(prefix)
        lat = city.lat + ((bits >> 8 & 0xFFFFF) - 0x80000) / 1e7
        lng = city.lng + ((bits >> 28 & 0xFFFFF) - 0x80000) / 1e7
        name = city.accented if bits >> 60 == 0 else city.plain
        yield f'"{market.zip_code(prefix)}",{lat!r},{lng!r},{name},{city.state}'


def translation_rows(market: Market) -> Iterator[str]:
    """Give the 71 categories with their English names, whatever the market."""
    del market
    for portuguese, english in CATEGORIES:
        yield f"{portuguese},{english}"
