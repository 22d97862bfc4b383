"""Thrift's compact protocol, as far as a Parquet footer needs it: read to a tree, write the tree back.

A struct is a list of (field id, wire type, value). Nothing is lost between reading and writing, so
fields this code has never heard of survive. Source: the Apache Thrift compact protocol specification.
"""

from __future__ import annotations

from typing import Any, Final

Struct = list[tuple[int, int, Any]]

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
_INTEGERS: Final = (I16, I32, I64)
_LONG_LIST: Final = 15


def get(struct: Struct, field: int, default: object = None) -> Any:  # noqa: ANN401 - the format says what a field is
    """The value of a field, or `default`; a list's value is (element type, items)."""
    return next((value for number, _, value in struct if number == field), default)


def put(struct: Struct, field: int, wire: int, value: object) -> Struct:
    """A copy with the field set, in id order."""
    kept = [item for item in struct if item[0] != field]
    return sorted([*kept, (field, wire, value)], key=lambda item: item[0])


def without(struct: Struct, *fields: int) -> Struct:
    """A copy without these fields."""
    return [item for item in struct if item[0] not in fields]


class Reader:
    """Reads values from bytes, front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Struct:
        """Read a struct up to its stop byte."""
        fields: Struct = []
        number = 0
        while (head := self._byte()) != 0:
            delta, wire = head >> 4, head & 15
            number = number + delta if delta else self._zigzag()
            fields.append((number, wire, self._value(wire)))
        return fields

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        shift = value = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the continuation bit
                return value
            shift += 7

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _value(self, wire: int) -> object:
        if wire in (TRUE, FALSE):
            return wire == TRUE
        if wire in _INTEGERS:
            return self._zigzag()
        if wire in (BINARY, DOUBLE):
            return self._bytes(8 if wire == DOUBLE else self._varint())
        if wire == STRUCT:
            return self.struct()
        if wire in (LIST, SET):
            return self._list()
        if wire == BYTE:
            return self._byte()
        raise ValueError(f"wire type {wire} has no place in a Parquet footer")

    def _list(self) -> tuple[int, list[object]]:
        head = self._byte()
        count, wire = head >> 4, head & 15
        if count == _LONG_LIST:
            count = self._varint()
        if wire in (TRUE, FALSE):
            return wire, [self._byte() == TRUE for _ in range(count)]
        return wire, [self._value(wire) for _ in range(count)]


def dump(struct: Struct) -> bytes:
    """Write a struct."""
    out = bytearray()
    _struct(out, struct)
    return bytes(out)


def _varint(out: bytearray, value: int) -> None:
    while value > 127:  # noqa: PLR2004 - seven bits to a byte
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _zigzag(out: bytearray, value: int) -> None:
    _varint(out, value * 2 if value >= 0 else -value * 2 - 1)


def _struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for number, wire, value in struct:
        kind = (TRUE if value else FALSE) if wire in (TRUE, FALSE) else wire
        delta = number - before
        if 0 < delta < _LONG_LIST:
            out.append(delta << 4 | kind)
        else:
            out.append(kind)
            _zigzag(out, number)
        before = number
        if wire not in (TRUE, FALSE):
            _value(out, wire, value)
    out.append(0)


def _value(out: bytearray, wire: int, value: Any) -> None:  # noqa: ANN401 - `wire` says what it is
    if wire in _INTEGERS:
        _zigzag(out, value)
    elif wire == BINARY:
        _varint(out, len(value))
        out += value
    elif wire == STRUCT:
        _struct(out, value)
    elif wire in (LIST, SET):
        _list(out, value)
    elif wire == BYTE:
        out.append(value)
    else:
        out += value


def _list(out: bytearray, value: tuple[int, list[Any]]) -> None:
    wire, items = value
    if len(items) < _LONG_LIST:
        out.append(len(items) << 4 | wire)
    else:
        out.append(_LONG_LIST << 4 | wire)
        _varint(out, len(items))
    for item in items:
        if wire in (TRUE, FALSE):
            out.append(TRUE if item else FALSE)
        else:
            _value(out, wire, item)
