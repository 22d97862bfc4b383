"""Bad records between good ones: all of them in one file of each kind, with the number and line of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.corpus.case import Aside, BadRecord, Case

GOOD: Final = '{"id": %d, "note": "gröt"}'
"""Not ASCII, so that bytes that are no UTF-8 are not taken for an old encoding."""
HEAD: Final = "id,day,amount,note\n"
GOOD_ROW: Final = "%d,2024-01-05,1.00,gröt\n"
_LAYOUTS: Final = {"lines": ("", "\n", "\n", ".ndjson"), "array": ("[\n", ",\n", "\n]\n", ".json")}


def json_cases(records: Sequence[BadRecord]) -> list[Case]:
    """All records as lines, and as an array."""
    return [json_case(f"all bad records in an {layout}", records, layout) for layout in ("array", "lines")]


def json_case(name: str, records: Sequence[BadRecord], layout: str) -> Case:
    """Records between good ones, laid out as lines or an array."""
    before, between, after, file = _LAYOUTS[layout]
    parts = [(GOOD % 1).encode()]
    for number, record in enumerate(records, 2):
        parts += [record.data, (GOOD % number).encode()]
    data = before.encode() + between.encode().join(parts) + after.encode()
    lines = _lines(before.encode(), parts, between.encode())
    aside = [
        Aside(number, line, record.field, record.reason)
        for record, number, line in zip(records, range(2, len(parts), 2), lines[1::2], strict=True)
    ]
    return Case(name, data, file, loaded=len(records) + 1, aside=tuple(aside))


def csv_case(records: Sequence[BadRecord], name: str = "all bad rows in one file") -> Case:
    """Rows between good ones."""
    parts = [(GOOD_ROW % 1).encode()]
    for number, record in enumerate(records, 2):
        parts += [record.data + b"\n", (GOOD_ROW % number).encode()]
    lines = _lines(HEAD.encode(), parts, b"")
    aside = [
        Aside(number, line, record.field, record.reason)
        for record, number, line in zip(records, range(2, len(parts), 2), lines[1::2], strict=True)
    ]
    return Case(name, HEAD.encode() + b"".join(parts), ".csv", loaded=len(records) + 1, aside=tuple(aside))


def _lines(before: bytes, parts: Sequence[bytes], between: bytes) -> list[int]:
    """The line that each part begins on."""
    line = 1 + before.count(b"\n")
    found = []
    for part in parts:
        found.append(line)
        line += (part + between).count(b"\n")
    return found
