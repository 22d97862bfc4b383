"""A record's text as Python has it, with exact numbers, and with what is wrong with its keys."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from orderlake.infer.places import Doubled


def parsed(text: bytes) -> Any:  # noqa: ANN401 - JSON
    """A record as Python has it, its numbers exact; ValueError or RecursionError when it is no JSON."""
    record = json.loads(text.decode(), parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_object)
    if b"\\u" in text:
        json.dumps(record, ensure_ascii=False, default=str).encode()  # a lone surrogate is no text
    return record


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    keys = [key for key, _ in pairs]
    doubled = Doubled(found)
    doubled.names = frozenset(key for key in found if keys.count(key) > 1)
    return doubled
