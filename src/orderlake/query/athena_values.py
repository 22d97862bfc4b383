"""Athena's answers, which are all text, as values of the types that DuckDB gives for the same statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

_WHOLE: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


def _moment(text: str) -> datetime:
    """A time with the name of its zone, in UTC.

    >>> _moment("2024-01-05 10:00:00.000 America/Sao_Paulo").isoformat()
    '2024-01-05T13:00:00+00:00'
    >>> _moment("2024-01-05 10:00:00.5 +02:00").isoformat()
    '2024-01-05T08:00:00.500000+00:00'
    """
    local, zone = text.rsplit(" ", 1)
    if zone[0] in "+-":
        return _local(local + zone).astimezone(UTC)
    return _local(local).replace(tzinfo=UTC if zone in {"UTC", "Z"} else ZoneInfo(zone)).astimezone(UTC)


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text)


_READ: Final[Mapping[str, Callable[[str], object]]] = {
    "boolean": lambda text: text == "true",
    **dict.fromkeys(("tinyint", "smallint", "integer", "int", "bigint"), int),
    **dict.fromkeys(("real", "float", "double"), float),
    "decimal": Decimal,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timestamp": _local,
    "timestamp with time zone": _moment,
    "varbinary": bytes.fromhex,
}


def value_of(text: str | None, kind: str) -> object:
    """A cell's value by Athena's type of its column; what has no better form stays text.

    >>> value_of("200.50", "decimal"), value_of("2024-01-05", "date"), value_of(None, "bigint")
    (Decimal('200.50'), datetime.date(2024, 1, 5), None)
    """
    if text is None:
        return None
    return _READ.get(kind.lower(), str)(text)


def conformed(value: object, kind: str) -> object:
    """The value as DuckDB's type has it: Trino keeps dates and decimals where DuckDB gives timestamps and doubles.

    >>> conformed(date(2024, 1, 1), "TIMESTAMP"), conformed(Decimal("7"), "HUGEINT")
    (datetime.datetime(2024, 1, 1, 0, 0), 7)
    """
    if isinstance(value, date) and not isinstance(value, datetime) and kind.startswith("TIMESTAMP"):
        return datetime.combine(value, time())
    if isinstance(value, datetime) and kind == "DATE":
        return value.date()
    if isinstance(value, Decimal | int) and not isinstance(value, bool) and kind in {"DOUBLE", "FLOAT"}:
        return float(value)
    if isinstance(value, Decimal) and kind in _WHOLE and value == value.to_integral_value():
        return int(value)
    if isinstance(value, Decimal | int) and not isinstance(value, bool) and kind.startswith("DECIMAL"):
        scaled = round(Decimal(value), int(kind.rstrip(")").rsplit(",", 1)[1]))
        return scaled if scaled == value else value
    return value
