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
_EDGE: Final = 1 << 16
_READ: Final = 1 << 20
_SPAN: Final = 1 << 14
_LINE: Final = 1 << 12
_FIRST: Final = re.compile(rb"[\s\[,]*\{")
_BETWEEN: Final = b" \t\r\n],"
"""What parts records, and ends an array."""
_DECODER: Final = json.JSONDecoder()
Raw = tuple[int, int, str]
"""A record's number, its line, and its text."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A share's records are `count`, `lines` counts those of its file; `copy` is where it may be copied to.

    `key` are the paths of the fields that name a record.
    """

    count: int
    key: tuple[tuple[str, ...], ...]
    lines: Lines
    copy: Path


@dataclass(frozen=True, slots=True)
class _Run:
    """Records with numbers from `first` to `last`; the one before them has the key `after`."""

    first: int
    last: int
    after: Sequence[str]


def raws_of(cursor: duckdb.DuckDBPyConnection, share: Share, others: str, reach: Reach) -> Iterator[Raw]:
    """The JSON records of a share but those that the SELECT `others` gives: `n` is their number from 1.

    It also gives the values of their key, `k0` and so on. The cursor is busy until the last is given.
    """
    runs = _runs(cursor, others, reach)
    with share.path.open("rb", buffering=0) as file:
        found = _by_line(file.fileno(), share, runs, reach)
        if found is not None:
            places, ends = found
            reach.lines.tell(share.start, share.end, ends)
            for number, start, end, line in places:
                yield number, line, os.pread(file.fileno(), end - start, start).decode()
            return
    with readable(share, reach.copy) as path:
        every = f"SELECT row_number() OVER () AS n, json FROM {objects([path], share.layout)}"
        wanted = f"SELECT n, CAST(json AS VARCHAR) FROM ({every}) ANTI JOIN ({others}) AS o USING (n) ORDER BY n"
        yield from _sought(share, _fetched(cursor.execute(wanted)))


def _runs(cursor: duckdb.DuckDBPyConnection, others: str, reach: Reach) -> list[_Run]:
    """What is missing between the others, and after the last."""
    keys = [f"k{at}" for at in range(len(reach.key))]
    before = ", ".join(["lag(n, 1, 0) OVER () AS p", *(f"lag({key}) OVER () AS {key}" for key in keys)])
    texts = ", ".join(f"CAST({key} AS VARCHAR)" for key in keys) or "NULL"
    missing = f"SELECT n, p, {texts} FROM (SELECT n, {before} FROM ({others})) WHERE n > p + 1"
    runs = [_Run(int(last) + 1, int(number) - 1, key) for number, last, *key in cursor.execute(missing).fetchall()]
    ((number,),) = cursor.execute(f"SELECT coalesce(max(n), 0) FROM ({others})").fetchall()
    if number == reach.count:
        return runs
    key = cursor.execute(f"SELECT {texts} FROM ({others}) WHERE n = {number}").fetchone()
    return [*runs, _Run(int(number) + 1, reach.count, key or ())]


def _fetched(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str]]:
    while some := found.fetchmany(_AT_ONCE):
        yield from some


Place = tuple[int, int, int, int]
"""A record's number, where its text begins and ends, and its line."""


def _by_line(file: int, share: Share, runs: Sequence[_Run], reach: Reach) -> tuple[list[Place], int] | None:
    """Where records are that have a line each, as nearly all files have them, and how many lines end in the share.

    None when that is not so: from the first record to the last there must be a line for each, and each of a run must
    be all of its line. Lines that hold several records might make up for others over several lines: so the line before
    a run must hold the record with the key that is known of it. What follows a record on a line of its own, and is
    whole, is the next one.
    """
    edges = _edges(file, share)
    if edges is None or not reach.key:
        return None
    start, end, above, below = edges
    found: list[Place] = []
    todo = deque(runs)
    passed = 0
    for origin in range(start, end, _READ):
        data = os.pread(file, min(_READ, end - origin), origin)
        for begin in range(0, len(data), _SPAN):
            here, place, at = data.count(b"\n", begin, begin + _SPAN), begin - 1, passed
            passed += here
            # The line before a run is the one after so many ends of lines, the first has none before it.
            while todo and (skipped := max(todo[0].first - 2, 0)) <= passed:
                for _ in range(skipped - at):
                    place = data.find(b"\n", place + 1)
                at = skipped
                first = origin + place + 1 if skipped else start
                own = _of_run(file, (first, end), todo.popleft(), reach.key)
                if own is None:
                    return None
                found += [(number, begins, ends, above + number - 1) for number, begins, ends in own]
    return (found, above + passed + below) if passed == reach.count - 1 and not todo else None


def _edges(file: int, share: Share) -> tuple[int, int, int, int] | None:
    """Where the first record begins and the last ends, and how many lines end before and after."""
    head = os.pread(file, min(_EDGE, share.end - share.start), share.start)
    first = _FIRST.match(head)
    if first is None:
        return None
    start = share.start + first.end() - 1
    tail = os.pread(file, min(_EDGE, share.end - start), max(start, share.end - _EDGE))
    own = tail.rstrip(_BETWEEN)
    return (start, share.end - len(tail) + len(own), head.count(b"\n", 0, first.end()), tail.count(b"\n", len(own)))


def _of_run(
    file: int, span: tuple[int, int], run: _Run, key: Sequence[Sequence[str]]
) -> list[tuple[int, int, int]] | None:
    """The number, beginning and end of each record of a run: `span` begins with the line of the record before it."""
    found: list[tuple[int, int, int]] = []
    number = max(run.first - 1, 1)
    for at, line in _lines(file, *span):
        own = line.lstrip(b" \t")
        try:
            text = own.decode()
            record, size = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            return None
        size = size if text.isascii() else len(text[:size].encode())
        if own[size:].strip(b" \t\r,") or not isinstance(record, dict):
            return None
        if number < run.first:
            if [_text(record, path) for path in key] != list(run.after):
                return None
        else:
            begin = at + len(line) - len(own)
            found.append((number, begin, begin + size))
        if number == run.last:
            return found
        number += 1
    return None


def _lines(file: int, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The lines from one place on, each with where it begins; the last ends at the other place."""
    held = b""
    while True:
        while (size := held.find(b"\n")) < 0 and start + len(held) < end:
            more = os.pread(file, min(max(_LINE, len(held)), end - start - len(held)), start + len(held))
            if not more:
                break
            held += more
        if size < 0:
            yield start, held
            return
        yield start, held[:size]
        held, start = held[size + 1 :], start + size + 1


def _text(record: object, path: Sequence[str]) -> str | None:
    """What a record has at a path, as the text of it is in a table; None for all but texts and whole numbers."""
    for part in path:
        record = record.get(part) if isinstance(record, dict) else None
    return record if isinstance(record, str) else str(record) if type(record) is int else None


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
    wanted = {int(number) for (number,) in cursor.execute(numbers).fetchall()}
    if share.dialect is None or not wanted:
        return
    last = max(wanted)
    rows = careful_rows(text_of(share, lines), share.dialect.delimiter, len(share.dialect.header))
    for row in rows:
        if row.number in wanted:
            yield row.number, row.line, row.raw
        if row.number >= last:
            return
