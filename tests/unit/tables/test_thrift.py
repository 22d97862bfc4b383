"""Thrift's compact protocol: what is read is written back byte for byte."""

import struct as packing
from operator import itemgetter

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlake.tables import thrift
from orderlake.tables.thrift import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    SET,
    STRUCT,
    TRUE,
    Reader,
    dump,
    get,
    put,
    without,
)


def footer_bytes(path):
    data = path.read_bytes()
    (length,) = packing.unpack("<I", data[-8:-4])
    return data[-8 - length : -8]


def duckdb_file(path, options):
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT i AS id, 'n' || i AS name, i::DECIMAL(18,2) AS money, DATE '2024-01-01' + i::INT AS day, "
            f"[i, i + 1] AS list, {{'a': i}} AS nested, NULL::BIGINT AS nothing, i % 2 = 0 AS even "
            f"FROM range(3000) t(i)) TO '{path}' (FORMAT parquet, {options})"
        )


@pytest.mark.parametrize(
    "options",
    [
        "COMPRESSION snappy",
        "COMPRESSION zstd, ROW_GROUP_SIZE 2048",
        "PARQUET_VERSION v2",
        "FIELD_IDS {id: 1, name: 2}",
        "KV_METADATA {note: 'ä'}",
        "ROW_GROUP_SIZE 2048, WRITE_BLOOM_FILTER true",
    ],
)
def test_a_footer_of_duckdb_comes_back_byte_for_byte(tmp_path, options):
    duckdb_file(tmp_path / "f.parquet", options)
    raw = footer_bytes(tmp_path / "f.parquet")
    assert dump(Reader(raw).struct()) == raw


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"version": "1.0"},
        {"row_group_size": 7, "write_page_index": True},
        {"store_schema": False, "compression": "none"},
    ],
)
def test_a_footer_of_pyarrow_comes_back_byte_for_byte(tmp_path, options):
    table = pa.table(
        {"id": range(20), "text": ["ä"] * 20, "list": [[1, None]] * 20, "f": [0.5] * 20, "none": [None] * 20}
    )
    pq.write_table(table, tmp_path / "f.parquet", **options)
    raw = footer_bytes(tmp_path / "f.parquet")
    assert dump(Reader(raw).struct()) == raw


def values(wire, deeper):
    return {
        TRUE: st.just(True),
        FALSE: st.just(False),
        BYTE: st.integers(0, 255),
        I16: st.integers(-(2**15), 2**15 - 1),
        I32: st.integers(-(2**31), 2**31 - 1),
        I64: st.integers(-(2**63), 2**63 - 1),
        DOUBLE: st.binary(min_size=8, max_size=8),
        BINARY: st.binary(max_size=200),
        LIST: lists(deeper),
        SET: lists(deeper),
        STRUCT: deeper,
    }[wire]


def lists(deeper):
    element = st.sampled_from([TRUE, I32, I64, BINARY, STRUCT])
    # In a list a truth value is a byte of its own, whatever the element type says.
    item = {TRUE: st.booleans()}
    return element.flatmap(
        lambda wire: st.tuples(st.just(wire), st.lists(item.get(wire, values(wire, deeper)), max_size=20))
    )


def fields(deeper):
    wires = st.sampled_from([TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, STRUCT])
    field = st.tuples(st.integers(1, 400), wires).flatmap(
        lambda drawn: st.tuples(st.just(drawn[0]), st.just(drawn[1]), values(drawn[1], deeper))
    )
    return st.lists(field, unique_by=itemgetter(0), max_size=6).map(lambda found: sorted(found, key=itemgetter(0)))


structs = fields(fields(st.just([])))


@given(structs)
def test_any_struct_comes_back(struct):
    assert Reader(dump(struct)).struct() == struct


def test_an_unknown_wire_type_is_refused():
    with pytest.raises(ValueError, match="no place in a Parquet footer"):
        Reader(bytes([0x1B, 0])).struct()


def test_get_put_and_without_leave_the_original_alone():
    struct = [(1, I32, 5), (3, BINARY, b"x")]
    assert get(struct, 3) == b"x"
    assert get(struct, 2) is None
    assert get(struct, 2, 7) == 7
    assert put(struct, 2, I64, 9) == [(1, I32, 5), (2, I64, 9), (3, BINARY, b"x")]
    assert put(struct, 1, I32, 6) == [(1, I32, 6), (3, BINARY, b"x")]
    assert without(struct, 1, 3) == []
    assert struct == [(1, I32, 5), (3, BINARY, b"x")]


def test_wire_types_have_the_numbers_of_the_specification():
    assert (thrift.TRUE, thrift.BINARY, thrift.LIST, thrift.STRUCT) == (1, 8, 9, 12)
