"""Reconciliation: an amount of a header table against the sum of its lines, per order."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orderlake.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_NUMBER = re.compile(r"\d+(\.\d+)?\Z", re.ASCII)
_KEYS: Final = {"key", "header", "lines", "tolerance", "message"}
_SIDE: Final = {"table", "amount"}


@dataclass(frozen=True, slots=True)
class Side:
    """One side: `amount` is SQL over the columns of `table`, summed per order."""

    table: str
    amount: str


@dataclass(frozen=True, slots=True)
class Reconcile:
    """What must be equal per order, or whatever the columns `key` name, but for `tolerance` (a decimal as text)."""

    name: str
    key: tuple[str, ...]
    header: Side
    lines: Side
    tolerance: str
    message: str


def parse_reconcile(body: object, tables: Mapping[str, Collection[str]]) -> tuple[Reconcile, ...]:
    """Read a pipeline's `reconcile`, by name; ConfigError says what is wrong, and where. `tables` gives the columns."""
    if not isinstance(body, dict):
        raise ConfigError(f"reconcile: expected `name: {{key, header, lines}}` lines, found {type(body).__name__}")
    return tuple(_reconcile(f"reconcile.{name}", str(name), spec, tables) for name, spec in body.items())


def _reconcile(at: str, name: str, body: object, tables: Mapping[str, Collection[str]]) -> Reconcile:
    if not _NAME.match(name):
        raise ConfigError(f"{at}: a name has lower-case letters, digits and _, and starts with a letter")
    if not isinstance(body, dict) or not {"key", "header", "lines"} <= set(body) <= _KEYS:
        raise ConfigError(
            f"{at}: takes key, header and lines, and perhaps tolerance and message, as in "
            "{key: order_id, header: {table: orders, amount: total}, lines: {table: lines, amount: price * quantity}}"
        )
    key = tuple(map(str, body["key"])) if isinstance(body["key"], list) else (str(body["key"]),)
    sides = [_side(f"{at}.{side}", body[side], key, tables) for side in ("header", "lines")]
    tolerance = str(body.get("tolerance", 0))
    if not _NUMBER.match(tolerance):
        raise ConfigError(f"{at}.tolerance: {tolerance!r} is no amount such as 0.01")
    message = str(body.get("message", _said(*sides)))
    return Reconcile(name, key, sides[0], sides[1], tolerance, " ".join(message.split()))


def _said(header: Side, lines: Side) -> str:
    return f"{header.amount} of {header.table} must be the sum of {lines.amount} of {lines.table}"


def _side(at: str, body: Any, key: tuple[str, ...], tables: Mapping[str, Collection[str]]) -> Side:  # noqa: ANN401 - of YAML
    if not isinstance(body, dict) or set(body) != _SIDE or not isinstance(body["amount"], str):
        raise ConfigError(f"{at}: takes table and amount, as in {{table: order_lines, amount: price * quantity}}")
    table = str(body["table"])
    if table not in tables:
        known = ", ".join(tables)
        raise ConfigError(f"{at}.table: there is no iceberg table {table!r} in this pipeline; there are {known}")
    lacking = [column for column in key if column not in tables[table]]
    if lacking:
        raise ConfigError(f"{at}: {table} has no column {', '.join(lacking)} to be matched on")
    return Side(table, " ".join(body["amount"].split()))
