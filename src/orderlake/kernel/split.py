"""From a source object to shares: plain UTF-8 text, cut at record borders, so that every core reads.

An array is cut on a guess: after a `}`, a comma, and a `{` followed by the first record's first key,
unless a list soon ends that it does not begin. The guess needs no proof, because reading is one. Each
share is closed with a `]` of its own; a cut that is not between two records leaves a bracket or a string
open, and then DuckDB refuses the share before it. By induction, if every share reads, every cut was
right. The careful reader counts the same brackets; where it finds a share torn, the file is staged again
as a whole. In a share that is refused, a few records are at fault as a rule: it is cut further, and only
the pieces that are refused again are read with care.
"""

from __future__ import annotations

import codecs
import csv
import json
import mmap
import os
import re
import sys
from bisect import bisect_right, insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from orderlake.errors import UnreadableObjectError
from orderlake.kernel.scan import MAX_RECORD, Text, is_inside_list
from orderlake.kernel.sniff import CHUNK, Dialect, Layout, is_utf8, json_layout, legacy_encoding

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

SHARE: Final = 64 << 20
SMALL: Final = 8 << 20
PIECE: Final = 2 << 20
_ENDS: Final = 1 << 18
"""How far from either end of a file (bytes) the border of its envelope may lie."""
FIRST_KEY = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:')
_SEARCH: Final = 8 << 20
_LOOK: Final = 1 << 18
"""How far to look (bytes) for the end of a list that a border might lie in, or for rows that follow one."""
_ROWS: Final = 10
"""So many rows as wide as the header make a border between rows likely."""
_TRIES: Final = 200
"""Lines that are tried for such a border."""


@dataclass(frozen=True, slots=True)
class Share:
    """Bytes [start, end) of a plain file, put between `before` and `after` to be readable alone."""

    path: Path
    layout: Layout
    start: int
    end: int
    before: bytes = b""
    after: bytes = b""
    whole: bool = False
    """Whether the file itself can be read in place."""
    is_firm: bool = False
    """Whether it is not to be cut any further: borders are hard to tell in it."""
    dialect: Dialect | None = None
    """How a CSV file is written."""
    line: int = 1
    """The line of the source that the path's first byte is in: more than 1 where the path holds a part of it."""
    origin: int = 0
    """The byte of the source that the path's first byte is."""

    @property
    def is_cut(self) -> bool:
        """Whether it was cut on a guess: a part of an array, put in brackets, or of rows, put below the header."""
        return bool(self.before)


def shares(path: Path, workers: int, envelope: tuple[str, ...], most: int | None = None) -> list[Share]:
    """Cut a plain JSON file into shares, in order, `most` at most; one when it is small, or `workers` is 0."""
    size = path.stat().st_size
    layout = json_layout(path)
    if layout == "empty":
        return []
    if layout == "array":
        _check_end(path, size)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = _unwrap(data, size, envelope) if layout in ("values", "lines") and envelope else None
        start, end, layout = found or (0, size, layout)
        share = Share(path, layout, start, end, whole=found is None, is_firm=workers == 0)
        count = count_of(end - start, workers)
        return _cut(data, share, count if most is None else min(count, most))


def row_shares(path: Path, dialect: Dialect, workers: int, most: int | None = None) -> list[Share]:
    """Cut a plain CSV file into shares as `shares` does; each but an only one is read after the header, put before it.

    A line need not begin a row: it may lie within quotes. So this is a guess too, made where rows as wide as the header
    follow; a wrong one leaves a quote open, which reading refuses.
    """
    size = path.stat().st_size
    share = Share(path, "csv", dialect.start, size, whole=dialect.start == 0, is_firm=workers == 0, dialect=dialect)
    count = count_of(size - dialect.start, workers)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _cut(data, share, count if most is None else min(count, most))


def _check_end(path: Path, size: int) -> None:
    """An array that ends after a comma lacks records: the engine would not miss them."""
    with path.open("rb") as file:
        file.seek(max(0, size - _ENDS))
        if file.read().rstrip().endswith(b","):
            raise UnreadableObjectError(f"the JSON ends at byte {size} inside its list: was the upload cut short?")


def pieces(share: Share) -> list[Share]:
    """Cut a share further, so that something out of the ordinary can be looked for in a small piece."""
    count = 1 + (share.end - share.start) // PIECE
    if count == 1 or share.is_firm:
        return [share]
    with share.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _cut(data, share, count)


def count_of(size: int, workers: int) -> int:
    """Into how many shares a text of so many bytes is cut; 1 when it is small, or `workers` is 0."""
    if size <= SMALL * 2 or workers == 0:
        return 1
    count = max(workers, -(-size // SHARE))
    return -(-count // workers) * workers


def _cut(data: mmap.mmap, share: Share, count: int) -> list[Share]:
    if count > 1 and share.layout == "lines":
        cuts = _line_cuts(data, share.start, share.end, count)
        return [replace(share, start=a, end=b, whole=False) for a, b in pairwise(cuts) if b > a]
    if count > 1 and share.layout == "array":
        commas = _array_cuts(data, share, count)
        part = replace(share, before=b"[", after=b"]", whole=False)
        return [replace(part, start=a + 1, end=b) for a, b in pairwise(commas)] or [share]
    if count > 1 and share.dialect is not None:
        return _row_cuts(data, share, share.dialect, count)
    return [share]


def _row_cuts(data: mmap.mmap, share: Share, dialect: Dialect, count: int) -> list[Share]:
    """The shares of a CSV text between lines that look like the first ones of rows."""
    header, start = share.before, share.start
    if not header:
        lines = _Rows(data, share.start, share.end)
        if next(csv.reader(lines, delimiter=dialect.delimiter, skipinitialspace=True), None) is None or lines.is_odd:
            return [share]
        header, start = data[share.start : lines.at], lines.at
    cuts = [start]
    for number in range(1, count):
        wanted = max(cuts[-1], start + (share.end - start) * number // count)
        cut = _row_border(data, dialect, wanted, share.end)
        if cut is not None:
            cuts.append(cut)
    if len(cuts) == 1:
        return [share]
    return [replace(share, start=a, end=b, before=header, whole=False) for a, b in pairwise([*cuts, share.end])]


def _row_border(data: mmap.mmap, dialect: Dialect, start: int, end: int) -> int | None:
    """Where the first line begins that is followed by rows as wide as the header."""
    for _ in range(_TRIES):
        start = data.find(b"\n", start, end) + 1
        if not start or start == end:
            return None
        rows = csv.reader(_Rows(data, start, min(end, start + _LOOK)), delimiter=dialect.delimiter, strict=True)
        try:
            widths = {len(row) for row in islice(rows, _ROWS) if row}
        except csv.Error:
            continue
        if widths == {len(dialect.header)}:
            return start
    return None


class _Rows:
    """The lines of a text from a place on, for a reader of rows; `at` is where the next one begins."""

    def __init__(self, data: mmap.mmap, start: int, end: int) -> None:
        self._data, self.at, self._end = data, start, end
        self.is_odd = False
        """Whether a line ends otherwise than with a line feed, before which there may be a carriage return."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        end = self._data.find(b"\n", self.at, self._end) + 1
        if not end:
            self.is_odd = True
            raise StopIteration
        line = self._data[self.at : end]
        self.is_odd = self.is_odd or b"\r" in line.removesuffix(b"\r\n")
        self.at = end
        return line.decode(errors="backslashreplace").replace("\0", "\\x00")


def _line_cuts(data: mmap.mmap, start: int, end: int, count: int) -> list[int]:
    cuts = [start]
    for number in range(1, count):
        wanted = max(cuts[-1], start + (end - start) * number // count)
        cut = line_border(data, wanted, min(end, wanted + 2 * MAX_RECORD)) or data.find(b"\n", wanted, end) + 1
        if not cut:
            break
        cuts.append(cut)
    return [*cuts, end]


def line_border(data: mmap.mmap | bytearray, start: int, end: int, *, last: bool = False) -> int:
    """Where the first (or last) line begins that certainly begins a record; 0 when there is none.

    A record may lie over several lines, of which none but the first begins with a brace. It is never longer than
    MAX_RECORD, so where that much has no border, any line's end is one.
    """
    return (data.rfind if last else data.find)(b"\n{", start, end) + 1


def _array_cuts(data: mmap.mmap, share: Share, count: int) -> list[int]:
    """The places of the brackets around the records, and of commas between; none when it is no plain array."""
    start, end = share.start, share.end
    opening = start - 1 if share.is_cut else data.find(b"[", start, end)
    closing = end if share.is_cut else data.rfind(b"]", start, end)
    key = FIRST_KEY.match(data, opening + 1)
    if key is None or closing < 0 or data[closing + 1 : end].strip():
        return []
    border = border_of(key[1])
    cuts = [opening]
    for number in range(1, count):
        wanted = max(cuts[-1] + 1, start + (end - start) * number // count)
        cut = _border(data, border, wanted, min(closing, wanted + _SEARCH))
        if cut is not None:
            cuts.append(cut)
    return [*cuts, closing]


def border_of(key: bytes) -> re.Pattern[bytes]:
    """What lies between two records of an array whose records begin with this key; the group is the comma."""
    return re.compile(rb"\}\s*(,)\s*\{\s*" + re.escape(key) + rb"\s*:")


def last_border(data: Buffer, border: re.Pattern[bytes], start: int, end: int, look: int = _LOOK) -> int | None:
    """The last comma in [start, end - look) that looks like one between two records; data goes on to `end`."""
    found = [(match.start(1), match.end(1)) for match in border.finditer(data, start, max(start, end - look))]
    return next((at for at, after in reversed(found) if not is_inside_list(data, after, min(end, after + look))), None)


def _border(data: mmap.mmap, border: re.Pattern[bytes], start: int, end: int) -> int | None:
    """The first comma that looks like the one between two records, and not between the elements of a list in one."""
    while (found := border.search(data, start, end)) is not None:
        start = found.end()
        if not is_inside_list(data, found.end(1), min(end, start + _LOOK)):
            return found.start(1)
    return None


def _unwrap(data: mmap.mmap, size: int, envelope: tuple[str, ...]) -> tuple[int, int, Layout] | None:
    """Find the records inside `{"orders": […]}` or `{"order": {…}}`: their span, and how they lie in it."""
    tail_at = max(0, size - _ENDS)
    for opening in _openings(data[:_ENDS], envelope):
        is_list = data[opening : opening + 1] == b"["
        base = max(tail_at, opening)
        closing = closing_of(data[base:size], b"]" if is_list else b"}")
        if closing is not None:
            return opening, base + closing + 1, "array" if is_list else "values"
    return None


def envelope_at(head: bytes, envelope: tuple[str, ...]) -> int | None:
    """Where the bracket is that opens the records of an envelope, by a file's head; None when it is no envelope."""
    return next(_openings(head[:_ENDS], envelope), None)


def _openings(head: bytes, envelope: tuple[str, ...]) -> Iterator[int]:
    for key in envelope:
        for found in re.finditer(re.escape(json.dumps(key, ensure_ascii=False)).encode() + rb"\s*:\s*([\[{])", head):
            if _is_object(head[: found.start(1)] + b"0}"):
                yield found.start(1)


def closing_of(tail: bytes, close: bytes) -> int | None:
    """Where the bracket is that closes the records of an envelope, by a file's tail."""
    ends = (at.start() for at in re.finditer(re.escape(close), tail))
    return next((end for end in ends if _is_object(b'{"":0' + tail[end + 1 :])), None)


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def has_long_line(share: Share) -> bool:
    """Whether a line of it is longer than a record may be: the engine would take up to twice as much."""
    if share.end - share.start <= MAX_RECORD:
        return False
    with share.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = share.start
        while share.end - at > MAX_RECORD:
            newline = data.rfind(b"\n", at, at + MAX_RECORD + 1)
            if newline < 0:
                return True
            at = newline + 1
    return False


@contextmanager
def readable(share: Share, copy: Path) -> Iterator[Path]:
    """A file with just this share: the source itself when it is whole, else `copy`, made or written over.

    A thread uses one copy for all its shares: pages that a file has already cost a third of new ones.
    """
    if share.whole:
        yield share.path
        return
    out = os.open(copy, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(out, share.before)
        with share.path.open("rb") as file:
            _copy(file.fileno(), out, share.start, share.end)
        os.write(out, share.after)
        os.ftruncate(out, os.lseek(out, 0, os.SEEK_CUR))
    finally:
        os.close(out)
    yield copy


def _copy(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        if hasattr(os, "sendfile"):
            sent = os.sendfile(target, source, start, end - start)
        else:
            sent = os.write(target, os.pread(source, min(end - start, 1 << 20), start))
        if sent == 0:
            raise OSError("the source file became shorter while it was read")
        start += sent


class Lines:
    """Counts the lines of a file up to places in it, from the nearest one that is known; any thread may ask."""

    def __init__(self, path: Path, first: int = 1, start: int = 0) -> None:
        """`first` is the line that the byte `start` is in."""
        self._path = path
        self._known = [(start, first)]
        self._counted: list[tuple[int, int, int]] = []

    def tell(self, start: int, end: int, lines: int) -> None:
        """Tell how many lines end between two places, for somebody has counted them."""
        insort(self._counted, (start, end, lines))

    def at(self, place: int) -> int:
        """The line (from 1) of a place."""
        known = tuple(self._known)
        start, line = at = known[bisect_right(known, (place, sys.maxsize)) - 1]
        for begin, end, counted in tuple(self._counted):
            if start <= begin and end <= place:
                line += self._between(start, begin) + counted
                start = end
        line += self._between(start, place)
        if at[0] != place:
            insort(self._known, (place, line))
        return line

    def _between(self, start: int, end: int) -> int:
        return sum(chunk.count(b"\n") for chunk in chunks_of(Share(self._path, "lines", start, end)))


def text_of(share: Share, lines: Lines) -> Text:
    """The share for the careful reader: as UTF-8, with its place in the file."""
    encoding = None if is_utf8(chunks_of(share)) else legacy_encoding(share.path)

    def chunks() -> Iterator[bytes]:
        decoder = None if encoding is None else codecs.getincrementaldecoder(encoding)()
        for chunk in chunks_of(share):
            yield chunk if decoder is None else decoder.decode(chunk).encode()

    byte = share.origin + share.start - len(share.before)
    line = lines.at(share.start) - share.before.count(b"\n")
    return Text(chunks, share.layout, byte, line, share.is_cut, share.dialect)


def chunks_of(share: Share) -> Iterator[bytes]:
    """The share's bytes in pieces."""
    if share.before:
        yield share.before
    with share.path.open("rb") as file:
        file.seek(share.start)
        left = share.end - share.start
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
    if share.after:
        yield share.after
