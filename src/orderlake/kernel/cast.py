"""From a read value to a typed one: the SQL of the value, and of whether it is exact.

Three kinds of reading meet here. `strict`: DuckDB's own reader gave a DOUBLE or text, and any doubt
raises, so the share is read again with care. `exact`: the number stands as a decimal, straight from the
record's text. `text`: a CSV field, or a JSON string. What strict accepts, exact accepts too, with the same
value: a DOUBLE of at most 15 significant digits names one decimal only.

A number may stand in a string ("10.50", "007"), noise of binary fractions is taken off (10.200000000000001
is 10.20), and true and false count as 1 and 0, for DuckDB's reader does not tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orderlake.engine import quote
from orderlake.model.column import Column, ColumnType

_SAFE_DIGITS: Final = 15
_SAFE_INTEGER: Final = 2**53
_INTEGER_BITS: Final = {"bigint": 63, "id": 63, "int": 31}
_TIMES: Final = ("date", "timestamp", "timestamptz")
_NOISE: Final = 4
"""Decimals read beyond the declared ones: what is zero there is noise, anything else a finding."""
_GROUPING: Final = quote(r"[.' \x{a0}\x{202f}]")
"""What parts thousands where decimals have a comma."""
_COMMA: Final = quote(
    r"\s*[+-]?(\d{1,3}((\.\d{3})+|('\d{3})+|([ \x{a0}\x{202f}]\d{3})+)|\d+)(,\d+)?\s*",
)
_OFFSET: Final = quote(r":.*([Zz]|[+-]\d|[A-Za-z]{2})")
"""What a time's text matches when it names its zone."""


@dataclass(frozen=True, slots=True)
class Cast:
    """SQL of a typed value, SQL that is true when the cast lost nothing, and what to say otherwise."""

    value: str
    ok: str
    complaint: str


def exact_scale(kind: ColumnType) -> int:
    """How many decimals a number of this type is read with, before it is known to be exact."""
    return min(38, kind.scale + _NOISE) if kind.name == "decimal" else 6


def strict(column: Column, read: str, read_type: str) -> Cast:
    """Cast a value of DuckDB's strict JSON reader; `ok` is not true wherever a double could hide a difference."""
    kind = column.type
    is_text = read_type == "VARCHAR"
    if kind.name == "id":
        value = f"TRY_CAST({read} AS BIGINT)"
        return Cast(value, f"({read} IS NULL OR CAST({value} AS VARCHAR) = {read})", _complaint(column))
    if kind.name not in ("decimal", "double", *_INTEGER_BITS):
        return Cast(read, "true", _complaint(column)) if read_type == "BOOLEAN" else text(column, read)
    number = f"TRY_CAST({read} AS DOUBLE)" if is_text else read
    if kind.name == "double":
        value, held = number, f"isfinite({number})"
    elif kind.name == "decimal":
        value = f"TRY_CAST({number} AS {kind.sql})"
        bound = 10.0 ** (min(kind.precision, _SAFE_DIGITS) - kind.scale)
        held = f"abs({number}) < {bound!r} AND CAST({value} AS DOUBLE) = {number}"
    else:
        value = f"TRY_CAST({number} AS {kind.sql})"
        bound = min(_SAFE_INTEGER, 2 ** _INTEGER_BITS[kind.name])
        held = f"abs({number}) < {bound} AND {number} = trunc({number})"
    if is_text:
        held = f"{held} AND {_plain_digits(read)}"
    return Cast(value, f"({read} IS NULL OR ({held}))", _complaint(column))


def exact(column: Column, read: str, number: str, present: str) -> Cast:
    """Cast with exact numbers at hand: `number` is the decimal, `present` the value as text, NULL when it is null."""
    kind = column.type
    if kind.name == "decimal":
        value = f"TRY_CAST({number} AS {kind.sql})"
        fine = f"DECIMAL(38,{exact_scale(kind)})"
        held = f"TRY_CAST({number} AS {fine}) = TRY_CAST({value} AS {fine}) AND {_plain_digits(present)}"
    elif kind.name in _INTEGER_BITS:
        value = f"TRY_CAST({number} AS {kind.sql})"
        held = f"{number} = TRY_CAST({value} AS DECIMAL(38,6)) AND {_plain_digits(present)}"
        if kind.name == "id":
            held = f"{held} AND TRY_CAST({present} AS DOUBLE) IS NOT NULL"  # true is no id
    elif kind.name in ("double", "boolean"):
        value = f"TRY_CAST({read} AS {kind.sql})"
        held = f"isfinite({value}) AND {_plain_digits(present)}" if kind.name == "double" else f"{value} IS NOT NULL"
    else:
        return text(column, read)
    return Cast(value, f"({present} IS NULL OR coalesce({held}, false))", _complaint(column))


def text(column: Column, read: str) -> Cast:
    """Cast a text field; a NULL is always a clean NULL."""
    kind = column.type
    if kind.name == "string":
        return Cast(read, "true", _complaint(column))
    read = _with_point(read) if column.has_comma else read
    value = _parsed(column, read)
    if kind.name == "decimal":
        fine = f"DECIMAL(38,{exact_scale(kind)})"
        held = f"TRY_CAST({read} AS {fine}) = TRY_CAST({value} AS {fine}) AND {_plain_digits(read)}"
    elif kind.name in _INTEGER_BITS:
        held = f"TRY_CAST({read} AS DECIMAL(38,6)) = TRY_CAST({value} AS DECIMAL(38,6)) AND {_plain_digits(read)}"
    elif kind.name in _TIMES:
        held = f"{_is_plain_year(read, value)} AND {_is_no_word(column, read, value)}"
    elif kind.name == "double":
        held = f"isfinite({value}) AND {_plain_digits(read)}"
    else:
        held = f"{value} IS NOT NULL"
    return Cast(value, f"({read} IS NULL OR coalesce({held}, false))", _complaint(column))


def moment(column: Column, read: str) -> str:
    """SQL of a time column's moment (µs since 1970), by which versions are ordered; its text may name a zone."""
    if column.format is None and column.timezone is None and column.type.name != "date":
        return f"epoch_us(TRY_CAST({read} AS TIMESTAMPTZ))"
    return f"epoch_us(CAST({_parsed(column, read)} AS TIMESTAMPTZ))"


def _with_point(read: str) -> str:
    """A number like 1.234,50 as 1234.50; what is written otherwise as something that is no number."""
    plain = f"replace(regexp_replace({read}, {_GROUPING}, '', 'g'), ',', '.')"
    return f"CASE WHEN {read} IS NULL THEN NULL WHEN regexp_full_match({read}, {_COMMA}) THEN {plain} ELSE 'no' END"


def _plain_digits(read: str) -> str:
    """DuckDB takes 1_000 for a number; an order file that holds it means something else."""
    return f"NOT contains({read}, '_')"


def _is_plain_year(read: str, value: str) -> str:
    """10/2/17 would be the year 10: a year before 1000 counts only when it is written with four digits."""
    early = f"year({value}) > 0 AND {read} LIKE '0___-%'"
    return f"isfinite({value}) AND (year({value}) BETWEEN 1000 AND 9999 OR ({early}))"


def _is_no_word(column: Column, read: str, value: str) -> str:
    """DuckDB reads the word `epoch` as a date."""
    day = "1970-01-01" if column.format is None else "1900-01-01"
    return f"({value} <> {quote(day)} OR lower(trim({read})) <> 'epoch')"


def _parsed(column: Column, read: str) -> str:
    kind = column.type
    if kind.name not in _TIMES:
        return f"TRY_CAST({read} AS {kind.sql})"
    if column.format is not None:
        return f"CAST(try_strptime({read}, {quote(column.format)}) AS {kind.sql})"
    if column.timezone is None:
        return f"TRY_CAST({read} AS {kind.sql})"
    there = f"TRY_CAST({read} AS TIMESTAMPTZ) AT TIME ZONE {quote(column.timezone)}"
    local = f"CASE WHEN regexp_matches({read}, {_OFFSET}) THEN {there} ELSE TRY_CAST({read} AS TIMESTAMP) END"
    return f"CAST({local} AS {kind.sql})"


def _complaint(column: Column) -> str:
    kind = column.type
    before = kind.precision - kind.scale
    if column.has_comma:
        return f"is not a number like {'1.234,50' if kind.name in ('decimal', 'double') else '1.234'} that fits {kind}"
    return {
        "decimal": f"is not a number with at most {kind.scale} decimals and {before} digits before them",
        "bigint": "is not a whole number of 64 bits",
        "id": "is not a whole number of 64 bits",
        "int": "is not a whole number of 32 bits",
        "double": "is not a finite number",
        "boolean": "is neither true nor false",
        "date": f"is not a date like {column.format or '2024-12-31'}",
        "timestamp": f"is not a time like {column.format or '2024-12-31 23:59:59'}",
        "timestamptz": f"is not a time like {column.format or '2024-12-31T23:59:59+00:00'}",
        "string": "is not text",
    }[kind.name]
