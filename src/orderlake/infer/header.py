"""How a CSV file is written, when no pipeline tells what its columns are called: delimiter and header, by its rows."""

from __future__ import annotations

import csv
import io
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from orderlake.errors import UnreadableObjectError
from orderlake.infer.scalars import Scalars
from orderlake.kernel.sniff import Dialect

_DELIMITERS: Final = (",", ";", "\t", "|")
_PREAMBLE: Final = 20
"""As the reader has it: so many rows may stand before the header."""
_ROWS: Final = 200
_NAMED: Final = 0.6
"""The share of a header's cells that must be names."""


def header_of(head: bytes) -> Dialect | None:
    """Tell the dialect from a file's beginning; None for a file without any text.

    The header is the first of the first 20 rows that is as wide as most. UnreadableObjectError when that is no row of
    names.
    """
    text = head.decode(errors="replace")
    if not text.strip():
        return None
    if "\0" in text:
        raise UnreadableObjectError("is neither JSON nor CSV: it holds NUL bytes")
    found = [each for delimiter in _DELIMITERS if (each := _candidate(head, text, delimiter)) is not None]
    if not found:
        raise UnreadableObjectError("is neither JSON nor CSV")
    best = max(found, key=lambda each: (each.score > 0 and _is_named(each.dialect), each.score))
    if not _is_named(best.dialect):
        first = ", ".join(best.dialect.header[:8])
        raise UnreadableObjectError(
            f"has no header: its first row is {first}; put a row with the columns' names above it"
        )
    return best.dialect


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a file would be under one delimiter; the `score` is how much of it that explains."""

    dialect: Dialect
    score: int


def _candidate(head: bytes, text: str, delimiter: str) -> _Candidate | None:
    rows = _rows(text, delimiter)
    widths = Counter(len(row) for _, row in rows)
    # The widest of the usual widths: prose above the table may have no delimiter in it, or a few.
    width, count = max(widths.items(), key=lambda each: (each[1] * (each[0] - 1), each[1]))
    for line, row in rows[:_PREAMBLE]:
        if len(row) == width:
            names = tuple(cell.strip() for cell in row)
            start = sum(len(part) for part in head.splitlines(keepends=True)[:line])
            return _Candidate(Dialect(delimiter, start, names), count * (width - 1))
    return None


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line (from 0) it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows: list[tuple[int, list[str]]] = []
    line = 0
    with suppress(csv.Error):
        for row in reader:
            if row and any(cell.strip() for cell in row):
                rows.append((line, row))
            line = reader.line_num
            if len(rows) == _ROWS:
                break
    return rows or [(0, [""])]


def _is_named(dialect: Dialect) -> bool:
    """Whether a header's cells are names, and not values: a file that begins with its data has no header."""
    names = 0
    for cell in dialect.header:
        seen = Scalars()
        seen.add(cell)
        names += bool(cell) and not seen.spelled.count and seen.times.formatted + seen.times.days == 0
    return names >= _NAMED * len(dialect.header)
