"""Names for tables and columns: lower case, digits and _, as close to the file's own as that allows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import cache
from typing import Final

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_ENDINGS: Final = re.compile(r"\.(gz|gzip|zst|zstd|json|jsonl|ndjson|csv|tsv|txt)\Z", re.IGNORECASE)
_STAMP: Final = re.compile(r"([-_. ]*(\d+|[TZtz](?=\d)|(?<=\d)[TZtz]\b|part\b|export\b)[-_. :]*)+\Z", re.IGNORECASE)


def snake(text: str, fallback: str = "field") -> str:
    """A name in snake case; `fallback` for a text without a letter that the Latin alphabet has.

    >>> [snake(text) for text in ("orderID", "Größe (cm)", "2nd line", "订单")]
    ['order_id', 'grosse_cm', 'n_2nd_line', 'field']
    """
    # Only `ß` is spelt out by hand: lower case of its own it has, and taken apart it is not.
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    found = _OTHER.sub("_", _CAMEL.sub("_", plain).lower()).strip("_")
    if not found:
        return fallback
    return f"n_{found}" if found[0].isdigit() else found


def singular(name: str) -> str:
    """The name of one of them.

    >>> [singular(name) for name in ("orders", "line_items", "categories", "addresses", "status", "boxes", "data", "s")]
    ['order', 'line_item', 'category', 'address', 'status', 'box', 'data', 's']
    """
    if len(name.rsplit("_", 1)[-1]) < len("xs"):
        return name
    if name.endswith("ies") and len(name) > len("ties"):
        return f"{name[:-3]}y"
    if name.endswith(("sses", "xes", "ches", "shes")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith(("ss", "us", "is")) else name


def entity_of(table: str) -> str:
    """What a table has one row of, by its name.

    >>> [entity_of(table) for table in ("shop_orders", "orders_2", "data")]
    ['order', 'order', 'data']
    """
    words = [word for word in table.split("_") if not word[:1].isdigit()]
    return singular(words[-1])


def unique(wanted: str, taken: Collection[str]) -> str:
    """The name, with a number behind it when it is taken.

    >>> unique("total", {"total", "total_2"})
    'total_3'
    """
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}_{number}" in taken:
        number += 1
    return f"{wanted}_{number}"


def column_name(parts: tuple[str, ...], entity: str, fallback: str) -> str:
    """A column's name by its path within its table; `id` alone is called after the entity.

    >>> column_name(("customer", "customer_id"), "order", ""), column_name(("id",), "order", "")
    ('customer_id', 'order_id')
    >>> column_name(("shippingAddress", "city"), "order", ""), column_name(("order",), "line", "")
    ('shipping_address_city', 'order_')
    """
    names = [snake(part, fallback) for part in parts]
    name = names[-1]
    for above in reversed(names[:-1]):
        if not name.startswith((f"{above}_", f"{singular(above)}_")):
            name = f"{above}_{name}"
    if name in ("id", "_id"):
        name = f"{entity}_id"
    return f"{name}_" if name in _reserved() else name


@cache
def _reserved() -> frozenset[str]:
    """Words that DuckDB or Athena would want in quotes."""
    import duckdb  # noqa: PLC0415 - only a draft needs the list
    from sqlglot.dialects.presto import Presto  # noqa: PLC0415 - as above

    with duckdb.connect() as connection:
        words = connection.execute(
            "SELECT lower(keyword_name) FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        ).fetchall()
    return frozenset(word for (word,) in words) | frozenset(map(str.lower, Presto.Generator.RESERVED_KEYWORDS))


def stem(file_name: str) -> str:
    """A file's name without its endings.

    >>> stem("orders_2024-05-01.json.gz")
    'orders_2024-05-01'
    """
    while (shorter := _ENDINGS.sub("", file_name)) not in ("", file_name):
        file_name = shorter
    return file_name


def series(file_name: str) -> str:
    """What the names of all files of its kind are likely to begin with: without dates and numbers at the end.

    >>> [series(name) for name in ("orders_2024-05-01.json", "shop-export-007.csv", "2024.json", "Orders 1.json")]
    ['orders', 'shop', '', 'Orders']
    """
    return _STAMP.sub("", stem(file_name)).rstrip("-_. ")
