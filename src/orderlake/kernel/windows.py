"""A stream of records cut into windows at record borders, so that a file of any size passes through little room.

As in `split`, a cut in an array is a guess that reading proves: a window that was cut inside a record is
not balanced, and then the file is staged again, uncut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orderlake.kernel.scan import MAX_RECORD
from orderlake.kernel.sniff import CHUNK, Layout, is_utf8
from orderlake.kernel.split import FIRST_KEY, Share, border_of, closing_of, envelope_at, last_border, line_border

WINDOW: Final = 32 << 20
_LOOK: Final = 1 << 18
_LOOK_BACK: Final = 4 << 20
"""How far from a window's end (bytes) a border between two records is looked for."""
_LONGEST: Final = 3
"""So many windows' worth of bytes are held before it is given up that a border will come."""


class UncuttableError(Exception):
    """The text is not what its head looked like: it has to be read as a whole."""


@dataclass
class Windows:
    """Cuts the text of a file (chunks of UTF-8) into shares, each a file of its own in `folder`.

    `layout` is that of the file's head. Windows are made one at a time: remove one before the next is asked for.
    """

    folder: Path
    layout: Layout
    envelope: tuple[str, ...]
    size: int = WINDOW
    _line: int = 1
    _byte: int = 0
    _number: int = 0
    _is_wrapped: bool = False

    def cut(self, chunks: Iterable[bytes]) -> Iterator[Share] | None:
        """The windows in order; None when this layout cannot be cut."""
        stream = _Stream(iter(chunks))
        stream.fill(self.size)
        if self.layout in ("lines", "values") and self.envelope:
            found = envelope_at(bytes(stream.held[: 1 << 18]), self.envelope)
            if found is not None and stream.held[found : found + 1] == b"[":
                self._skip(stream, found)
                self._is_wrapped = True
                return self._array(stream)
        if self.layout == "lines":
            return self._lines(stream)
        if self.layout == "array":
            return self._array(stream)
        return None

    def _lines(self, stream: _Stream) -> Iterator[Share]:
        while stream.held:
            end = len(stream.held)
            while not stream.ended:
                end = line_border(stream.held, 0, len(stream.held), last=True)
                if not end and len(stream.held) > 2 * MAX_RECORD:
                    end = stream.held.rfind(b"\n") + 1
                if end:
                    break
                self._more(stream)  # one record is longer than a window
                end = len(stream.held)
            yield self._share(stream, end, b"", b"")
            stream.fill(self.size)

    def _array(self, stream: _Stream) -> Iterator[Share]:
        while b"[" not in stream.held:
            self._more(stream)
        self._skip(stream, stream.held.index(b"[") + 1)
        while (key := FIRST_KEY.match(stream.held)) is None and not stream.ended:
            self._more(stream)
        border = None if key is None else border_of(key[1])
        while stream.held:
            cut = None
            while not stream.ended:
                cut = None if border is None else self._border(stream.held, border)
                if cut is not None:
                    break
                self._more(stream)
            end = self._end(stream.held) if cut is None else cut
            yield self._share(stream, end, b"[", b"]")
            if cut is None:
                return
            self._skip(stream, 1)  # the comma
            stream.fill(self.size)

    def _more(self, stream: _Stream) -> None:
        if stream.ended or len(stream.held) > _LONGEST * self.size:
            raise UncuttableError
        stream.fill(len(stream.held) + self.size)

    def _border(self, held: bytearray, border: re.Pattern[bytes]) -> int | None:
        """The last comma that looks like one between two records."""
        look = min(_LOOK, self.size // 8)
        return last_border(held, border, max(0, len(held) - _LOOK_BACK), len(held), look)

    def _end(self, held: bytearray) -> int:
        """Where the bracket is that closes the array; UncuttableError when more, or less, than an end follows."""
        if self._is_wrapped:
            tail_at = max(0, len(held) - _LOOK)
            found = closing_of(bytes(held[tail_at:]), b"]")
            closing = -1 if found is None else tail_at + found
        else:
            closing = held.rfind(b"]")
            if held[closing + 1 :].strip():
                closing = -1
        if closing < 0:
            raise UncuttableError
        return closing

    def _share(self, stream: _Stream, end: int, before: bytes, after: bytes) -> Share:
        path = self.folder / f"window-{self._number}"
        self._number += 1
        with memoryview(stream.held) as held, held[:end] as window:
            # An old encoding is told from a whole file: no window of it may be taken for text in another one.
            if not is_utf8(window[at : at + CHUNK] for at in range(0, end, CHUNK)):
                raise UncuttableError
            path.write_bytes(window)
        layout: Layout = "array" if before else "lines"
        share = Share(path, layout, 0, end, before, after, whole=not before, line=self._line, origin=self._byte)
        self._skip(stream, end)
        return share

    def _skip(self, stream: _Stream, count: int) -> None:
        self._line += stream.held.count(b"\n", 0, count)
        self._byte += count
        del stream.held[:count]


class _Stream:
    """Chunks gathered until there are enough."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.held = bytearray()
        self.ended = False

    def fill(self, size: int) -> None:
        """Hold at least `size` bytes, fewer only at the end."""
        while len(self.held) < size and not self.ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.ended = True
            else:
                self.held += chunk
