"""Cells in the text of a CSV row, and the same text with some of them blank: just as long, and read as NULL."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orderlake.erasing.json_text import Measure


def cells(row: str, delimiter: str) -> Iterator[tuple[int, int]]:
    """Where each cell of a row begins and ends, its quotes included.

    >>> list(cells('1,"a ""b"", c",', ","))
    [(0, 1), (2, 14), (15, 15)]
    """
    start = 0
    while True:
        at = start + len(row[start:]) - len(row[start:].lstrip(" "))
        if row[at : at + 1] == '"':
            at = _closing(row, at + 1) + 1
        end = row.find(delimiter, at)
        if end < 0:
            yield start, len(row)
            return
        yield start, end
        start = end + 1


def _closing(row: str, at: int) -> int:
    """Where the quote stands that ends a quoted cell; the row's end where none does."""
    while (found := row.find('"', at)) >= 0:
        if row[found + 1 : found + 2] != '"':
            return found
        at = found + 2
    return len(row)


def blanked(row: str, delimiter: str, places: Collection[int], size: Measure) -> str:
    """The row with blanks for the cells at these places (from 0)."""
    spans = list(cells(row, delimiter))
    for place in sorted(places, reverse=True):
        if place < len(spans):
            start, end = spans[place]
            row = f"{row[:start]}{' ' * (size(row[start:end]) // size(' '))}{row[end:]}"
    return row
