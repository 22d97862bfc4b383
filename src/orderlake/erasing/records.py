"""The personal data of some people, taken out of a file of records: no byte moves, no record changes its place."""

from __future__ import annotations

import json
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final

from orderlake.erasing.csv_text import blanked
from orderlake.erasing.json_text import Measure, NotJsonError, erased, found_at
from orderlake.erasing.people import People
from orderlake.errors import DataError, UnreadableObjectError
from orderlake.kernel.flatten import plan_of
from orderlake.kernel.lines import raw_records
from orderlake.kernel.plain import plain_text
from orderlake.kernel.read_csv import dialect_of
from orderlake.kernel.rows import careful_rows
from orderlake.kernel.scan import UnbalancedError
from orderlake.kernel.sniff import Dialect, Form, form_of
from orderlake.kernel.split import Lines, Share, shares, text_of
from orderlake.model.person import Kind
from orderlake.model.pipeline import Stream

_HEAD: Final = 1 << 16
_CHUNK: Final = 1 << 20
_NEAR: Final = 1 << 8
"""How far from a line its neighbours end and begin, blanks apart."""
_HIDES: Final = re.compile(rb"\\u00[2-7]")
"""A letter of ASCII that is written as an escape, which nobody has to do."""
_ESCAPE: Final = b"\\u00"
_LETTER: Final = re.compile(r"\w")
_WHOLE: Final = ("int", "bigint", "id")


@dataclass(frozen=True, slots=True)
class Plain:
    """A file's plain UTF-8 text, and the form that the file has."""

    path: Path
    form: Form

    def size(self, text: str) -> int:
        """How many bytes a text takes in the file."""
        return len(text.encode(self.form.encoding, errors="surrogateescape"))


def plain_of(path: Path, stream: Stream, work: Path) -> Plain:
    """The plain text of a file, in `work` where it is not plain itself; UnreadableObjectError as of plain_text."""
    work.mkdir(parents=True, exist_ok=True)
    form = form_of(path, stream.encoding)
    plain = plain_text(path, work / "plain", stream.encoding)
    legacy = plain.name.removeprefix("plain-") if plain != path and plain.name != "plain" else None
    return Plain(plain, form if legacy is None else Form(form.compression, legacy, form.skip))


@dataclass(frozen=True)
class Finder:
    """Tells whose a record of a stream is. `people` are those who are looked for."""

    stream: Stream
    people: People
    spelled: set[tuple[Kind, str]] = field(default_factory=set, compare=False, repr=False)
    """How those who were found are written."""
    _pattern: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pattern", self.people.pattern())

    @cached_property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The fields that are personal."""
        return frozenset(path for path, _ in self.stream.pii)

    @cached_property
    def whole(self) -> frozenset[Kind]:
        """What people are known by that is a whole number."""
        kinds = {each.path: each.type.name for table in self.stream.tables for each in table.columns}
        return frozenset(kind for kind, path in self.stream.person if kinds.get(path) in _WHOLE)

    def is_of(self, kind: Kind, text: str) -> bool:
        """Whether a value is what one of the people is known by."""
        found = self.people.has(kind, as_known(text) if kind in self.whole else text)
        if found:
            self.spelled.add((kind, text))
        return found

    def may_hold(self, data: bytes | mmap.mmap) -> bool:
        """Whether bytes may tell of one of the people: what an escape may hide is looked at."""
        if isinstance(data, mmap.mmap):  # many bytes: letters are looked for first, and words only where they stand
            return next(self.places(data), None) is not None
        return self._pattern.search(data) is not None or _HIDES.search(data) is not None

    def places(self, data: mmap.mmap) -> Iterator[int]:
        """Where bytes may tell of one of them, in order."""
        forms = [*self.people.forms(), _ESCAPE]
        overlap = max(map(len, forms)) + 1
        for at in range(0, len(data), _CHUNK):
            chunk = data[at : at + _CHUNK + overlap].lower()
            found = {at + place for form in forms for place in _all(chunk, form) if place < _CHUNK}
            yield from (
                place for place in sorted(found) if self.may_hold(data[max(0, place - _NEAR) : place + overlap])
            )

    def without(self, text: str, size: Measure) -> str:
        """A JSON record's text without its personal data, if it is about one of the people; else as it is.

        Where its fields cannot be told, and it holds what one of them is known by, no letter of it stays.
        """
        try:
            about = any(self.is_of(kind, each) for kind, path in self.stream.person for each in found_at(text, path))
            return erased(text, self.paths, size) if about else text
        except NotJsonError:
            return self.without_letters(text, size)

    def without_letters(self, text: str, size: Measure) -> str:
        """A text that is no record without its letters and digits, if it holds what one of the people is known by."""
        if self._pattern.search(text.encode(errors="surrogateescape")) is None:
            return text
        return _LETTER.sub(lambda found: ("0" if found[0].isdigit() else "x") * (size(found[0]) // size("x")), text)

    def without_cells(self, raw: str, cells: list[str], dialect: Dialect, size: Measure) -> str:
        """A CSV row's text without its personal data, if it is about one of the people; else as it is."""
        names = [column.strip().lower() for column in dialect.header]
        values = dict(zip(names, cells, strict=False))
        if not any(self.is_of(kind, values.get(path[0].lower(), "")) for kind, path in self.stream.person):
            return raw
        personal = {path[0].lower() for path in self.paths}
        return blanked(raw, dialect.delimiter, [at for at, each in enumerate(names) if each in personal], size)


def as_known(text: str) -> str:
    """A number as a table of whole numbers has it; any other text as it is.

    >>> as_known("017"), as_known("17.0"), as_known("A-17")
    ('17', '17', 'A-17')
    """
    try:
        number = Decimal(text.strip())
        return str(int(number)) if number == int(number) else text
    except (InvalidOperation, ValueError, OverflowError):
        return text


def _all(data: bytes, form: bytes) -> Iterator[int]:
    at = data.find(form)
    while at >= 0:
        yield at
        at = data.find(form, at + 1)


Edit = tuple[int, int, bytes]
"""Where a record begins (byte), how long it is, and what it becomes."""


def edits(plain: Plain, finder: Finder) -> Iterator[Edit]:
    """The records of a file that lose something; UnreadableObjectError when it does not tell its records."""
    if not plain.path.stat().st_size:
        return
    with plain.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not finder.may_hold(data):
            return
        try:
            for start, end, text in _lines(plain, finder, data) or texts(plain, finder.stream, data):
                raw = data[start:end]
                if finder.may_hold(raw):
                    new = text(finder, raw.decode(errors="surrogateescape"), plain.size)
                    became = new.encode(errors="surrogateescape")
                    if became != raw:
                        yield start, end - start, became
        except (UnbalancedError, DataError) as error:
            raise UnreadableObjectError(f"does not tell its records: {error}") from error


@dataclass(frozen=True, slots=True)
class RecordText:
    """How one record is read: its cells where it is a row that can be told."""

    dialect: Dialect | None = None
    cells: list[str] | None = None

    def __call__(self, finder: Finder, raw: str, size: Measure) -> str:
        """The record's text without what is to be forgotten."""
        if self.dialect is None:
            return finder.without(raw, size)
        if self.cells is None:
            return finder.without_letters(raw, size)
        return finder.without_cells(raw, self.cells, self.dialect, size)


def _lines(plain: Plain, finder: Finder, data: mmap.mmap) -> list[tuple[int, int, RecordText]] | None:
    """The records that may be about one of the people, where each is a line; None where lines do not tell them.

    It need not go through the others, which takes a hundred times as long.
    """
    if finder.stream.format == "csv":
        return None
    if any(share.layout != "lines" or not share.whole for share in shares(plain.path, 0, finder.stream.envelope)):
        return None
    found: list[tuple[int, int, RecordText]] = []
    last = -1
    for place in finder.places(data):
        if place < last:
            continue
        start = data.rfind(b"\n", 0, place) + 1
        last = data.find(b"\n", place)
        last = len(data) if last < 0 else last
        line = data[start:last]
        before, after = data[max(0, start - _NEAR) : start].rstrip(), data[last : last + _NEAR].lstrip()
        is_alone = (not before or before.endswith(b"}")) and (not after or after.startswith(b"{"))
        if not is_alone or not _is_object(line):
            return None
        begin = start + len(line) - len(line.lstrip())
        found.append((begin, begin + len(line.strip()), RecordText()))
    return found


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def texts(plain: Plain, stream: Stream, data: mmap.mmap) -> Iterator[tuple[int, int, RecordText]]:
    """Where each record of a file begins and ends, and how it is read."""
    if stream.format == "csv":
        dialect = dialect_of(plan_of(stream), data[:_HEAD])
        if dialect is not None:
            share = Share(plain.path, "csv", dialect.start, len(data), dialect=dialect)
            for row in careful_rows(text_of(share, Lines(plain.path)), dialect.delimiter, len(dialect.header)):
                start = dialect.start + row.at
                end = start + len(data[start : start + row.size].rstrip(b"\r\n"))
                yield start, end, RecordText(dialect, row.cells if row.wrong is None else None)
        return
    at = 0
    for share in islice(shares(plain.path, 0, stream.envelope), 1):
        at = share.start
        for record in raw_records(text_of(share, Lines(plain.path))):
            start = data.find(record.text, at)
            if start < 0:
                raise UnreadableObjectError(f"the record at line {record.line} is not found again")
            at = start + len(record.text)
            yield start, at, RecordText()


def rewritten(plain: Plain, changes: list[Edit], target: Path) -> None:
    """Write the plain text with these changes."""
    with plain.path.open("rb") as file, target.open("wb") as out:
        at = 0
        for start, length, new in [*changes, (plain.path.stat().st_size, 0, b"")]:
            while at < start:
                at += out.write(os.pread(file.fileno(), min(_CHUNK, start - at), at))
            out.write(new)
            at = start + length


def found_in(record: str, stream: Stream) -> Iterator[tuple[Kind, str]]:
    """What the people that a JSON record is about are known by; all its words where its fields cannot be told."""
    try:
        json.loads(record)
    except (ValueError, RecursionError):
        for word in re.findall(r'[^\s",:;{}\[\]]+', record):
            yield from (("id", word), ("email", word))
        return
    for kind, path in stream.person:
        yield from ((kind, value) for value in found_at(record, path))
