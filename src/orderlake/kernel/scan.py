"""The careful reader: finds each record's own text, even when some of them are not valid JSON.

Used only for a share that DuckDB's strict reader refused. It counts brackets outside strings, so a
record that is balanced but wrong inside is set aside alone, and its neighbours load. Where brackets do
not balance, lines that begin as records do still tell where records begin (`kernel/lines.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orderlake.errors import UnreadableObjectError
from orderlake.kernel.sniff import Dialect, Layout

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_RECORD: Final = 16 << 20
"""The largest record (bytes), for the careful reader as for DuckDB's own."""
LIMIT: Final = f"{MAX_RECORD >> 20} MiB"
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
_OPEN: Final = (b"{", b"[")
_CLOSE: Final = (b"}", b"]")


@dataclass(frozen=True, slots=True)
class Text:
    """A share's text, to be gone through as often as needed: `byte` and `line` tell where in its file it begins."""

    chunks: Callable[[], Iterable[bytes]]
    layout: Layout
    byte: int = 0
    line: int = 1
    is_cut: bool = False
    """Whether it begins or ends at a border between two records, or what was taken for one."""
    dialect: Dialect | None = None
    """How it is written when it is CSV."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record's text, the line (from 1) it starts on, and what is wrong with it, if that is known already."""

    text: bytes
    line: int
    wrong: str = ""


class UnbalancedError(ValueError):
    """The brackets of a text do not balance, so it does not tell where its records are."""


def records(text: Text) -> Iterator[RawRecord]:
    """The balanced values of an array, or of values in a row; UnbalancedError where brackets do not balance."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: Text) -> None:
        self._chunks = iter(text.chunks())
        self._array = text.layout == "array"
        self._buffer = b""
        self._dropped = text.byte
        """Bytes before the buffer."""
        self._line = text.line
        self._counted = 0
        """How far into the buffer `_line` has counted newlines."""
        self._position = 0
        """How far into the buffer brackets are counted."""
        self._gap = 0
        """Where the text since the last record starts."""
        self._start = 0
        """Where the open record starts, if `_depth`."""
        self._depth = 0
        self._inside = False
        """Whether the array's own bracket is open."""

    def run(self) -> Iterator[RawRecord]:
        while chunk := next(self._chunks, b""):
            self._buffer += chunk
            for token in _TOKEN.finditer(self._buffer, self._position):
                if token[0] == b'"':  # a string that the buffer does not hold to its end
                    self._position = token.start()
                    break
                self._position = token.end()
                if token[0] in _OPEN:
                    yield from self._opened(token[0])
                elif token[0] in _CLOSE:
                    yield from self._closed(token[0])
            self._drop(self._start if self._depth else min(self._gap, self._position))
        if self._depth or self._inside:
            end = self._dropped + len(self._buffer)
            raise UnbalancedError(f"the JSON ends at byte {end} inside a record or its list: was the upload cut short?")
        yield from self._between(len(self._buffer))

    def _opened(self, mark: bytes) -> Iterator[RawRecord]:
        if self._depth == 0:
            yield from self._between(self._position - 1)
            if self._array and not self._inside and mark == b"[":
                self._inside = True
                self._gap = self._position
                return
            self._start = self._position - 1
        self._depth += 1

    def _closed(self, mark: bytes) -> Iterator[RawRecord]:
        if self._depth > 1:
            self._depth -= 1
        elif self._depth == 1:
            self._depth = 0
            yield RawRecord(self._buffer[self._start : self._position], self._line_at(self._start))
            self._gap = self._position
        elif self._inside and mark == b"]":
            yield from self._between(self._position - 1)
            self._inside = False
            self._gap = self._position
        else:
            raise UnbalancedError(f"the {mark.decode()} at byte {self._dropped + self._position - 1} closes nothing")

    def _between(self, end: int) -> Iterator[RawRecord]:
        """What stands between records and is no separator is a record too: null, or one that cannot be loaded."""
        at = self._gap
        for part in self._buffer[at:end].split(b","):
            text = part.strip()
            if text:
                found = at + part.find(text[:1])
                yield RawRecord(text, self._line_at(found))
            at += len(part) + 1
        self._gap = end

    def _line_at(self, position: int) -> int:
        if position > self._counted:
            self._line += self._buffer.count(b"\n", self._counted, position)
            self._counted = position
        return self._line

    def _drop(self, count: int) -> None:
        if len(self._buffer) - count > MAX_RECORD:
            raise UnreadableObjectError(f"the record at byte {self._dropped + count} is longer than {LIMIT}")
        self._line_at(count)
        self._buffer = self._buffer[count:]
        self._dropped += count
        self._position -= count
        self._counted = 0
        self._start, self._gap = max(0, self._start - count), max(0, self._gap - count)


def is_inside_list(data: Buffer, start: int, end: int) -> bool:
    """Whether the list around the record at `start` ends before `end`."""
    depth = 0
    for token in _TOKEN.finditer(data, start, end):
        depth += (token[0] in _OPEN) - (token[0] in _CLOSE)
        if depth < 0:
            return True
    return False


def is_balanced(text: bytes) -> bool:
    """Whether every bracket and quote of a text is closed."""
    marks = Counter(token[0] for token in _TOKEN.finditer(text))
    return b'"' not in marks and sum(marks[mark] for mark in _OPEN) == sum(marks[mark] for mark in _CLOSE)
