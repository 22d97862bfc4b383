"""Records of a file as they stand there, by number or by what they hold: for people who ask where a row comes from."""

from __future__ import annotations

import codecs
import csv
import io
import mmap
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from orderlake.errors import DataError, NotFoundError, UnreadableObjectError
from orderlake.kernel import read_csv, scan
from orderlake.kernel.flatten import plan_of
from orderlake.kernel.lines import raw_records
from orderlake.kernel.plain import plain_text
from orderlake.kernel.rows import careful_rows
from orderlake.kernel.sniff import Dialect
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


def records_like(
    path: Path, stream: Stream, patterns: Sequence[re.Pattern[bytes]], work: Path
) -> Iterator[tuple[int, Record, bytes]]:
    """The records whose text every pattern finds: number, record, and the bytes of a file that holds it alone.

    A file in which one of them finds nothing is not gone through. UnreadableObjectError as of `record_at`, after what
    was told before it.
    """
    plain = plain_text(path, work / "plain", stream.encoding)
    if not plain.stat().st_size:
        return
    with plain.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not all(pattern.search(data) for pattern in patterns):
            return
    try:
        for at, each in _records(plain, stream):
            raw = each.text.encode(errors="backslashreplace")
            if all(pattern.search(raw) for pattern in patterns):
                yield at, each, _alone(plain, stream, raw)
    except (DataError, scan.UnbalancedError) as error:
        raise UnreadableObjectError(f"{path.name} does not tell its records: {error}") from error


def _alone(plain: Path, stream: Stream, raw: bytes) -> bytes:
    """A file of the stream's that holds just this record of a file."""
    if stream.format == "csv":
        dialect = _dialect(plain, stream)
        header = io.StringIO(newline="")
        if dialect is not None:
            csv.writer(header, delimiter=dialect.delimiter, lineterminator="\n").writerow(dialect.header)
        whole = header.getvalue().encode() + raw + b"\n"
    else:
        whole = b"[" + raw + b"]\n"  # an array, for no key of the record to be taken for an envelope
    # What encoding is declared holds for a file without a mark.
    return whole if stream.encoding in ("auto", "utf-8") else codecs.BOM_UTF8 + whole


def _dialect(plain: Path, stream: Stream) -> Dialect | None:
    with plain.open("rb") as file:
        return read_csv.dialect_of(plan_of(stream), file.read(_HEAD))


def _records(plain: Path, stream: Stream) -> Iterator[tuple[int, Record]]:
    if stream.format == "csv":
        dialect = _dialect(plain, stream)
        if dialect is not None:
            share = Share(plain, "csv", dialect.start, plain.stat().st_size, dialect=dialect)
            rows = careful_rows(text_of(share, Lines(plain)), dialect.delimiter, len(dialect.header))
            yield from ((row.number, Record(row.raw, row.line)) for row in rows)
        return
    for share in islice(shares(plain, 0, stream.envelope), 1):
        text = text_of(share, Lines(plain))
        for at, raw in enumerate(raw_records(text), 1):
            yield at, Record(raw.text.decode(errors="backslashreplace"), raw.line)
