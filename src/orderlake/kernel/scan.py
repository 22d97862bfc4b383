"""The careful reader: finds each record's own text, even when some of them are not valid JSON.

Used only for a share that DuckDB's strict reader refused. It counts brackets outside strings, so a
record that is balanced but wrong inside is set aside alone, and its neighbours load.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from orderlake.errors import UnreadableObjectError

MAX_RECORD: Final = 64 << 20
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}\[\]]', re.DOTALL)
_OPEN, _CLOSE = b"{[", b"}]"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record's text, its byte offset, and the line (from 1) it starts on."""

    text: bytes
    offset: int
    line: int


def lines(chunks: Iterable[bytes]) -> Iterator[RawRecord]:
    """One record per line that is not blank."""
    offset, number = 0, 0
    for line in _split_lines(chunks):
        number += 1
        if line.strip():
            yield RawRecord(line.strip(), offset, number)
        offset += len(line)


def _split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        if len(rest) > MAX_RECORD:
            raise UnreadableObjectError(f"a line is longer than {MAX_RECORD >> 20} MiB")
        for part in parts:
            yield part + b"\n"
    if rest:
        yield rest


def records(chunks: Iterable[bytes], *, array: bool) -> Iterator[RawRecord]:
    """The balanced values of an array, or of values in a row; UnreadableObjectError where brackets do not balance."""
    return _Scanner(iter(chunks), array=array).run()


class _Scanner:
    def __init__(self, chunks: Iterator[bytes], *, array: bool) -> None:
        self._chunks = chunks
        self._array = array
        self._buffer = b""
        self._dropped = 0
        """Bytes before the buffer."""
        self._line = 1
        self._counted = 0
        """How far into the buffer `_line` has counted newlines."""
        self._gap = 0
        """Where the text since the last record starts."""
        self._inside = False

    def run(self) -> Iterator[RawRecord]:
        start = depth = position = 0
        ended = False
        while not ended:
            ended = not self._more()
            for token in _TOKEN.finditer(self._buffer, position):
                mark = token[0]
                if mark == b'"':  # a string that the buffer does not hold to its end
                    position = token.start()
                    break
                position = token.end()
                if mark in (b"{", b"["):
                    if depth == 0 and self._array and not self._inside and mark == b"[":
                        self._inside = True
                        self._gap = position
                        continue
                    if depth == 0:
                        yield from self._between(token.start())
                        start = token.start()
                    depth += 1
                elif mark in (b"}", b"]"):
                    if depth == 0:
                        self._close(mark, position)
                        continue
                    depth -= 1
                    if depth == 0:
                        yield self._record(start, position)
                        self._gap = position
            keep = start if depth else min(self._gap, position)
            if depth and len(self._buffer) - start > MAX_RECORD:
                raise UnreadableObjectError(f"the record at byte {self._dropped + start} is longer than {MAX_RECORD >> 20} MiB")
            self._drop(keep)
            start, position, self._gap = max(0, start - keep), position - keep, max(0, self._gap - keep)
        if depth or (self._array and self._inside):
            raise UnreadableObjectError(f"the JSON ends at byte {self._dropped + len(self._buffer)} inside a record or its array: was the upload cut short?")
        yield from self._between(len(self._buffer))

    def _more(self) -> bool:
        chunk = next(self._chunks, b"")
        self._buffer += chunk
        return bool(chunk)

    def _drop(self, count: int) -> None:
        self._line_at(count)
        self._buffer = self._buffer[count:]
        self._dropped += count
        self._counted = 0

    def _line_at(self, position: int) -> int:
        if position > self._counted:
            self._line += self._buffer.count(b"\n", self._counted, position)
            self._counted = position
        return self._line

    def _record(self, start: int, end: int) -> RawRecord:
        return RawRecord(self._buffer[start:end], self._dropped + start, self._line_at(start))

    def _close(self, mark: bytes, position: int) -> None:
        if self._array and self._inside and mark == b"]":
            self._inside = False
            return
        raise UnreadableObjectError(f"a {mark.decode()} at byte {self._dropped + position - 1} closes nothing")

    def _between(self, end: int) -> Iterator[RawRecord]:
        """What stands between records and is no separator is a record too: one that cannot be loaded."""
        text = self._buffer[self._gap : end]
        stray = text.replace(b"]", b" ").strip(b", \t\r\n") if self._array else text.strip()
        if stray:
            at = self._gap + text.find(stray[:1])
            for part in stray.split(b","):
                if part.strip():
                    yield RawRecord(part.strip(), self._dropped + at, self._line_at(at))
        self._gap = end
