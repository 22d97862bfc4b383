"""The types that a mart is kept in: those that every engine reads."""

from __future__ import annotations

from typing import Final

from orderlake.model.column import ColumnType

_TYPES: Final = {
    "VARCHAR": "string",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
_WIDER: Final = {
    "TINYINT": "INTEGER",
    "SMALLINT": "INTEGER",
    "UTINYINT": "INTEGER",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(38,0)",
    "HUGEINT": "DECIMAL(38,0)",
    "FLOAT": "DOUBLE",
}
"""Types that no other engine has, and what holds every value that occurs in practice; else the cast says so."""


def kept_as(kind: str) -> str:
    """The type in which a mart keeps a column of DuckDB's type.

    >>> kept_as("HUGEINT"), kept_as("DATE")
    ('DECIMAL(38,0)', 'DATE')
    """
    return _WIDER.get(kind, kind)


def column_type(kind: str) -> ColumnType | None:
    """The same as a column's type; None when other engines have no such type.

    >>> column_type("HUGEINT"), column_type("INTEGER[]")
    (ColumnType(name='decimal', precision=38, scale=0), None)
    """
    wider = kept_as(kind)
    if wider.startswith("DECIMAL"):
        return ColumnType.parse(wider.lower())
    return ColumnType.parse(_TYPES[wider]) if wider in _TYPES else None
