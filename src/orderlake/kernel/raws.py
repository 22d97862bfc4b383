"""The text of records by their number in a share that was read strictly, each with the line it starts on."""

from __future__ import annotations

import json
import mmap
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.kernel.read_json import objects
from orderlake.kernel.rows import careful_rows
from orderlake.kernel.split import Lines, Share, readable, text_of

if TYPE_CHECKING:
    import duckdb

_AT_ONCE: Final = 1_000
_HEAD: Final = 1 << 16
_READ: Final = 1 << 20
_SPAN: Final = 1 << 14
_LINE: Final = 1 << 12
_FIRST: Final = re.compile(rb"[\s\[,]*(\{\s*\"(?:[^\"\\]|\\.)*\"[ \t]*:)")
_INDENT: Final = re.compile(rb"\n([ \t]*)\S")
_DECODER: Final = json.JSONDecoder()
Raw = tuple[int, int, str]
"""A record's number, its line in the source (from 1), and its text."""


def raws_of(cursor: duckdb.DuckDBPyConnection, share: Share, numbers: str, reach: Reach) -> Iterator[Raw]:
    """The records that the SELECT `numbers` counts from 1, in order. The cursor is busy until the last is given."""
    wanted = [int(number) for (number,) in cursor.execute(numbers).fetchall()]
    if share.dialect is not None:
        yield from _rows(share, set(wanted))
        return
    with share.path.open("rb", buffering=0) as file:
        found = _by_line(file.fileno(), share, wanted, reach)
        if found is not None:
            for number, start, end, line in found:
                yield number, line, os.pread(file.fileno(), end - start, start).decode(errors="backslashreplace")
            return
    with readable(share, reach.copy) as path:
        every = f"SELECT row_number() OVER () AS n, json FROM {objects([path], share.layout)}"
        told = cursor.execute(f"SELECT n, CAST(json AS VARCHAR) FROM ({every}) WHERE n IN ({numbers}) ORDER BY n")
        yield from _sought(share, _fetched(told), reach.line)


@dataclass(frozen=True, slots=True)
class Reach:
    """A share's records are `count`, its first byte is in `line` of the source; `copy` is where it may be copied to."""

    count: int
    line: int
    copy: Path


def _fetched(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str]]:
    while some := found.fetchmany(_AT_ONCE):
        yield from some


Place = tuple[int, int, int, int]
"""A record's number, where its text begins and ends, and its line."""


def _by_line(file: int, share: Share, wanted: Sequence[int], reach: Reach) -> list[Place] | None:
    """Where records are that have a line each, as nearly all files have them; None when that is not so.

    They are told by how the first begins, must be as many as were read, and each must end with its line. Where anything
    else begins so, within a line, it may be a record that shares one, and what begins a line no record: None.
    """
    found: list[Place] = []
    number, line = 0, reach.line
    todo = deque(wanted)
    for span in _spans(file, share):
        here, place, counted = span.data.count(span.mark, span.start, span.last), span.start - 1, span.start
        if span.alike != here:
            return None
        while todo and todo[0] <= number + here:  # most spans hold none that is wanted
            for _ in range(todo[0] - number):
                place = span.data.find(span.mark, place + 1)
            number, here = todo[0], here - (todo[0] - number)
            start = place + len(span.mark) - len(span.mark.lstrip())
            line += span.data.count(b"\n", counted, start)
            counted = start
            end = _end_of_record(file, share, span.origin + start)
            if end is None:
                return None
            found.append((todo.popleft(), span.origin + start, end, line))
        number += here
        line += span.data.count(b"\n", counted, span.end)
    return found if number == reach.count and not todo else None


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of `data`, which is read from `origin` on: records begin in it with `mark`."""

    data: bytes
    origin: int
    start: int
    end: int
    mark: bytes

    @property
    def last(self) -> int:
        """Where a beginning ends at the latest that is of this part."""
        return self.end + len(self.mark) - 1

    @property
    def alike(self) -> int:
        """How often there is in it what a record begins with, wherever it stands in its line."""
        begin = self.mark.lstrip()
        return self.data.count(begin, self.start + len(self.mark) - len(begin), self.last)


def _spans(file: int, share: Share) -> Iterator[_Span]:
    """The share in parts, each with how records begin: as the first does, with the blanks before it."""
    head = os.pread(file, min(_HEAD, share.end - share.start), share.start)
    first = _FIRST.match(head)
    if first is None:
        return
    yield _Span(head, share.start, 0, first.end(), first[1])
    second = _INDENT.search(head, first.end())
    mark = b"\n" + (second[1] if second is not None else b"") + first[1]
    for origin in range(share.start + first.end(), share.end, _READ):
        data = os.pread(file, min(share.end - origin, _READ + len(mark) - 1), origin)
        whole = min(_READ, share.end - origin)
        for start in range(0, whole, _SPAN):
            yield _Span(data, origin, start, min(start + _SPAN, whole), mark)


def _end_of_record(file: int, share: Share, start: int) -> int | None:
    """Where the record's own text ends, without what parts it from the next; None when its line goes on."""
    text = b""
    while b"\n" not in text and start + len(text) < share.end:
        more = os.pread(file, min(_LINE, share.end - start - len(text)), start + len(text))
        if not more:
            break
        text += more
    text = text.partition(b"\n")[0]
    try:
        _, size = _DECODER.raw_decode(text.decode())
    except (ValueError, RecursionError):
        return None
    own = text.decode()[:size].encode()
    return None if text[len(own) :].strip(b" \t\r,]") else start + len(own)


def _sought(share: Share, told: Iterable[tuple[int, str]], line: int) -> Iterator[Raw]:
    """Each text with its line: it stands in the share after the one before it."""
    with share.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        counted = at = share.start
        for number, text in told:
            place = data.find(text.encode(), at, share.end)
            if place >= 0:
                line += sum(
                    data[from_ : min(place, from_ + _READ)].count(b"\n") for from_ in range(counted, place, _READ)
                )
                counted, at = place, place + 1
            yield number, line, text


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
