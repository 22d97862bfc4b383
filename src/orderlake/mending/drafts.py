"""The text of one record as a file of its stream; what is wrong with it is said before anything is written."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, NoReturn

from orderlake.config import Project
from orderlake.errors import DataError, SchemaMismatchError
from orderlake.kernel.flatten import Plan, plan_of
from orderlake.kernel.read_csv import dialect_of
from orderlake.kernel.sniff import Dialect, form_of, is_utf8, text_chunks
from orderlake.model.pipeline import Stream
from orderlake.model.report import LoadReport
from orderlake.sources import source_at
from orderlake.values import counted

_HEAD: Final = 1 << 16
_HEADER_AND_ROW: Final = 2


@dataclass(frozen=True, slots=True)
class Header:
    """A CSV header: its text, and how it is written."""

    text: str
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Draft:
    """A mended record: the bytes of its file, and its key as the text has it."""

    data: bytes
    key: tuple[str, ...]


class Headers:
    """The headers of CSV files that records came from; each file is read once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[tuple[str, int], Header | None] = {}

    def of(self, stream: Stream, report: LoadReport, before: LoadReport | None) -> Header | None:
        """The header of a record's file if that is as it was loaded, else that of the last try to mend the record."""
        if stream.format != "csv":
            return None
        place = report.source, report.version
        if place not in self._known:
            self._known[place] = self._read(stream, report)
        header = self._known[place]
        return self._read(stream, before) if header is None and before is not None else header

    def _read(self, stream: Stream, report: LoadReport) -> Header | None:
        path = self._project.root / report.source
        there = source_at(self._project, path)
        return header_of(stream, path) if there is not None and there.version == report.version else None


def header_of(stream: Stream, file: Path) -> Header | None:
    """The header of a CSV file; None when there is no such file, or no header in it."""
    try:
        form = form_of(file, stream.encoding)
        head = b"".join(islice(text_chunks(file, form), 1))[:_HEAD]
    except (OSError, DataError):
        return None
    if not is_utf8([head[: head.rfind(b"\n") + 1]]):
        head = head.decode("cp1252", "replace").encode()
    return _header(plan_of(stream), head)


def _header(plan: Plan, head: bytes) -> Header | None:
    try:
        dialect = dialect_of(plan, head)
    except SchemaMismatchError:
        return None
    if dialect is None:
        return None
    text = head[dialect.start :].decode(errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter)
    next(reader)
    return Header("".join(text.splitlines(keepends=True)[: reader.line_num]).rstrip("\r\n"), dialect)


def draft_of(stream: Stream, text: str, header: Header | None, source: str) -> Draft:
    """A file that holds just this record; DataError says what is wrong with the text, and where.

    `header` is that of the CSV file `source`, for a text that has none of its own.
    """
    text = text.removeprefix("\ufeff")
    if stream.format == "json":
        key = _json_key(stream, text)
        whole = f"[{text.strip()}]\n"  # an array, for no key of the record to be taken for an envelope
    else:
        whole, key = _csv(stream, text, header, source)
    if "\0" in whole:
        raise DataError(f"this holds a NUL byte at character {whole.index(chr(0)) + 1}: take it out")
    try:
        data = whole.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"this holds half a character (a lone surrogate) at character {error.start + 1}") from None
    # What is declared holds for a file without a mark.
    return Draft(data if stream.encoding in ("auto", "utf-8") else codecs.BOM_UTF8 + data, key)


def _json_key(stream: Stream, text: str) -> tuple[str, ...]:
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=str, parse_int=str)
    except json.JSONDecodeError as error:
        raise DataError(
            f"this is not one JSON record: {error.msg}, at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise DataError("this is nested too deeply to be an order") from None
    if not isinstance(value, dict):
        raise DataError("this is JSON, but not a record: a record is one object, between { and }")
    return tuple(_at(value, key.path) for key in stream.key)


def _at(value: object, path: Sequence[str]) -> str:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return str(value)


def _no_number(name: str) -> NoReturn:
    raise DataError(f"this is not JSON: it has no word {name}")


def _csv(stream: Stream, text: str, header: Header | None, source: str) -> tuple[str, tuple[str, ...]]:
    text = text.strip("\r\n")
    known = _header(plan_of(stream), text.encode(errors="replace"))
    if known is None:
        if header is None:
            raise DataError(
                f"the header of {source} is needed to read this row, and the file is gone or was changed since: "
                "write the header in the first line, and the row in the second"
            )
        known, text = header, f"{header.text}\n{text}"
    delimiter = known.dialect.delimiter
    rows = _rows(text, delimiter)
    if len(rows) != _HEADER_AND_ROW:
        raise DataError(f"this has {counted(max(0, len(rows) - 1), 'row')} beside the header: a record is one row")
    names, cells = rows
    if len(names) != len(cells):
        raise DataError(
            f"the row has {counted(len(cells), 'field')}, the header {len(names)}: {delimiter.join(names)} "
            f"(a field with {delimiter!r} in it goes between double quotes)"
        )
    values = {name.strip().lower(): cell.strip() for name, cell in zip(names, cells, strict=True)}
    return f"{text}\n", tuple(values.get(key.path[0].lower(), "") for key in stream.key)


def _rows(text: str, delimiter: str) -> Sequence[list[str]]:
    """The rows that are not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"this is not CSV: {error}, at line {reader.line_num} with the header as line 1") from None
