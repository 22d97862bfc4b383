"""Column bounds: from the text DuckDB prints to Iceberg's single-value bytes, and back.

Bounds may be wider than the values, never narrower; None stands for "no bound".
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from orderlake.errors import SchemaMismatchError
from orderlake.tables.iceberg.schema import decimal_shape

TRUNCATE_WIDTH: Final = 16
"""Characters kept of a string bound: Iceberg's default metrics mode, truncate(16)."""

EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SURROGATES: Final = range(0xD800, 0xE000)
_LAST_CODE_POINT: Final = 0x10FFFF
_BOOLEANS: Final = {"true": b"\x01", "1": b"\x01", "false": b"\x00", "0": b"\x00"}
_BEYOND_PYTHON: Final = ("(BC)", "infinity")
_FLOAT_BYTES: Final = 4


def lower_bound(type_: str, text: str | None) -> bytes | None:
    """Serialize a lower bound. Raises SchemaMismatchError when the text is not of the type."""
    return _encode(type_, text, upper=False)


def upper_bound(type_: str, text: str | None) -> bytes | None:
    """Serialize an upper bound; a cut string is rounded up, or None when nothing is above it."""
    return _encode(type_, text, upper=True)


def bound_text(type_: str, data: bytes | None) -> str | None:
    """Give a bound's bytes as the text DuckDB prints; bytes of a narrower type (int for long) do."""
    if data is None:
        return None
    if type_ == "string":
        return data.decode("utf-8", errors="replace")
    if type_ == "double":
        return repr(struct.unpack("<f" if len(data) == _FLOAT_BYTES else "<d", data)[0])
    shape = decimal_shape(type_)
    if shape is not None:
        return _decimal_text(int.from_bytes(data, "big", signed=True), shape[1])
    try:
        return _INTEGER_TEXT[type_](int.from_bytes(data, "little", signed=True))
    except (ValueError, OverflowError):  # a year Python's calendar does not reach
        return None


def days(text: str) -> int:
    """Give days since 1970-01-01 of an ISO date."""
    return date.fromisoformat(text).toordinal() - EPOCH_DAY


def date_text(value: int) -> str:
    """Give the ISO date that many days after 1970-01-01."""
    return date.fromordinal(value + EPOCH_DAY).isoformat()


def _encode(type_: str, text: str | None, *, upper: bool) -> bytes | None:
    if text is None:
        return None
    try:
        if type_ == "string":
            return _string_bytes(text, upper=upper)
        if type_ == "double":
            return _double_bytes(text, upper=upper)
        shape = decimal_shape(type_)
        if shape is not None:
            return _decimal_bytes(text, *shape)
        return _FIXED[type_](text)
    except (ValueError, KeyError, OverflowError, struct.error):
        # DuckDB's calendar is wider than Python's: such a date has no bound, which only costs pruning.
        if type_ in {"date", "timestamp", "timestamptz"} and _beyond_python(text):
            return None
        raise SchemaMismatchError(f"{text!r} is not a {type_}: the file does not fit the table's schema") from None


def _beyond_python(text: str) -> bool:
    year = text.lstrip("+-").partition("-")[0]
    return any(mark in text for mark in _BEYOND_PYTHON) or (year.isdigit() and len(year) > len("9999"))


def _string_bytes(text: str, *, upper: bool) -> bytes | None:
    head = text[:TRUNCATE_WIDTH]
    if upper and len(text) > TRUNCATE_WIDTH:
        # UTF-8 sorts like code points, so one step up in the last character is above all that was cut.
        while head:
            successor = ord(head[-1]) + 1
            successor = _SURROGATES.stop if successor in _SURROGATES else successor
            head = head[:-1]
            if successor <= _LAST_CODE_POINT:
                return (head + chr(successor)).encode()
        return None
    return head.encode()


def _double_bytes(text: str, *, upper: bool) -> bytes | None:
    value = float(text)
    if math.isnan(value):
        return None
    # Iceberg orders -0.0 below 0.0 and Parquet may print either for both.
    return struct.pack("<d", value if value != 0 else (0.0 if upper else -0.0))


def _decimal_bytes(text: str, precision: int, scale: int) -> bytes:
    digits = text.removeprefix("-")
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0") if len(fraction) > scale else fraction
    unsigned = (whole + fraction.ljust(scale, "0")).lstrip("0") or "0"
    if not unsigned.isdecimal() or len(fraction) > scale or len(unsigned) > precision:
        raise ValueError(text)
    unscaled = -int(unsigned) if text.startswith("-") else int(unsigned)
    magnitude = unscaled if unscaled >= 0 else ~unscaled
    return unscaled.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)


def _decimal_text(unscaled: int, scale: int) -> str:
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    point = len(digits) - scale
    body = f"{digits[:point]}.{digits[point:]}" if scale else digits
    return f"-{body}" if unscaled < 0 else body


def _micros(text: str) -> bytes:
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return struct.pack("<q", (parsed - _EPOCH) // timedelta(microseconds=1))


def _moment_text(micros: int) -> str:
    text = (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None).isoformat(" ")
    return text.rstrip("0") if "." in text else text


_FIXED: Final[dict[str, Callable[[str], bytes]]] = {
    "boolean": lambda text: _BOOLEANS[text.lower()],
    "int": lambda text: struct.pack("<i", int(text)),
    "long": lambda text: struct.pack("<q", int(text)),
    "date": lambda text: struct.pack("<i", days(text)),
    "timestamp": _micros,
    "timestamptz": _micros,
}

_INTEGER_TEXT: Final[dict[str, Callable[[int], str]]] = {
    "boolean": lambda value: "true" if value else "false",
    "int": str,
    "long": str,
    "date": date_text,
    "timestamp": _moment_text,
    "timestamptz": lambda micros: f"{_moment_text(micros)}+00",
}
