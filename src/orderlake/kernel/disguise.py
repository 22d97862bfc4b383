"""What is stored in place of personal data, as SQL: masked, hashed with the project's key, or nothing.

The key is a variable of each connection, so that no SQL text has it, and no complaint about one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from orderlake.engine import quote
from orderlake.model.pii import Path
from orderlake.model.tag import Tag

if TYPE_CHECKING:
    import duckdb

_BLOCK: Final = 64
"""Bytes of a block of SHA-256, for HMAC (RFC 2104)."""
_INNER, _OUTER = "orderlake_inner", "orderlake_outer"
_MASKED: Final = r"([^\s@.])[^\s@.]*"
"""Of a text each run of letters between blanks, `@` and dots; its first one stays."""
_STARS: Final = r"\1***"


def arm(cursor: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Give a connection the key that its hashes are made with."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    for variable, pad in ((_INNER, 0x36), (_OUTER, 0x5C)):
        cursor.execute(f"SET VARIABLE {variable} = ?::BLOB", [bytes(byte ^ pad for byte in block)])


def hashed(text: str) -> str:
    """SQL of the HMAC-SHA-256 of a text (SQL) in an armed connection, as 64 hexadecimal digits; NULL of NULL."""
    inside = f"unhex(sha256(getvariable('{_INNER}') || encode({text})))"
    return f"sha256(getvariable('{_OUTER}') || {inside})"


def keyed(number: str) -> str:
    """SQL of a whole number (UBIGINT) made of another with the key, so that nobody can try out what it was made of."""
    digest = f"sha256(getvariable('{_OUTER}') || encode(CAST({number} AS VARCHAR)))"
    return f"CAST('0x' || left({digest}, 16) AS UBIGINT)"


def stored(policy: Tag, value: str, kind: str) -> str:
    """SQL of what is stored of a value (SQL) of a type."""
    if policy == "drop":
        return f"CAST(NULL AS {kind})"
    return hashed(value) if policy == "hash" else f"regexp_replace({value}, {quote(_MASKED)}, {quote(_STARS)}, 'g')"


def stored_entries(policies: Mapping[Path, Tag], column: str) -> str:
    """SQL of a list of entries of what has no column: {path, value}, the value as JSON text.

    What holds a tagged field, being of another kind than declared, is dropped with it.
    """
    cases = []
    for path, policy in policies.items():
        at = ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in path)
        inside = f"x.path = {quote(at)} OR starts_with(x.path, {quote(at + '.')})"
        above = [".".join(path[:depth]) for depth in range(1, len(path))]
        cases += [f"WHEN x.path IN ({', '.join(map(quote, above))}) THEN 'null'"] if above else []
        text = "coalesce(json_extract_string(x.value, '$'), x.value)"
        value = "'null'" if policy == "drop" else f"CAST(to_json({stored(policy, text, 'VARCHAR')}) AS VARCHAR)"
        cases.append(f"WHEN {inside} THEN CASE WHEN x.value = 'null' THEN x.value ELSE {value} END")
    value = f"CASE WHEN x.value IS NULL THEN NULL {' '.join(cases)} ELSE x.value END"
    return f"list_transform({column}, lambda x: {{'path': x.path, 'value': {value}}})"
