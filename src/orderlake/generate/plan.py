"""What was asked for: one value handed to every writer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

BATCH: Final = 1_000
"""Records held in memory at once, and the steps in which progress is told."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`orders` records over `days` days from `start`; `told` hears how many are written so far."""

    orders: int
    seed: int
    start: date
    days: int
    told: Callable[[int], None] | None = None

    def tell(self, written: int) -> None:
        """Tell the listener, if there is one, that `written` orders are out."""
        if self.told is not None:
            self.told(written)
