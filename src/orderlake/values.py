"""Values as text: JSON and CSV that keep every digit, and sizes for people."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

_KILO: Final = 1000


def json_text(value: object) -> str:
    """One line of JSON; decimals keep their digits, what JSON has no word for becomes null or text.

    >>> json_text({"total": Decimal("200.50"), "on": date(2024, 1, 5), "rate": math.nan})
    '{"total": 200.50, "on": "2024-01-05", "rate": null}'
    """
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else "null"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "null"
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json_text(str(key))}: {json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(json_text(item) for item in value) + "]"
    return json.dumps(plain(value), ensure_ascii=False)


def json_lines(objects: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """The lines of a JSON list, one object a line.

    >>> list(json_lines([{"a": 1}, {"a": 2}]))
    ['[', '{"a": 1},', '{"a": 2}', ']']
    """
    before = None
    for item in objects:
        yield "[" if before is None else f"{before},"
        before = json_text(item)
    if before is None:
        yield "[]"
    else:
        yield from (before, "]")


def plain(value: object) -> str:
    """A value as people and CSV readers expect it, without quotes.

    >>> [plain(v) for v in (Decimal("1.50"), True, date(2024, 1, 5), {"a": [1, None]})]
    ['1.50', 'true', '2024-01-05', '{"a": [1, null]}']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, bool | int | float | Decimal | Mapping | list | tuple | set | frozenset):
        return json_text(value)
    return str(value)


def csv_row(values: Sequence[Any]) -> str:
    """One RFC 4180 line without its end; NULL is empty and an empty text is quoted.

    >>> csv_row(["a,b", None, "", 'say "x".'])
    '"a,b",,"","say ""x""."'
    """
    if len(values) == 1 and values[0] is None:
        return '""'  # an empty line would be no row at all to most readers
    return ",".join("" if value is None else _csv_cell(plain(value)) for value in values)


def _csv_cell(text: str) -> str:
    if text and not any(mark in text for mark in ',"\r\n') and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'


def size_text(count: int) -> str:
    """Bytes for people.

    >>> [size_text(n) for n in (0, 999, 1500, 12_345_678)]
    ['0 B', '999 B', '1.5 kB', '12.3 MB']
    """
    if count < _KILO:
        return f"{count} B"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= _KILO
        if round(size, 1) < _KILO:
            return f"{size:.1f} {unit}"
    return f"{size / _KILO:.1f} TB"


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "file"), counted(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
