"""The text of records by their number in a share that was read strictly, each with the line it starts on."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import quote
from orderlake.kernel import scan
from orderlake.kernel.read_json import FORMATS
from orderlake.kernel.rows import careful_rows
from orderlake.kernel.split import Lines, Share, chunks_of, readable, text_of

if TYPE_CHECKING:
    import duckdb

_AT_ONCE: Final = 1_000
Raw = tuple[int, int, str]
"""A record's number, its line in the source (from 1), and its text."""


def raws_of(cursor: duckdb.DuckDBPyConnection, share: Share, numbers: str, copy: Path) -> Iterator[Raw]:
    """The records that the SELECT `numbers` counts from 1, in order. The cursor is busy until the last is given."""
    if share.layout == "lines" or share.dialect is not None:
        wanted = {int(number) for (number,) in cursor.execute(numbers).fetchall()}
        yield from _rows(share, wanted) if share.dialect is not None else _lines(share, wanted)
        return
    with readable(share, copy) as path:
        read = (
            f"read_json_objects({quote(str(path))}, format = {quote(FORMATS[share.layout])}, compression = 'none', "
            f"maximum_object_size = {scan.MAX_RECORD})"
        )
        every = f"SELECT row_number() OVER () AS n, json FROM {read}"
        found = cursor.execute(f"SELECT n, CAST(json AS VARCHAR) FROM ({every}) WHERE n IN ({numbers})")
        yield from _placed(share, _fetched(found))


def _fetched(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str]]:
    while some := found.fetchmany(_AT_ONCE):
        yield from some


def _placed(share: Share, found: Iterable[tuple[int, str]]) -> Iterator[Raw]:
    """Each text with its line: it stands in the share after the one before it."""
    if share.path.stat().st_size == 0:
        return
    with share.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        counted, line = 0, share.line
        at = share.start
        for number, text in found:
            place = data.find(text.encode(), at, share.end)
            if place >= 0:
                for start in range(counted, place, 1 << 20):
                    line += data[start : min(place, start + (1 << 20))].count(b"\n")
                counted, at = place, place + 1
            yield number, line, text


def _lines(share: Share, wanted: set[int]) -> Iterator[Raw]:
    """Lines that are not blank, counted."""
    number = 0
    for line, text in _split(share):
        bare = text.strip()
        if bare:
            number += 1
            if number in wanted:
                yield number, line, bare.decode(errors="backslashreplace")


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


def _split(share: Share) -> Iterator[tuple[int, bytes]]:
    """Each line of the share with its number in the source."""
    line = share.line + _newlines(share)
    rest = b""
    for chunk in chunks_of(share):
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            yield line, part + b"\n"
            line += 1
    if rest:
        yield line, rest


def _newlines(share: Share) -> int:
    """How many lines of the path end before the share."""
    before = Share(share.path, "lines", 0, share.start)
    return sum(chunk.count(b"\n") for chunk in chunks_of(before)) if share.start else 0
