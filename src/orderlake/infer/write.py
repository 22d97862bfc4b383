"""A draft as the YAML of a pipeline, with what there is to say about each line beside it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from orderlake.errors import ConfigError
from orderlake.infer.keys import Key
from orderlake.infer.tables import DraftColumn, DraftTable
from orderlake.infer.types import Guess
from orderlake.model.column import parse_column

_WIDTH: Final = 118
_BESIDE: Final = 52
"""A comment stands beside its line where that is shorter, else above it."""
_PERSONAL: Final = re.compile(
    r"e?_?mail|phone|mobile|first_?name|last_?name|full_?name|surname|birth|street|passport|iban"
)
"""What a column's name holds that is likely to be about a person."""
_PLAIN: Final = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$ /()-")


@dataclass(frozen=True, slots=True)
class DraftStream:
    """One kind of file in the draft."""

    name: str
    match: Sequence[str]
    format: str
    envelopes: Sequence[str]
    key: Key
    tables: Sequence[DraftTable]
    comments: Sequence[str] = ()
    has_comma: bool = False


def pipeline_text(name: str, header: Sequence[str], streams: Sequence[DraftStream]) -> str:
    """The text of a pipeline file."""
    lines = [*(each for text in header for each in _comment("", text)), f"pipeline: {scalar(name)}", "sources:"]
    for number, stream in enumerate(streams):
        lines += [""] if number else []
        lines += _stream(stream)
    return "\n".join(lines) + "\n"


def _stream(stream: DraftStream) -> Iterator[str]:
    yield f"  {scalar(stream.name)}:"
    for text in stream.comments:
        yield from _comment("    ", text)
    yield f"    match: {_flow([quoted(each) for each in stream.match])}"
    yield f"    format: {stream.format}"
    if stream.envelopes:
        yield f"    envelope: {_flow([scalar(each) for each in stream.envelopes])}"
    if stream.has_comma:
        yield from _beside('    decimal: ","', "numbers are written like 1.234,50")
    yield from _key(stream.key)
    yield "    tables:"
    for number, table in enumerate(stream.tables):
        if number:
            yield ""
        yield from _table(table)


def _key(key: Key) -> Iterator[str]:
    if not key.columns:
        text = (
            "no key: nothing tells records apart for certain, so each file is taken as a whole, and a newer version of "
            "it replaces its rows. If a field does identify a record, say `key: FIELD`"
        )
        yield from _comment("    ", text)
        return
    paths = [scalar(".".join(column.path)) for column in key.columns]
    yield from _beside(f"    key: {_flow(paths)}", f"? {key.note}" if key.is_open else key.note)
    if key.sequence is not None:
        yield from _beside(f"    sequence_by: {scalar('.'.join(key.sequence.path))}", key.sequence_note)


def _flow(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"[{', '.join(items)}]"


def _table(table: DraftTable) -> Iterator[str]:
    yield from _beside(f"      {scalar(table.name)}:", table.note or "one row per record")
    if table.rows:
        yield f"        rows: {scalar('.'.join(table.rows))}"
    if table.partition:
        yield f"        partition_by: {table.partition}"
    yield "        columns:"
    for column in table.columns:
        yield from _column(column)
    for text in table.comments:
        yield from _comment("          ", text)


def _column(column: DraftColumn) -> Iterator[str]:
    lacks = f"{column.lacking:,} of {column.of:,} lack it" if 0 < column.lacking < column.of else ""
    doubt = "?" if column.guess.is_open else ""
    personal = "personal? then add pii, pii(mask), pii(hash) or pii(drop)" if _PERSONAL.search(column.name) else ""
    notes = "; ".join(each for each in (column.guess.note, lacks, personal) if each)
    yield from _beside(
        f"          {scalar(column.name)}: {_declared(column, column.guess)}", f"{doubt} {notes}".strip()
    )
    for other in column.guess.others:
        yield f"          # {scalar(column.name)}: {_declared(column, other)}"


def _declared(column: DraftColumn, guess: Guess) -> str:
    """A column's declaration: short where that reads back as the same, else as a mapping."""
    path = ".".join(column.path)
    required = " required" if column.is_required else ""
    short = guess.type + required + ("" if path == column.name else f" from {path}")
    try:
        is_same = parse_column(column.name, short).path == column.path
    except ConfigError:
        is_same = False
    if guess.format is None and is_same:
        return scalar(short, more=",")
    options = [f"type: {quoted(guess.type) if ',' in guess.type else guess.type}"]
    options += ["required: true"] if column.is_required else []
    options += [f"path: {scalar(path)}"] if path != column.name else []
    options += [f"format: {quoted(guess.format)}"] if guess.format is not None else []
    return f"{{{', '.join(options)}}}"


def _beside(line: str, note: str) -> Iterator[str]:
    if not note:
        yield line
    elif len(line) < _BESIDE and _BESIDE + len(note) + 2 <= _WIDTH:
        yield f"{line:<{_BESIDE}}# {note}"
    elif len(line) + len(note) + 4 <= _WIDTH:
        yield f"{line}  # {note}"
    else:
        yield from _comment(line[: len(line) - len(line.lstrip())], note)
        yield line


def _comment(indent: str, text: str) -> Iterator[str]:
    safe = "".join(mark if mark.isprintable() else " " for mark in text)
    yield from textwrap.wrap(safe, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ")


def scalar(text: str, more: str = "") -> str:
    """A YAML scalar: bare where YAML reads it back as the same text, else in quotes; `more` letters need none.

    >>> scalar("order.id"), scalar("no"), scalar("a: b"), scalar("größe")
    ('order.id', '"no"', '"a: b"', '"größe"')
    """
    import yaml  # noqa: PLC0415 - it takes as long to import as a small load

    if not set(text) <= _PLAIN.union(more) or text.strip() != text or not text:
        return quoted(text)
    try:
        return text if yaml.safe_load(f"a: {text}") == {"a": text} else quoted(text)
    except yaml.YAMLError:
        return quoted(text)


def quoted(text: str) -> str:
    r"""A YAML scalar in double quotes.

    >>> quoted('say "é"\n')
    '"say \\"é\\"\\u000a"'
    """
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(mark: str) -> str:
    if mark in '"\\':
        return f"\\{mark}"
    if mark.isprintable():
        return mark
    code = ord(mark)
    return f"\\u{code:04x}" if code == code & 0xFFFF else f"\\U{code:08x}"
