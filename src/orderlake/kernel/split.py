"""From a source object to shares: plain UTF-8 text, cut at record borders, so that every core reads.

An array is cut on a guess: after a `}`, a comma, and a `{` followed by the first record's first key,
unless a list soon ends that it does not begin. The guess needs no proof, because reading is one. Each
share is closed with a `]` of its own; a cut that is not between two records leaves a bracket or a string
open, and then DuckDB refuses the share before it. By induction, if every share reads, every cut was
right. The careful reader counts the same brackets; where it finds a share torn, the file is staged again
as a whole.
"""

from __future__ import annotations

import codecs
import json
import mmap
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from orderlake.kernel.scan import Text, is_inside_list
from orderlake.kernel.sniff import CHUNK, Dialect, Layout, json_layout, legacy_encoding

SHARE: Final = 64 << 20
SMALL: Final = 8 << 20
_ENDS: Final = 1 << 18
"""How far from either end of a file (bytes) the border of its envelope may lie."""
_FIRST_KEY = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:')
_SEARCH: Final = 8 << 20
_LOOK: Final = 1 << 18
"""How far to look (bytes) for the end of a list that a border might lie in."""


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
    dialect: Dialect | None = None
    """How a CSV file is written."""

    @property
    def is_cut(self) -> bool:
        """Whether it is a part of an array, so that brackets must be put around it."""
        return bool(self.before)


def shares(path: Path, workers: int, envelope: tuple[str, ...]) -> list[Share]:
    """Cut a plain JSON file into shares, in order; one share when it is small, or `workers` is 0."""
    size = path.stat().st_size
    layout = json_layout(path)
    if layout == "empty":
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = _unwrap(data, size, envelope) if layout in ("values", "lines") and envelope else None
        if found is not None:
            start, end, layout = found
            if layout == "values":
                return [Share(path, "values", start, end)]
        else:
            start, end = 0, size
        count = _count(end - start, workers)
        if count == 1 and found is None:
            return [Share(path, layout, 0, size, whole=True)]
        if layout == "array":
            return _array_shares(path, data, (start, end), count)
        cuts = _line_cuts(data, start, end, count) if layout == "lines" else [start, end]
        return [Share(path, layout, a, b) for a, b in pairwise(cuts) if b > a]


def _count(size: int, workers: int) -> int:
    if size <= SMALL * 2 or workers == 0:
        return 1
    count = max(workers, -(-size // SHARE))
    return -(-count // workers) * workers


def _line_cuts(data: mmap.mmap, start: int, end: int, count: int) -> list[int]:
    cuts = [start]
    for number in range(1, count):
        newline = data.find(b"\n", max(cuts[-1], start + (end - start) * number // count), end)
        if newline < 0:
            break
        cuts.append(newline + 1)
    return [*cuts, end]


def _array_shares(path: Path, data: mmap.mmap, span: tuple[int, int], count: int) -> list[Share]:
    start, end = span
    opening = data.find(b"[", start, end)
    closing = data.rfind(b"]", start, end)
    key = _FIRST_KEY.match(data, opening + 1)
    if count == 1 or key is None or closing < 0 or data[closing + 1 : end].strip():
        return [Share(path, "array", start, end)]
    border = re.compile(rb"\}\s*(,)\s*\{\s*" + re.escape(key[1]) + rb"\s*:")
    cuts = [opening]
    for number in range(1, count):
        wanted = max(cuts[-1] + 1, start + (end - start) * number // count)
        cut = _border(data, border, wanted, min(closing, wanted + _SEARCH))
        if cut is not None:
            cuts.append(cut)
    cuts.append(closing)
    return [Share(path, "array", a + 1, b, b"[", b"]") for a, b in pairwise(cuts)]


def _border(data: mmap.mmap, border: re.Pattern[bytes], start: int, end: int) -> int | None:
    """The first comma that looks like the one between two records, and not between the elements of a list in one."""
    while (found := border.search(data, start, end)) is not None:
        start = found.end()
        if not is_inside_list(data, found.end(1), min(end, start + _LOOK)):
            return found.start(1)
    return None


def _unwrap(data: mmap.mmap, size: int, envelope: tuple[str, ...]) -> tuple[int, int, Layout] | None:
    """Find the records inside `{"orders": […]}` or `{"order": {…}}`: their span, and how they lie in it."""
    head, tail_at = data[:_ENDS], max(0, size - _ENDS)
    for key in envelope:
        for found in re.finditer(re.escape(json.dumps(key, ensure_ascii=False)).encode() + rb"\s*:\s*([\[{])", head):
            opening = found.start(1)
            if not _is_object(data[:opening] + b"0}"):
                continue
            close = b"]" if found[1] == b"[" else b"}"
            tail = data[max(tail_at, opening) : size]
            ends = (size - len(tail) + at.start() for at in re.finditer(re.escape(close), tail))
            closing = next((end for end in ends if _is_object(b'{"":0' + data[end + 1 : size])), None)
            if closing is not None:
                return opening, closing + 1, "array" if found[1] == b"[" else "values"
    return None


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


@contextmanager
def readable(share: Share, folder: Path, number: int) -> Iterator[Path]:
    """A file with just this share: the source itself when it is whole, else a copy made and removed here."""
    if share.whole:
        yield share.path
        return
    copy = folder / f"share-{number}.json"
    with copy.open("wb", buffering=0) as out, share.path.open("rb") as file:
        out.write(share.before)
        _copy(file.fileno(), out.fileno(), share.start, share.end)
        out.write(share.after)
    try:
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _copy(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        if hasattr(os, "sendfile"):
            sent = os.sendfile(target, source, start, end - start)
        else:
            sent = os.write(target, os.pread(source, min(end - start, 1 << 20), start))
        if sent == 0:
            raise OSError("the source file became shorter while it was read")
        start += sent


def text_of(share: Share) -> Text:
    """The share for the careful reader: as UTF-8, with its place in the file."""
    encoding = legacy_encoding(share.path)

    def chunks() -> Iterator[bytes]:
        decoder = None if encoding is None else codecs.getincrementaldecoder(encoding)()
        for chunk in chunks_of(share):
            yield chunk if decoder is None else decoder.decode(chunk).encode()

    line = 1 + sum(chunk.count(b"\n") for chunk in chunks_of(Share(share.path, share.layout, 0, share.start)))
    return Text(chunks, share.layout, share.start - len(share.before), line, is_cut=share.is_cut)


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
