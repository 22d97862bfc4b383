"""The careful CSV reader: rows one by one, each with its line and text, and what is wrong with it.

Used only where DuckDB's strict reader refused. A quote that is never closed costs the one row it
stands in: the lines after that row are read again as rows of their own.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from orderlake.errors import UnreadableObjectError
from orderlake.kernel.scan import Text

MAX_ROW: Final = 4 << 20
"""The longest row (bytes), for the careful reader as for DuckDB's own."""

NO_CSV: Final = "is not CSV"


@dataclass(frozen=True, slots=True)
class Row:
    """A row after the header: its number among those not blank, and line (from 1), cells, text, what is wrong."""

    number: int
    line: int
    cells: list[str]
    raw: str
    wrong: str | None
    at: int = 0
    """The byte of the text that it begins at; it takes `size` bytes, its end included."""
    size: int = 0


def careful_rows(text: Text, delimiter: str, width: int) -> Iterator[Row]:
    """The rows after the text's first, a header of `width` fields; blank rows are left out."""
    csv.field_size_limit(2 * MAX_ROW)
    lines = _Lines(text)
    lines.row(delimiter)
    number = 0
    while (found := lines.row(delimiter)) is not None:
        cells, wrong = found
        if wrong is None and not any(cell.strip() for cell in cells):
            continue
        number += 1
        if wrong is None and len(cells) != width:
            wrong = f"has {len(cells)} fields where the header has {width}"
        yield Row(number, lines.start, cells, lines.raw, wrong, lines.place, lines.size)


class _Lines:
    """A text's lines, of which some can be given back."""

    def __init__(self, text: Text) -> None:
        self._fresh = _split(text.chunks())
        self._back: list[bytes] = []
        self._taken: list[bytes] = []
        self._size = 0
        self._next = text.line
        self.start = 0
        """The line that the last row starts on."""
        self.place = 0
        """The byte that the last row starts at."""
        self._end = 0

    def row(self, delimiter: str) -> tuple[list[str], str | None] | None:
        """The next row's cells and what is wrong with it; None at the end."""
        self.start, self.place, self._taken, self._size = self._next, self._end, [], 0
        try:
            cells = self._parsed(delimiter)
            if cells is not None and any(_is_quoted_after_blanks(cell) for cell in cells):
                self._give_back(0)
                skipped = self._parsed(delimiter, skip=True) or []
                pairs = zip(cells, skipped, strict=False)
                alike = len(cells) == len(skipped)
                cells = [bare if _is_quoted_after_blanks(cell) else cell for cell, bare in pairs] if alike else skipped
        except csv.Error as error:
            return self._one_line(delimiter, str(error))
        return None if cells is None else (cells, self._damage())

    def _parsed(self, delimiter: str, *, skip: bool = False) -> list[str] | None:
        return next(csv.reader(self._texts(), delimiter=delimiter, strict=True, skipinitialspace=skip), None)

    def _give_back(self, keep: int) -> None:
        """Let the lines of the row after the first `keep` be read again."""
        self._back += reversed(self._taken[keep:])
        self._next -= len(self._taken) - keep
        self._size -= sum(map(len, self._taken[keep:]))
        self._end -= sum(map(len, self._taken[keep:]))
        del self._taken[keep:]

    @property
    def size(self) -> int:
        """The bytes that the last row takes."""
        return self._end - self.place

    @property
    def raw(self) -> str:
        """The last row's text; bytes that are no UTF-8 are written as codes."""
        return b"".join(self._taken).decode(errors="backslashreplace").rstrip("\r\n").replace("\0", "\\x00")

    def _texts(self) -> Iterator[str]:
        while self._size <= MAX_ROW:
            line = self._back.pop() if self._back else next(self._fresh, b"")
            if not line:
                return
            self._taken.append(line)
            self._size += len(line)
            self._end += len(line)
            self._next += 1
            yield line.decode(errors="backslashreplace").replace("\0", "\\x00")

    def _one_line(self, delimiter: str, error: str) -> tuple[list[str], str | None]:
        """A row that does not parse ends where its first line does, so that those after it are not lost with it."""
        self._give_back(1)
        text = self.raw
        spaced = re.sub(rf'" +(?={re.escape(delimiter)}|$)', '"', text)  # DuckDB takes blanks after a quoted field
        if spaced != text:
            try:
                return next(
                    csv.reader([spaced], delimiter=delimiter, strict=True, skipinitialspace=True)
                ), self._damage()
            except csv.Error:
                pass
        return [], f"{NO_CSV}: {error}"

    def _damage(self) -> str | None:
        if any(b"\0" in line for line in self._taken):
            return "holds a NUL byte"
        try:
            b"".join(self._taken).decode()
        except UnicodeDecodeError:
            return "is not valid UTF-8"
        return None


def _is_quoted_after_blanks(cell: str) -> bool:
    """DuckDB takes blanks before a quoted field, and keeps those before any other."""
    return cell[:1] == " " and cell.lstrip(" ")[:1] == '"'


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their ends; a lone carriage return ends a line in a text whose first line has no other end."""
    rest, end = b"", b""
    for chunk in chunks:
        text = rest + chunk
        if not end:
            end = b"\r" if b"\r" in text and b"\n" not in text else b"\n"
        parts = text.split(end)
        rest = parts.pop()
        if len(rest) > MAX_ROW:
            raise UnreadableObjectError(f"holds a line longer than {MAX_ROW >> 20} MiB")
        for part in parts:
            yield part + end
    if rest:
        yield rest
