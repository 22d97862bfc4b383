"""The text of records by their number in a share that was read strictly, each with the line it starts on.

Lines of JSON are told from 0 in the share: what is before it other workers may be counting.
"""

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
"""A record's number, its line, and its text."""


def raws_of(cursor: duckdb.DuckDBPyConnection, share: Share, numbers: str, reach: Reach) -> Iterator[Raw]:
    """The JSON records that the SELECT `numbers` counts from 1; the cursor is busy until the last is given."""
    wanted = _numbers(cursor, numbers)
    with share.path.open("rb", buffering=0) as file:
        found = _by_line(file.fileno(), share, wanted, reach.count)
        if found is not None:
            places, ends = found
            reach.lines.tell(share.start, share.end, ends)
            for number, start, end, line in places:
                yield number, line, os.pread(file.fileno(), end - start, start).decode(errors="backslashreplace")
            return
    with readable(share, reach.copy) as path:
        every = f"SELECT row_number() OVER () AS n, json FROM {objects([path], share.layout)}"
        told = cursor.execute(f"SELECT n, CAST(json AS VARCHAR) FROM ({every}) WHERE n IN ({numbers}) ORDER BY n")
        yield from _sought(share, _fetched(told))


@dataclass(frozen=True, slots=True)
class Reach:
    """A share's records are `count`, `lines` counts those of its file; `copy` is where it may be copied to."""

    count: int
    lines: Lines
    copy: Path


def _fetched(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str]]:
    while some := found.fetchmany(_AT_ONCE):
        yield from some


Place = tuple[int, int, int, int]
"""A record's number, where its text begins and ends, and its line."""


def _by_line(file: int, share: Share, wanted: Sequence[int], count: int) -> tuple[list[Place], int] | None:
    """Where records are that have a line each, as nearly all files have them, and how many lines end in the share.

    They are told by how the first begins, must be `count`, and each must end with its line; else None. Where anything
    else begins so, within a line, it may be a record that shares one, and what begins a line no record: None.
    """
    found: list[Place] = []
    number = line = 0
    todo = deque(wanted)
    for block in _blocks(file, share):
        data, mark, counted, before = block.data, block.mark, block.start, number
        blanks = len(mark) - len(mark.lstrip())
        for begin in range(block.start, block.end, _SPAN):
            here = data.count(mark, begin, block.reach(begin + _SPAN))
            place, passed = begin - 1, number
            number += here
            while todo and todo[0] <= number:  # most spans hold none that is wanted
                for _ in range(todo[0] - passed):
                    place = data.find(mark, place + 1)
                passed, start = todo[0], place + blanks
                line += data.count(b"\n", counted, start)
                counted = start
                end = _end_of_record(file, share, block, start)
                if end is None:
                    return None
                found.append((todo.popleft(), block.origin + start, end, line))
        if block.alike != number - before:
            return None
        line += data.count(b"\n", counted, block.end)
    return (found, line) if number == count and not todo else None


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a share, from `start` to `end` in `data`, which is read from `origin` on: records begin with `mark`."""

    data: bytes
    origin: int
    start: int
    end: int
    mark: bytes

    def reach(self, place: int) -> int:
        """Where a beginning ends at the latest that begins before a place."""
        return min(place, self.end) + len(self.mark) - 1

    @property
    def alike(self) -> int:
        """How often there is in it what a record begins with, wherever it stands in its line."""
        begin = self.mark.lstrip()
        return self.data.count(begin, self.start + len(self.mark) - len(begin), self.reach(self.end))


def _blocks(file: int, share: Share) -> Iterator[_Block]:
    """The share in parts, each with how records begin: as the first does, with the blanks before it."""
    head = os.pread(file, min(_HEAD, share.end - share.start), share.start)
    first = _FIRST.match(head)
    if first is None:
        return
    yield _Block(head, share.start, 0, first.end(), first[1])
    second = _INDENT.search(head, first.end())
    mark = b"\n" + (second[1] if second is not None else b"") + first[1]
    for origin in range(share.start + first.end(), share.end, _READ):
        data = os.pread(file, min(share.end - origin, _READ + len(mark) - 1), origin)
        yield _Block(data, origin, 0, min(_READ, share.end - origin), mark)


def _end_of_record(file: int, share: Share, block: _Block, start: int) -> int | None:
    """Where the text of the record at a place of a block ends, without what parts it from the next.

    None when its line goes on.
    """
    at = block.origin + start
    text = block.data[start : start + _LINE]
    while b"\n" not in text and at + len(text) < share.end:
        more = os.pread(file, min(_LINE, share.end - at - len(text)), at + len(text))
        if not more:
            break
        text += more
    text = text.partition(b"\n")[0]
    try:
        told = text.decode()
        _, size = _DECODER.raw_decode(told)
    except (ValueError, RecursionError):
        return None
    own = size if told.isascii() else len(told[:size].encode())
    return None if text[own:].strip(b" \t\r,]") else at + own


def _sought(share: Share, told: Iterable[tuple[int, str]]) -> Iterator[Raw]:
    """Each text with its line: it stands in the share after the one before it."""
    line = 0
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


def rows_of(cursor: duckdb.DuckDBPyConnection, share: Share, numbers: str, lines: Lines) -> Iterator[Raw]:
    """The same of CSV, with lines of the source.

    Rows are counted as the careful reader does, which is as the strict one does: blank ones are none.
    """
    wanted = set(_numbers(cursor, numbers))
    if share.dialect is None or not wanted:
        return
    last = max(wanted)
    rows = careful_rows(text_of(share, lines), share.dialect.delimiter, len(share.dialect.header))
    for row in rows:
        if row.number in wanted:
            yield row.number, row.line, row.raw
        if row.number >= last:
            return


def _numbers(cursor: duckdb.DuckDBPyConnection, select: str) -> list[int]:
    return [int(number) for (number,) in cursor.execute(select).fetchall()]
