"""Every byte that is stored under a folder, as it lies and as it reads: unpacked, and Parquet and Avro decoded."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb
import fastavro
import zstandard


def holders(folder: Path, text: str, without: Collection[str] = ()) -> list[str]:
    """The files that hold a text anywhere, letter case apart; not those under names that are left out."""
    wanted = text.lower().encode()
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or any(name == each or name.startswith(f"{each}/") for each in without):
            continue
        if wanted in name.lower().encode() or any(wanted in data.lower() for data in readings(path)):
            found.append(name)
    return found


def readings(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what they are read as."""
    data = path.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        yield zlib.decompressobj(wbits=31).decompress(data)
        yield gzip.decompress(data)
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        yield zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    elif data[:4] == b"PAR1":
        rows = duckdb.execute(f"FROM read_parquet('{path}', hive_partitioning = false)").fetchall()
        yield repr(rows).encode()
        yield repr(duckdb.execute(f"FROM parquet_metadata('{path}')").fetchall()).encode()
    elif data[:3] == b"Obj":
        with path.open("rb") as file:
            yield json.dumps([repr(each) for each in fastavro.reader(file)]).encode()
    elif b"\0" in data[:200]:
        yield data.decode("utf-16", errors="ignore").encode()
