"""Whether a statement is worth reading at all: told from its text, as loading a parser costs more than most queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orderlake.query.grain.facts import Grains, TableGrain

_ADDS: Final = re.compile(r"\b(sum|avg|mean|fsum|favg|sumkahan|kahan_sum|sum_no_overflow)\s*\(", re.IGNORECASE)
_ANYWAY: Final = re.compile(r"\b(distinct|unnest|lateral|join|over|values)\b", re.IGNORECASE)
"""What may repeat or merge the rows of a single table."""
_NUMBERS: Final = ("DECIMAL", "DOUBLE", "FLOAT", "INTEGER", "BIGINT")
_WORD: Final = re.compile(r"\w+")


def adds_up(sql: str) -> bool:
    """Whether a statement may have a sum or an average.

    >>> adds_up("SELECT SUM (x) FROM t"), adds_up("SELECT count(*) FROM summary")
    (True, False)
    """
    return _ADDS.search(sql) is not None


def worth_reading(sql: str, grains: Grains) -> bool:
    """Whether a statement adds something up, over a table that repeats it or over more than one table.

    >>> worth_reading("SELECT count(*) FROM orders", Grains())
    False
    """
    if not adds_up(sql):
        return False
    words = [word.lower() for word in _WORD.findall(sql)]
    known = [word for word in words if word in grains]
    if len(known) != 1 or known[0] in grains.views:
        return bool(known)
    return _ANYWAY.search(sql) is not None or not set(words).isdisjoint(_repeated(grains.tables[known[0]]))


def _repeated(table: TableGrain) -> Iterator[str]:
    """The measures of a table that its rows repeat."""
    last = len(table.levels) - 1
    for name, fact in table.columns.items():
        if fact.level < last and fact.type.startswith(_NUMBERS) and not name.endswith("_id"):
            yield name
