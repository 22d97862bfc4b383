"""From a read value to a typed one: the SQL of the value, and of whether it is exact.

Three kinds of reading meet here. `strict`: DuckDB's own reader gave a DOUBLE or text and any doubt
raises, so the segment is read again with care. `exact`: the record's raw text is at hand, numbers
come as decimals straight from it. `text`: a CSV field. What strict accepts, exact accepts too, with
the same value: a DOUBLE of at most 15 significant digits names one decimal only.
"""

from __future__ import annotations

from dataclasses import dataclass

from orderlake.engine import quote
from orderlake.model.column import Column

_SAFE_DIGITS = 15
_SAFE_INTEGER = 2**53
_INTEGER_BITS = {"bigint": 63, "int": 31}


@dataclass(frozen=True, slots=True)
class Cast:
    """SQL of a typed value, SQL that is true when the cast lost nothing, and what to say otherwise."""

    value: str
    ok: str
    complaint: str


def strict(column: Column, read: str, read_type: str) -> Cast:
    """Cast a value of DuckDB's strict JSON reader; `ok` is false wherever a double could hide a difference."""
    kind = column.type
    if kind.name == "decimal":
        number = read if read_type == "DOUBLE" else f"CAST({read} AS DOUBLE)"
        value = f"CAST({number} AS {kind.sql})"
        bound = 10.0 ** (min(kind.precision, _SAFE_DIGITS) - kind.scale)
        return Cast(value, f"({read} IS NULL OR (abs({number}) < {bound:.0f} AND CAST({value} AS DOUBLE) = {number}))", "")
    if kind.name in _INTEGER_BITS:
        number = read if read_type == "DOUBLE" else f"CAST({read} AS DOUBLE)"
        bound = min(_SAFE_INTEGER, 2 ** _INTEGER_BITS[kind.name])
        return Cast(f"CAST({number} AS {kind.sql})", f"({read} IS NULL OR (abs({number}) < {bound} AND {number} = trunc({number})))", "")
    if kind.name in ("double", "boolean"):
        value = read if read_type == kind.sql else f"CAST({read} AS {kind.sql})"
        return Cast(value, "true" if kind.name == "boolean" else f"coalesce(isfinite({value}), true)", "")
    return text(column, read)


def exact(column: Column, read: str, number: str, present: str) -> Cast:
    """Cast with the raw record at hand: `number` is the exact decimal, `present` says the field is not null."""
    kind = column.type
    if kind.name == "decimal":
        value = f"TRY_CAST({number} AS {kind.sql})"
        held = f"abs({number} - {value}) < 0.0000005"
        return Cast(value, f"(NOT {present} OR coalesce({held}, false))", _complaint(column))
    if kind.name in _INTEGER_BITS:
        value = f"TRY_CAST({number} AS {kind.sql})"
        return Cast(value, f"(NOT {present} OR coalesce({number} = {value}, false))", _complaint(column))
    if kind.name in ("double", "boolean"):
        value = f"TRY_CAST({read} AS {kind.sql})"
        finite = f"coalesce(isfinite({value}), false)" if kind.name == "double" else f"{value} IS NOT NULL"
        return Cast(value, f"(NOT {present} OR {finite})", _complaint(column))
    cast = text(column, read)
    return Cast(cast.value, f"(NOT {present} OR ({read} IS NOT NULL AND {cast.ok}))", cast.complaint)


def text(column: Column, read: str) -> Cast:
    """Cast a text field; a NULL is always a clean NULL."""
    kind = column.type
    if kind.name == "string":
        return Cast(read, "true", _complaint(column))
    value = _parsed(column, read)
    if kind.name == "decimal":
        digits = min(38, kind.precision + 4)
        held = f"TRY_CAST({read} AS DECIMAL({digits},{min(digits, kind.scale + 4)})) = {value}"
    elif kind.name in _INTEGER_BITS:
        held = f"TRY_CAST({read} AS DECIMAL(38,6)) = {value}"
    elif kind.name in ("date", "timestamp", "timestamptz"):
        held = f"isfinite({value}) AND year({value}) BETWEEN 1 AND 9999"
    elif kind.name == "double":
        held = f"isfinite({value})"
    else:
        held = f"{value} IS NOT NULL"
    return Cast(value, f"({read} IS NULL OR coalesce({held}, false))", _complaint(column))


def _parsed(column: Column, read: str) -> str:
    if column.format is not None and column.type.name in ("date", "timestamp", "timestamptz"):
        return f"CAST(try_strptime({read}, {quote(column.format)}) AS {column.type.sql})"
    if column.timezone is not None and column.type.name in ("date", "timestamp"):
        return f"CAST(TRY_CAST({read} AS TIMESTAMPTZ) AT TIME ZONE {quote(column.timezone)} AS {column.type.sql})"
    return f"TRY_CAST({read} AS {column.type.sql})"


def _complaint(column: Column) -> str:
    kind = column.type
    return {
        "decimal": f"is not a number with at most {kind.scale} decimals and {kind.precision - kind.scale} digits before them",
        "bigint": "is not a whole number of 64 bits",
        "int": "is not a whole number of 32 bits",
        "double": "is not a finite number",
        "boolean": "is neither true nor false",
        "date": f"is not a date like {column.format or '2024-12-31'}",
        "timestamp": f"is not a time like {column.format or '2024-12-31 23:59:59'}",
        "timestamptz": f"is not a time like {column.format or '2024-12-31T23:59:59+00:00'}",
        "string": "is not text",
    }[kind.name]
