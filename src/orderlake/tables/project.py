"""Put row groups of several flat Parquet files into one, with some of their columns, without decoding.

Column chunks are copied byte for byte; only the footer is written anew. This turns staged files,
which carry more columns than a table has, into the table's file for the price of a file copy.
Source: the Apache Parquet format's parquet.thrift.
"""

from __future__ import annotations

import struct as packing
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, BinaryIO, Final

from orderlake.model.column import ColumnType
from orderlake.model.ports import ObjectStore
from orderlake.tables import thrift
from orderlake.tables.thrift import BINARY, I16, I32, I64, LIST, STRUCT, Struct, get, put, without

_MAGIC: Final = b"PAR1"
_COPY: Final = 1 << 20
_LEAST: Final = 12
"""Bytes of the shortest file: its magic twice, and the length of a footer."""


_DECIMAL: Final = 5
_MICROS: Final = 10
_KINDS: Final = {
    (0, None): "boolean",
    (1, None): "int",
    (1, 6): "date",
    (2, None): "bigint",
    (5, None): "double",
    (6, None): "string",
}
"""Types by a leaf's physical and converted type, as parquet.thrift numbers them."""


class NotProjectableError(ValueError):
    """The files do not share a flat schema; write them through the query engine instead."""


def footer(store: ObjectStore, location: str) -> Struct:
    """Read a Parquet file's footer."""
    with store.open(location) as file:
        size = file.seek(0, 2)
        if size < _LEAST:
            raise NotProjectableError(f"{location} is not a Parquet file")
        file.seek(size - 8)
        length, magic = packing.unpack("<I4s", file.read(8))
        if magic != _MAGIC:
            raise NotProjectableError(f"{location} is not a Parquet file")
        file.seek(size - 8 - length)
        return thrift.Reader(file.read(length)).struct()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some row groups of a file, by number; all of them when `groups` is None."""

    location: str
    groups: frozenset[int] | None = None


def project(store: ObjectStore, pieces: Sequence[Piece], columns: Sequence[tuple[str, str]], target: str) -> int:
    """Write `target` (a location) with the (staged name → table name) columns of the pieces; give the number of rows.

    NotProjectableError, and no file, when the pieces' schemas differ or are nested.
    """
    footers = [footer(store, piece.location) for piece in pieces]
    schemas = [_elements(found, columns) for found in footers]
    if not schemas or any(schema != schemas[0] for schema in schemas):
        raise NotProjectableError("the files differ in schema")
    groups: list[Struct] = []
    rows = 0
    with store.writer(target) as out:
        out.write(_MAGIC)
        for piece, found in zip(pieces, footers, strict=True):
            with store.open(piece.location) as file:
                for number, group in enumerate(get(found, 4)[1]):
                    if piece.groups is None or number in piece.groups:
                        groups.append(_group(file, out, group, columns, len(groups)))
                        rows += get(group, 3)
        end = thrift.dump(_footer(footers[0], schemas[0], groups, rows, len(columns)))
        out.write(end)
        out.write(packing.pack("<I4s", len(end), _MAGIC))
    return rows


def column_names(found: Struct) -> list[str]:
    """The columns a footer lists, in order."""
    return [get(leaf, 4).decode() for leaf in get(found, 2)[1][1:]]


def column_types(found: Struct) -> dict[str, ColumnType]:
    """The columns that a footer lists, with those types that a pipeline can declare."""
    kinds = {get(leaf, 4).decode(): _type(leaf) for leaf in get(found, 2)[1][1:]}
    return {column: kind for column, kind in kinds.items() if kind is not None}


def _type(leaf: Struct) -> ColumnType | None:
    converted, physical = get(leaf, 6), get(leaf, 1)
    if converted == _DECIMAL:
        return ColumnType("decimal", get(leaf, 8), get(leaf, 7) or 0)
    if converted == _MICROS:
        zoned = get(get(get(leaf, 10), 8), 1) if get(leaf, 10) is not None else True
        return ColumnType("timestamptz" if zoned else "timestamp")
    kind = _KINDS.get((physical, converted)) or _KINDS.get((physical, None))
    return None if kind is None else ColumnType(kind)


def group_ends(found: Struct) -> list[int]:
    """For each row group, the number of rows up to its end."""
    return list(accumulate(get(group, 3) for group in get(found, 4)[1]))


def _elements(found: Struct, columns: Sequence[tuple[str, str]]) -> list[Struct]:
    root, *leaves = get(found, 2)[1]
    if get(root, 5) != len(leaves):
        raise NotProjectableError("the schema is nested")
    by_name = {get(leaf, 4).decode(): leaf for leaf in leaves}
    if any(old not in by_name for old, _ in columns):
        raise NotProjectableError("a column is missing")
    chosen = [put(by_name[old], 4, BINARY, new.encode()) for old, new in columns]
    return [put(root, 5, I32, len(columns)), *chosen]


def _group(file: BinaryIO, out: BinaryIO, group: Struct, columns: Sequence[tuple[str, str]], ordinal: int) -> Struct:
    chunks = {get(get(chunk, 3), 3)[1][0].decode(): chunk for chunk in get(group, 1)[1]}
    start = out.tell()
    chosen = [_chunk(file, out, chunks[old], new) for old, new in columns]
    sizes = [get(chunk, 3) for chunk in chosen]
    done = put(group, 1, LIST, (STRUCT, chosen))
    done = put(done, 2, I64, sum(get(meta, 6) for meta in sizes))
    done = put(done, 5, I64, start)
    done = put(done, 6, I64, sum(get(meta, 7) for meta in sizes))
    return put(without(done, 4), 7, I16, ordinal)


def _chunk(file: BinaryIO, out: BinaryIO, chunk: Struct, new: str) -> Struct:
    meta = get(chunk, 3)
    data, dictionary = get(meta, 9), get(meta, 11)
    begin = min(data, dictionary) if dictionary else data
    moved = out.tell() - begin
    file.seek(begin)
    left: int = get(meta, 7)
    while left:
        part = file.read(min(left, _COPY))
        out.write(part)
        left -= len(part)
    meta = put(without(meta, 10, 14, 15), 9, I64, data + moved)
    if dictionary:
        meta = put(meta, 11, I64, dictionary + moved)
    meta = put(meta, 3, LIST, (BINARY, [new.encode()]))
    return put(put(without(chunk, 4, 5, 6, 7), 2, I64, 0), 3, STRUCT, meta)


def _footer(first: Struct, schema: list[Struct], groups: list[Struct], rows: int, columns: int) -> Struct:
    done = put(first, 2, LIST, (STRUCT, schema))
    done = put(done, 3, I64, rows)
    done = put(done, 4, LIST, (STRUCT, groups))
    orders: Any = get(first, 7)
    return done if orders is None else put(done, 7, LIST, (orders[0], orders[1][:columns]))
