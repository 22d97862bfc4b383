"""A check: what is expected of a table's rows, or of a file as a whole, and what is done where it does not hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Action = Literal["warn", "quarantine", "drop", "fail"]
Kind = Literal[
    "not_null",
    "range",
    "accepted_values",
    "pattern",
    "expect",
    "unique",
    "row_count",
    "freshness",
    "null_share",
    "relationship",
]
ROW_KINDS: Final = frozenset({"not_null", "range", "accepted_values", "pattern", "expect"})
"""What is told of one row alone, so that the record it is of can be set aside."""
MOST_ROW_CHECKS: Final = 62
"""Of one source: each is a bit of a whole number."""
_OF_CHECK: Final = re.compile(r" \(check \w+\.\w+\)(; |\Z)")


@dataclass(frozen=True, slots=True)
class Check:
    """One declared check of a table.

    `columns` are those it is about, `limits` its bounds as text (`min`, `max`, `above`, `below`), `values` what is
    accepted, `text` its SQL expression or regular expression, `to` the table and column that a relationship leads to,
    `seconds` how old a file's newest row may be. NULL fails it unless `allow_null`.
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    on_fail: Action = "warn"
    message: str = ""
    allow_null: bool = False
    limits: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    text: str = ""
    to: tuple[str, str] = ("", "")
    seconds: int = 0

    @property
    def is_of_rows(self) -> bool:
        """Whether it is told of each row alone."""
        return self.kind in ROW_KINDS

    @property
    def takes_out(self) -> bool:
        """Whether a record that fails it enters no table."""
        return self.on_fail in ("quarantine", "drop")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found in one file: `checked` rows (or 1 for the file as a whole), of which `failed` did not hold.

    `examples` are the numbers of the first records that fail, `measured` what was found of a file as a whole.
    """

    name: str
    table: str
    kind: str
    on_fail: str
    checked: int
    failed: int
    message: str
    examples: tuple[int, ...] = ()
    measured: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, in the order people read them."""
        return {
            "name": self.name,
            "table": self.table,
            "kind": self.kind,
            "on_fail": self.on_fail,
            "checked": self.checked,
            "failed": self.failed,
            "message": self.message,
            "examples": list(self.examples),
            "measured": self.measured,
        }


def complaint(field: str, reason: str) -> str:
    """A field and what is said of it, as one sentence; a check's message stands for itself, after a colon.

    >>> complaint("total", "is missing")
    'total is missing'
    >>> complaint("total", "total must be at least 0 (check orders.total_is_sane)")
    'total: total must be at least 0 (check orders.total_is_sane)'
    >>> complaint("", "is not valid JSON")
    'is not valid JSON'
    """
    if not field:
        return reason
    return f"{field}{': ' if _OF_CHECK.search(reason) else ' '}{reason}"
