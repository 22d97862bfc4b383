"""Whether a statement is worth reading at all: told from its text, as loading a parser costs more than most queries."""

from __future__ import annotations

import re
from typing import Final

from orderlake.query.grain.facts import Grains

_ADDS: Final = re.compile(r"\b(sum|avg|mean|fsum|favg|sumkahan|kahan_sum|sum_no_overflow)\s*\(", re.IGNORECASE)
_DISTINCT: Final = re.compile(r"\bdistinct\b|\bunnest\b|\blateral\b|\bunion\b", re.IGNORECASE)
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
    tables = [grains.tables[word] for word in known if word in grains.tables]
    several = len(known) > 1 or len(known) > len(tables)
    return bool(known) and (several or any(len(one.levels) > 1 for one in tables) or _DISTINCT.search(sql) is not None)
