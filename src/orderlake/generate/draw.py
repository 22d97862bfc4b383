"""Seeded chance that gives the same draws on every Python and every machine.

Only `Random.random()` has a sequence that Python promises to keep, and only + - * / and sqrt on floats
round alike everywhere; so nothing here or in the writers uses `choices`, `gauss`, `**`, `hash` or a set's order.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from random import Random
from typing import Final

_MASK: Final = (1 << 64) - 1


def stream(seed: int, name: str) -> Callable[[], float]:
    """Give a source of floats in [0, 1) of its own for each pair of seed and name."""
    # Seeded by text: by int, seeds 1 and -1 would be the same.
    return Random(f"orderlake:{name}:{seed}").random  # noqa: S311 - sample data, no secrets


def scatter(index: int, salt: int) -> int:
    """Mix an index into 64 even bits: a property of the n-th thing, without storing n things."""
    bits = (index * 0x9E3779B97F4A7C15 + salt) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)


def salt(seed: int, name: str) -> int:
    """Give a 64-bit salt for `scatter`, one for each pair of seed and name."""
    return int.from_bytes(blake2b(f"{name}:{seed}".encode(), digest_size=8).digest(), "big")


def hex_id(seed: int, name: str, index: int) -> str:
    """Give the 32 lower-case hex digits that identify the index-th thing of that name."""
    return blake2b(f"{seed}:{name}:{index}".encode(), digest_size=16).hexdigest()


def money(cents: int) -> str:
    """Write cents with two decimals.

    >>> money(200_50)
    '200.50'
    >>> money(5)
    '0.05'
    """
    return f"{cents // 100}.{cents % 100:02d}"
