"""The careful reader of lines: a record for each, and where records run on over lines, or share one, the records.

Lines also tell where records begin when brackets do not.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from orderlake.errors import UnreadableObjectError
from orderlake.kernel.scan import LIMIT, MAX_RECORD, RawRecord, Text, UnbalancedError, is_balanced, records

_BLANK: Final = b" \t\r\n"
_KEPT: Final = 1 << 16
"""How much is kept (bytes) of a record that is too long to be loaded."""
_JOINT: Final = re.compile(rb"\}[ \t\r]*\{")
_FIRST: Final = re.compile(
    rb'\s*\[[ \t\r]*(?:\n\s*?(?P<indent>[ \t]*))?(?P<start>\{(?:[ \t]*"(?:[^"\\]|\\.)*"|[ \t\r]*\n))'
)
"""An array's beginning up to its first record's first key, if that is on the record's first line; `indent` when the
record has a line of its own."""


def lines(text: Text) -> Iterator[RawRecord]:
    """One record per line that is not blank; one over several lines, or several on one line, as they balance.

    A line that begins with a brace begins a record, so that what is broken in one stays in it.
    """
    for block in _blocks(_numbered(text)):
        for found in _told(block) if _is_odd(block) else block:
            yield RawRecord(found.text.strip(), found.line, found.wrong)


def raw_records(text: Text) -> Iterator[RawRecord]:
    """The records as they are told with care: by their brackets if these balance to the end, else by lines.

    UnbalancedError when neither tells them, UnreadableObjectError when one is too long.
    """
    if text.layout == "lines":
        return lines(text)
    try:
        deque(records(text), maxlen=0)
    except UnbalancedError:
        return records_by_line(text)
    return records(text)


def records_by_line(text: Text) -> Iterator[RawRecord]:
    """The records of a text whose brackets do not balance, told by the lines that begin as its first record does.

    UnbalancedError when lines do not tell them, or an array lacks its end, so that more may be.
    """
    return _of_array(text) if text.layout == "array" else _of_values(text)


def _numbered(text: Text) -> Iterator[RawRecord]:
    """The lines that are not blank, with their ends."""
    for number, line in enumerate(_split(text.chunks()), text.line):
        if len(line) > MAX_RECORD:
            kept = line[:_KEPT].decode(errors="ignore").encode()
            yield RawRecord(kept, number, f"is longer than {LIMIT}; this is how it begins")
        elif line.strip():
            yield RawRecord(line, number)


def _blocks(found: Iterable[RawRecord]) -> Iterator[list[RawRecord]]:
    """Lines that may belong together: an object that its line does not end, and what follows up to the next one."""
    block: list[RawRecord] = []
    size = 0
    for line in found:
        size += len(line.text)
        if block and (line.wrong or line.text[:1] in (b"{", b"[") or size > MAX_RECORD):
            yield block
            block, size = [], len(line.text)
        block.append(line)
        if len(block) == 1 and not _is_open(line):
            yield block
            block, size = [], 0
    if block:
        yield block


def _is_open(line: RawRecord) -> bool:
    return line.text[:1] == b"{" and not line.wrong and line.text.rstrip(_BLANK)[-1:] != b"}"


def _is_odd(block: list[RawRecord]) -> bool:
    return len(block) > 1 or _is_open(block[0]) or _JOINT.search(block[0].text) is not None


def _told(block: list[RawRecord]) -> list[RawRecord]:
    """The records of a block by its brackets; line by line where they do not balance."""
    joined = b"".join(line.text for line in block)
    whole = Text(lambda: [joined], "values", line=block[0].line)
    try:
        return list(records(whole))
    except UnbalancedError:
        return block


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their ends; of one that is too long only its beginning, still too long."""
    rest: list[bytes] = []
    held = 0
    for chunk in chunks:
        parts = chunk.split(b"\n")
        for part in parts[:-1]:
            rest.append(part)
            yield b"".join(rest) + b"\n"
            rest, held = [], 0
        if held <= MAX_RECORD:
            rest.append(parts[-1])
            held += len(parts[-1])
    if held:
        yield b"".join(rest)


def _of_array(text: Text) -> Iterator[RawRecord]:
    pieces = _split(text.chunks())
    head, first = b"", None
    while first is None and len(head) < MAX_RECORD and (piece := next(pieces, b"")):
        head += piece
        first = _FIRST.match(head)
    if first is None:
        raise UnbalancedError("no record is to be found")
    indent = b"[ \t]?" if first["indent"] is None else re.escape(first["indent"])
    begins = re.compile(indent + re.escape(first["start"]))
    at = first.start("start")
    line, record = text.line + head.count(b"\n", 0, at), head[at:]
    for number, piece in enumerate(pieces, text.line + head.count(b"\n")):
        if begins.match(piece):
            yield RawRecord(record.rstrip(_BLANK).removesuffix(b",").rstrip(_BLANK), line)
            line, record = number, b""
        record += piece
        if len(record) > MAX_RECORD:
            raise UnreadableObjectError(f"the record at line {line} is longer than {LIMIT}")
    last = record.rstrip(_BLANK)
    if not last.endswith(b"]") or not is_balanced(last[:-1]):
        raise UnbalancedError("the end is missing")
    yield RawRecord(last[:-1].rstrip(_BLANK), line)


def _of_values(text: Text) -> Iterator[RawRecord]:
    """Objects in a row, each of which begins a line; one that does not balance ends before the next one begins."""
    count = size = 0
    block: list[RawRecord] = []
    for line in _numbered(text):
        if block and line.text[:1] == b"{":
            count += 1
            yield from _whole(block)
            block, size = [], 0
        block.append(line)
        size += len(line.text)
        if block[0].text[:1] != b"{":
            raise UnbalancedError("no record is to be found")
        if size > MAX_RECORD or line.wrong:
            raise UnreadableObjectError(f"the record at line {block[0].line} is longer than {LIMIT}")
    if not count:
        raise UnbalancedError("all of it is one record")
    yield from _whole(block)


def _whole(block: list[RawRecord]) -> list[RawRecord]:
    """The records of a block by its brackets; all of it as one where they do not balance."""
    joined = b"".join(line.text for line in block)
    with suppress(UnbalancedError):
        return list(records(Text(lambda: [joined], "values", line=block[0].line)))
    return [RawRecord(joined.strip(), block[0].line)]
