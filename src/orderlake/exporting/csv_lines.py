"""CSV as `orderlake query --format csv` writes it, but by the engine: a row is made a line in SQL, so any size streams.

RFC 4180: lines end in CR LF, marks are doubled within marks, NULL is empty and an empty text is `""`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orderlake.engine import name
from orderlake.values import csv_row

OPTIONS: Final = "FORMAT csv, HEADER true, QUOTE '', ESCAPE '', DELIMITER '\x01', NEW_LINE '\\r\\n'"
"""With neither marks nor (as good as) a delimiter of its own, the engine writes lines as they are."""
_PLAIN: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER")
_PLAIN_TOO: Final = ("UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "BOOLEAN", "DATE", "DECIMAL")
_QUOTED: Final = r"""^$|[,"\r\n]|^\s|\s$"""
_FORMULA: Final = r"^[=+\-@\t\r]"
"""How a text begins that a spreadsheet would run."""


def lines(columns: Mapping[str, str], source: str, *, excel_safe: bool) -> str:
    r"""A SELECT of one column, the lines of `source` (a FROM item of these columns and types); its name is the header.

    >>> lines({"n": "INTEGER"}, "t", excel_safe=False)
    'SELECT coalesce(CAST("n" AS VARCHAR), \'""\') AS "n" FROM t'
    """
    header = csv_row(list(columns))
    if len(columns) == 1:
        (column, kind), *_ = columns.items()  # an empty line would be no row at all to most readers
        line = f"coalesce({_cell(name(column), kind, excel_safe)}, '\"\"')"
    else:
        cells = (f"coalesce({_cell(name(column), kind, excel_safe)}, '')" for column, kind in columns.items())
        line = " || ',' || ".join(cells)
    return f"SELECT {line} AS {name(header)} FROM {source}"


def _cell(column: str, kind: str, excel_safe: bool) -> str:  # noqa: FBT001 - one of three, all of them needed
    if kind.startswith((*_PLAIN, *_PLAIN_TOO)) and not kind.endswith("]"):
        return f"CAST({column} AS VARCHAR)"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"{_moment(f'make_timestamp(epoch_us({column}))')} || '+00:00'"
    if kind.startswith("TIMESTAMP"):
        return _moment(f"CAST({column} AS TIMESTAMP)")
    if kind == "BLOB":
        return f"lower(hex({column}))"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        return _text(f"CAST(to_json({column}) AS VARCHAR)", excel_safe=False)
    return _text(f"CAST({column} AS VARCHAR)", excel_safe=excel_safe)


def _moment(value: str) -> str:
    """ISO 8601, with a fraction only where there is one."""
    return (
        f"CASE WHEN date_trunc('second', {value}) = {value} THEN strftime({value}, '%Y-%m-%dT%H:%M:%S') "
        f"ELSE strftime({value}, '%Y-%m-%dT%H:%M:%S.%f') END"
    )


def _text(value: str, *, excel_safe: bool) -> str:
    if excel_safe:
        value = f"(CASE WHEN regexp_matches({value}, '{_FORMULA}') THEN '''' || {value} ELSE {value} END)"
    marked = f"""'"' || replace({value}, '"', '""') || '"'"""
    return f"(CASE WHEN regexp_matches({value}, '{_QUOTED}') THEN {marked} ELSE {value} END)"
