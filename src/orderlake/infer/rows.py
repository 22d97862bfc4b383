"""The rows of a CSV file that are looked at."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from orderlake.infer.look import EACH, PLACES, Look
from orderlake.infer.places import Place
from orderlake.kernel.rows import Row, careful_rows
from orderlake.kernel.scan import Text
from orderlake.kernel.sniff import CHUNK, Dialect, is_utf8
from orderlake.kernel.split import Share, chunks_of

if TYPE_CHECKING:
    from _csv import Writer
_SEPARATOR: Final = b"\n"


def take_rows(look: Look) -> None:
    """Look at a file's first rows, and at some further on."""
    dialect = look.dialect
    if dialect is None:
        return
    share = Share(look.head, "csv", dialect.start, look.head.stat().st_size)
    rows = _rows(Text(lambda: chunks_of(share), "csv"), dialect)
    with look.trial.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=dialect.delimiter, lineterminator="\n")
        writer.writerow(dialect.header)
        for column in dialect.header:
            look.root.children.setdefault(column, Place())
        held = None  # of a head that was cut, the last row may be half a row
        for row in islice(rows, look.most):
            if held is not None:
                _take(look, held, dialect, writer)
            held = row
        if held is not None and (look.is_whole or look.records + look.broken == look.most - 1):
            _take(look, held, dialect, writer)
        look.is_whole = look.is_whole and next(rows, None) is None
        if look.is_large:
            for row in _further_on(look, dialect):
                _take(look, row, dialect, writer)


def _rows(text: Text, dialect: Dialect) -> Iterator[Row]:
    return careful_rows(text, dialect.delimiter, len(dialect.header))


def _take(look: Look, row: Row, dialect: Dialect, writer: Writer) -> None:
    if row.wrong is not None:
        look.breaks(f"line {row.line} {row.wrong}")
        return
    look.records += 1
    writer.writerow(row.cells)
    record: dict[str, str | None] = {}
    for column, cell in zip(dialect.header, row.cells, strict=True):
        if column not in record:
            record[column] = cell if cell.strip() else None
    look.root.add(record)


def _further_on(look: Look, dialect: Dialect) -> Iterator[Row]:
    """Whole lines from the middle of a file; what is no row there began in one with a line break, and is no finding."""
    size = look.path.stat().st_size
    for place in range(1, PLACES):
        with look.path.open("rb") as file:
            file.seek(size * place // PLACES)
            lines = file.read(CHUNK).split(_SEPARATOR)[1:-1]
        if lines and is_utf8(_SEPARATOR.join(lines).splitlines()):
            look.places += 1
            header = dialect.delimiter.join("x" for _ in dialect.header).encode()
            body = _SEPARATOR.join([header, *lines, b""])
            rows = _rows(Text(lambda body=body: [body], "csv"), dialect)  # type: ignore[misc]  # bound as it is now
            yield from (row for row in islice(rows, EACH) if row.wrong is None)
