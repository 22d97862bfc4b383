"""Shops: a SELECT of order facts each, with its definitions, and what may stand beside it.

`NAME.sql` gives a row per order: order_id, day, customer, amount, and any further amounts that add up over days.
`NAME.lines.sql` gives a row per line: day, category, product, amount, units. `NAME.deliveries.sql` gives a row per
delivered order: day, place, late, days. Comment lines at the top say `-- key: text`: `needs` (the tables), `title`,
`revenue` and `counted` (the definitions, shown with the figures), and what a `category` is called here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orderlake.errors import ConfigError
from orderlake.query.duckdb import QueryTable

BUNDLED: Final = Path(__file__).parent
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("order_id", "day", "customer", "amount"),
    "lines": ("day", "category", "product", "amount", "units"),
    "deliveries": ("day", "place", "late", "days"),
}
"""The columns that each part's SELECT gives."""
_ORDER: Final = ("orders", "olist", "shopify")
_HEADER: Final = re.compile(r"--\s*(needs|title|revenue|counted|category):\s*(.+)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Facts:
    """One SELECT: its text, the tables it needs, its definitions, and where it stands."""

    sql: str
    needs: tuple[str, ...]
    file: Path
    title: str = ""
    revenue: str = ""
    counted: str = ""
    category: str = "Category"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that the lake has tables of. `own` is one of the project's files; the others ship with orderlake."""

    name: str
    facts: Mapping[str, Facts]
    own: bool

    @property
    def title(self) -> str:
        """What people call it."""
        return self.facts["orders"].title or self.name.replace("_", " ").capitalize()

    @property
    def needs(self) -> frozenset[str]:
        """The tables of all its parts."""
        return frozenset(table for facts in self.facts.values() for table in facts.needs)

    def key(self, tables: Mapping[str, QueryTable], also: str = "") -> str:
        """A name for what its tables hold now: it changes with their files, and with the SQL."""
        files = [(table, sorted(tables[table].files)) for table in sorted(self.needs) if table in tables]
        texts = [(part, facts.sql) for part, facts in sorted(self.facts.items())]
        return hashlib.sha256(repr((LAYOUT, files, texts, also)).encode()).hexdigest()[:24]


LAYOUT: Final = 2
"""Counts up when what is kept of a shop changes its form."""


def shops_of(tables: Mapping[str, QueryTable], folder: Path) -> list[Shop]:
    """The shops whose tables there are, those with data first. Files of the project's `overview/` win by name.

    A part whose tables are missing is left out. ConfigError names a file of the project that is none.
    """
    found: dict[str, Shop] = {}
    for place, own in ((BUNDLED, False), (folder, True)):
        for file in sorted(place.glob("*.sql")):
            name, _, part = file.stem.partition(".")
            if part:
                continue
            if not _NAME.fullmatch(name):
                raise ConfigError(f"{file}: a shop's name has letters, digits, - and _ only: rename the file")
            facts = _parts(place, name, tables)
            if "orders" in facts:
                found[name] = Shop(name, facts, own)
    return sorted(found.values(), key=lambda shop: (not _has_rows(shop, tables), not shop.own, _place(shop.name)))


def read_facts(file: Path) -> Facts:
    """The SELECT of a file with its header; ConfigError when it does not say what it needs."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}") from error
    said: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        match = _HEADER.match(line)
        if match is not None:
            said[match[1]] = match[2].strip()
    needs = tuple(table.strip() for table in said.pop("needs", "").split(",") if table.strip())
    if not needs:
        raise ConfigError(f"{file}: say at its top which tables it needs: -- needs: my_orders, my_customers")
    return Facts(text.strip().rstrip(";"), needs, file, **said)


def _parts(place: Path, name: str, tables: Collection[str]) -> dict[str, Facts]:
    files = {"orders": place / f"{name}.sql"} | {part: place / f"{name}.{part}.sql" for part in ("lines", "deliveries")}
    read = {part: read_facts(file) for part, file in files.items() if file.exists()}
    return {part: facts for part, facts in read.items() if all(table in tables for table in facts.needs)}


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else -1


def _has_rows(shop: Shop, tables: Mapping[str, QueryTable]) -> bool:
    return all(tables[table].files for table in shop.facts["orders"].needs[:1])
