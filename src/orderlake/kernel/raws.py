"""The text of records by their number in a share that was read strictly, each with the line it starts on."""

from __future__ import annotations

import json
import mmap
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.kernel.read_json import objects
from orderlake.kernel.rows import careful_rows
from orderlake.kernel.split import Lines, Share, readable, text_of

if TYPE_CHECKING:
    import duckdb

_AT_ONCE: Final = 1_000
_SPAN: Final = 1 << 14
_FIRST: Final = re.compile(rb"[\s\[,]*(\{\s*\"(?:[^\"\\]|\\.)*\"[ \t]*:)")
_INDENT: Final = re.compile(rb"\n([ \t]*)\S")
_DECODER: Final = json.JSONDecoder()
Raw = tuple[int, int, str]
"""A record's number, its line in the source (from 1), and its text."""


def raws_of(cursor: duckdb.DuckDBPyConnection, share: Share, numbers: str, count: int, copy: Path) -> Iterator[Raw]:
    """The records that the SELECT `numbers` counts from 1, in order, of the share's `count`.

    The cursor is busy until the last is given.
    """
    if share.path.stat().st_size == 0:
        return
    if share.dialect is not None:
        yield from _rows(share, {int(number) for (number,) in cursor.execute(numbers).fetchall()})
        return
    with share.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        wanted = [int(number) for (number,) in cursor.execute(numbers).fetchall()]
        found = _by_line(data, share, wanted, count)
        if found is not None:
            yield from _placed(data, share, found)
            return
    with readable(share, copy) as path:
        every = f"SELECT row_number() OVER () AS n, json FROM {objects([path], share.layout)}"
        told = cursor.execute(f"SELECT n, CAST(json AS VARCHAR) FROM ({every}) WHERE n IN ({numbers})")
        with share.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield from _sought(data, share, _fetched(told))


def _fetched(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str]]:
    while some := found.fetchmany(_AT_ONCE):
        yield from some


Place = tuple[int, int, int]
"""A record's number, and where its text begins and ends."""


def _by_line(data: mmap.mmap, share: Share, wanted: Sequence[int], count: int) -> list[Place] | None:
    """Where records are that have a line each, as nearly all files have them; None when that is not so.

    They are told by how the first begins, must be as many as were read, and each must end with its line.
    """
    found: list[Place] = []
    number = 0
    todo = deque(wanted)
    for mark, chunk, at in _spans(data, share):
        here = chunk.count(mark)
        place = -1
        while todo and todo[0] <= number + here:  # most spans hold none that is wanted
            for _ in range(todo[0] - number):
                place = chunk.find(mark, place + 1)
            number, here = todo[0], here - (todo[0] - number)
            kept = _trimmed(data, todo.popleft(), at + place + len(mark) - len(mark.lstrip()), share)
            if kept is None:
                return None
            found.append(kept)
        number += here
    return found if number == count and not todo else None


def _spans(data: mmap.mmap, share: Share) -> Iterator[tuple[bytes, bytes, int]]:
    """How records begin, in each span of the share, with its place: as the first does, with the blanks before it."""
    first = _FIRST.match(data, share.start, share.end)
    if first is None:
        return
    at = first.start(1)
    yield first[1], first[1], at
    second = _INDENT.search(data, first.end(), share.end)
    mark = b"\n" + (second[1] if second is not None else b"") + first[1]
    for start in range(first.end(), share.end, _SPAN):
        # One that begins in a span may end in the next, where it does not begin.
        yield mark, data[start : min(share.end, start + _SPAN + len(mark) - 1)], start


def _trimmed(data: mmap.mmap, number: int, start: int, share: Share) -> Place | None:
    """The record's own text, without what parts it from the next; None when it does not end with the line."""
    end = data.find(b"\n", start, share.end)
    text = data[start : share.end if end < 0 else end]
    try:
        _, size = _DECODER.raw_decode(text.decode())
    except (ValueError, RecursionError):
        return None
    own = text.decode()[:size].encode()
    return None if text[len(own) :].strip(b" \t\r,]") else (number, start, start + len(own))


def _placed(data: mmap.mmap, share: Share, found: Iterable[Place]) -> Iterator[Raw]:
    """Each text with its line."""
    counted, line = 0, share.line
    for number, start, end in found:
        line += _breaks(data, counted, start)
        counted = start
        yield number, line, data[start:end].decode(errors="backslashreplace")


def _sought(data: mmap.mmap, share: Share, told: Iterable[tuple[int, str]]) -> Iterator[Raw]:
    """Each text with its line: it stands in the share after the one before it."""
    counted, line, at = 0, share.line, share.start
    for number, text in told:
        place = data.find(text.encode(), at, share.end)
        if place >= 0:
            line += _breaks(data, counted, place)
            counted, at = place, place + 1
        yield number, line, text


def _breaks(data: mmap.mmap, start: int, end: int) -> int:
    """The line breaks in a span."""
    return sum(data[at : min(end, at + _SPAN)].count(b"\n") for at in range(start, end, _SPAN))


def _rows(share: Share, wanted: set[int]) -> Iterator[Raw]:
    """Rows as the careful reader counts them, which is as the strict one does: blank ones are none."""
    if share.dialect is None or not wanted:
        return
    last = max(wanted)
    text = text_of(share, Lines(share.path, share.line))
    rows = careful_rows(text, share.dialect.delimiter, len(share.dialect.header))
    for row in rows:
        if row.number in wanted:
            yield row.number, row.line, row.raw
        if row.number >= last:
            return
