"""Rows as aligned columns, cut to the terminal's width only when there is a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from typing import Final
from unicodedata import combining, east_asian_width

_GAP: Final = "  "
_LEAST: Final = 12
"""No column is cut below this, so that a date stays whole; numbers are not cut at all."""


def print_grid(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> None:
    """Print rows under their header; the columns named in `right` are aligned to the right."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in grid(header, rows, right, width):
        print(line)


def grid(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str], width: int | None
) -> Iterator[str]:
    r"""The lines of a table; cells are cut when `width` is given and the line would be longer.

    >>> print("\n".join(grid(["name", "rows"], [["orders", "12"], ["lines", "120"]], {"rows"}, None)))
    name    rows
    ------  ----
    orders    12
    lines    120
    """
    lines = [[visible(cell) for cell in line] for line in (header, *rows)]
    widths = [max(_width(line[at]) for line in lines) for at in range(len(header))]
    if width is not None:
        widths = _fitted(widths, width, {at for at, name in enumerate(header) if name in right})
    lines.insert(1, ["-" * column for column in widths])
    for line in lines:
        cells = (
            _padded(_cut(cell, column), column, right=name in right)
            for name, cell, column in zip(header, line, widths, strict=True)
        )
        yield _GAP.join(cells).rstrip()


def shortened(text: str, most: int) -> str:
    r"""A text on one line, cut to `most` columns.

    >>> shortened("a\nlong story", 8)
    'a\\nlong…'
    """
    return _cut(visible(text), most)


def visible(text: str) -> str:
    """Line ends and other control characters as escapes: data must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii") for mark in text)


def _fitted(widths: list[int], width: int, fixed: Collection[int]) -> list[int]:
    """Narrow the widest columns until the line fits; those in `fixed` stay, and none goes below the least."""
    fitted = list(widths)
    free = [at for at in range(len(fitted)) if at not in fixed and fitted[at] > _LEAST]
    while free and (over := sum(fitted) + len(_GAP) * (len(fitted) - 1) - width) > 0:
        widest = max(fitted[at] for at in free)
        wide = [at for at in free if fitted[at] == widest]
        below = max((fitted[at] for at in free if fitted[at] < widest), default=_LEAST)
        target = max(below, widest - -(-over // len(wide)))
        for at in wide:
            fitted[at] = target
        free = [at for at in free if fitted[at] > _LEAST]
    return fitted


def _cut(text: str, column: int) -> str:
    if _width(text) <= column:
        return text
    kept, used = "", 0
    for mark in text:
        used += _mark_width(mark)
        if used > column - 1:
            break
        kept += mark
    return kept + "…"


def _padded(text: str, column: int, *, right: bool) -> str:
    space = " " * (column - _width(text))
    return space + text if right else text + space


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(_mark_width(mark) for mark in text)


def _mark_width(mark: str) -> int:
    if combining(mark):
        return 0
    return 2 if east_asian_width(mark) in "WF" else 1
