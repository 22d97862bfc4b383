"""Small files to try the bundled pipelines with; nothing in them is a real person, shop or order.

The Olist files are what `generate` writes for 100 orders, seed 22188, from 2017-01-01: each has 100 rows (71
categories), and every reference resolves within them.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orderlake.errors import NotFoundError

_OLIST: Final = (
    "olist_orders_dataset.csv",
    "olist_order_items_dataset.csv",
    "olist_order_payments_dataset.csv",
    "olist_order_reviews_dataset.csv",
    "olist_customers_dataset.csv",
    "olist_products_dataset.csv",
    "olist_sellers_dataset.csv",
    "olist_geolocation_dataset.csv",
    "product_category_name_translation.csv",
)
_NAMES: Final = MappingProxyType(
    {
        "orders": ("orders_sample.json", "orders_increment.json"),
        "olist": _OLIST,
        "shopify": ("shopify_orders_sample.json", "shopify_order_update.json"),
    }
)


def sample_paths(kind: str) -> list[Path]:
    """Give the sample files of `orders`, `olist` or `shopify`, in the order in which they came to be.

    Raises NotFoundError for another kind.

    >>> [path.name for path in sample_paths("orders")]
    ['orders_sample.json', 'orders_increment.json']
    """
    if kind not in _NAMES:
        message = f"no samples of {kind!r}: choose one of {', '.join(_NAMES)}."
        raise NotFoundError(message)
    folder = Path(str(files(__name__) / kind))
    return [folder / name for name in _NAMES[kind]]
