"""One record of a file, by its number, as it stands there: for people who ask where a row comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from orderlake.errors import DataError, NotFoundError, UnreadableObjectError
from orderlake.kernel import read_csv, scan
from orderlake.kernel.flatten import plan_of
from orderlake.kernel.plain import plain_text
from orderlake.kernel.rows import careful_rows
from orderlake.kernel.split import Lines, Share, shares, text_of
from orderlake.model.pipeline import Stream

_HEAD: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Record:
    """A record's text, and the line (from 1) that it begins on."""

    text: str
    line: int


def record_at(path: Path, stream: Stream, number: int, work: Path) -> Record:
    """The record of this number (from 1) in a file of a stream; `work` is a folder for a decompressed copy.

    NotFoundError when the file has no such record, UnreadableObjectError when it does not tell its records. The file
    is gone through from its start.
    """
    plain = plain_text(path, work / "plain", stream.encoding)
    try:
        found = next((each for at, each in _records(plain, stream) if at == number), None)
    except (DataError, scan.UnbalancedError) as error:
        raise UnreadableObjectError(f"{path.name} does not tell its records: {error}") from error
    if found is None:
        raise NotFoundError(f"{path.name} has no record {number}")
    return found


def _records(plain: Path, stream: Stream) -> Iterator[tuple[int, Record]]:
    if stream.format == "csv":
        with plain.open("rb") as file:
            dialect = read_csv.dialect_of(plan_of(stream), file.read(_HEAD))
        if dialect is not None:
            share = Share(plain, "csv", dialect.start, plain.stat().st_size, dialect=dialect)
            rows = careful_rows(text_of(share, Lines(plain)), dialect.delimiter, len(dialect.header))
            yield from ((row.number, Record(row.raw, row.line)) for row in rows)
        return
    for share in islice(shares(plain, 0, stream.envelope), 1):
        text = text_of(share, Lines(plain))
        raws = scan.lines(text) if text.layout == "lines" else scan.records(text)
        for at, raw in enumerate(raws, 1):
            yield at, Record(raw.text.decode(errors="backslashreplace"), raw.line)
