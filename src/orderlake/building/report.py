"""What a build tells: each step as it is done, and what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Step:
    """One node of dbt, done: `kind` is dbt's word for it (model, test, seed, snapshot), `at` of `total` its number."""

    kind: str
    name: str
    status: Literal["ok", "warned", "failed", "skipped"]
    seconds: float
    at: int
    total: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class BuiltMart:
    """A published mart; `written` is False where its rows are as they were, and its file stayed.

    `rows` is None where only a query would tell.
    """

    name: str
    rows: int | None
    written: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How a build went. `unchanged`: neither tables nor models have changed since the build that is published."""

    status: Literal["published", "unchanged"]
    build: str
    marts: Sequence[BuiltMart]
    steps: Sequence[Step] = ()
    full_refresh: bool = False
    seconds: float = 0.0
    docs: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "status": self.status,
            "build": self.build,
            "marts": [mart.as_dict() for mart in self.marts],
            "steps": [step.as_dict() for step in self.steps],
            "full_refresh": self.full_refresh,
            "seconds": round(self.seconds, 3),
            "docs": self.docs,
        }
