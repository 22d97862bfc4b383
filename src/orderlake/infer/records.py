"""The records of a JSON file that are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Final

from orderlake.errors import DataError
from orderlake.infer.envelope import HEAD, envelope_of
from orderlake.infer.look import EACH, PLACES, Look
from orderlake.infer.parse import parsed
from orderlake.kernel.lines import lines
from orderlake.kernel.scan import RawRecord, Text, UnbalancedError, records
from orderlake.kernel.sniff import json_layout
from orderlake.kernel.split import Share, chunks_of, envelope_at, shares

_FIRST: Final = 20


def take_records(look: Look, *, further: bool = True) -> None:
    """Look at a file's first records, and at some `further` on."""
    share = _records_of(look)
    if share is None:
        return
    found = _raws(share)
    before: RawRecord | None = None
    with look.trial.open("wb") as out:
        try:
            # Of a head that was cut, the last line may be half a record.
            for raw in islice(found, look.most):
                if before is not None:
                    _take(look, before, out)
                before = raw
            more = next(found, None) is not None
        except UnbalancedError as error:
            more = not look.is_whole
            if look.is_whole:
                look.breaks(str(error))
        if before is not None and (look.is_whole or more):
            _take(look, before, out)
        look.is_whole = look.is_whole and not more
        if further and look.is_large:
            _further_on(look, out)


def first_fields(look: Look) -> set[str]:
    """The names of the fields that the first few records have."""
    fields: set[str] = set()
    share = _records_of(look)
    if share is not None:
        with suppress(UnbalancedError, ValueError, RecursionError):
            for raw in islice(_raws(share), _FIRST):
                record = parsed(raw.text)
                fields |= set(record) if isinstance(record, dict) else set()
    return fields


def _records_of(look: Look) -> Share | None:
    """Where in the head the records are; None when there is nothing."""
    layout = json_layout(look.head)
    if layout == "empty":
        return None
    if layout in ("lines", "values"):
        look.envelope = envelope_of(look.head, is_whole=look.is_whole) if look.within is None else None
    envelopes = (look.envelope,) if look.envelope is not None else look.within or ()
    if not envelopes or layout == "array" or look.is_whole:
        return shares(look.head, 0, envelopes)[0]
    with look.head.open("rb") as file:
        start = envelope_at(file.read(HEAD), envelopes)
    return Share(look.head, layout if start is None else "array", start or 0, look.head.stat().st_size)


def _raws(share: Share) -> Iterator[RawRecord]:
    text = Text(lambda: chunks_of(share), share.layout, is_cut=share.is_cut)
    return lines(text) if share.layout == "lines" else records(text)


def _take(look: Look, raw: RawRecord, out: BinaryIO) -> None:
    try:
        record = parsed(raw.text)
    except (ValueError, RecursionError) as error:
        look.breaks(f"line {raw.line} is not valid JSON: {error}")
        return
    if record is not None and not isinstance(record, dict):
        look.breaks(f"line {raw.line} is no object")
        return
    look.records += 1
    out.write(raw.text.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
    look.root.add({} if record is None else record)


def _further_on(look: Look, out: BinaryIO) -> None:
    """Records from other places of a large file, at the borders where the reader would cut it."""
    envelope = () if look.envelope is None else (look.envelope,)
    cut = shares(look.path, PLACES, envelope)
    step = max(1, len(cut) // PLACES)
    for share in cut[step::step]:
        look.places += 1
        try:
            for raw in islice(_raws(share), EACH):
                _take(look, raw, out)
        except (DataError, UnbalancedError):
            continue  # what is wrong there, a load will tell
