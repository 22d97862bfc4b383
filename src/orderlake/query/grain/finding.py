"""What the lint says of one measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FanOut:
    """A measure that a statement counts more than once, or not each time.

    `message` says why, for people; `instead` is the statement put right, empty where that takes thought.
    """

    column: str
    table: str
    message: str
    instead: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}
