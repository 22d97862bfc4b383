"""Stage bytes in one call, and look at what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orderlake.engine import connect, parquet
from orderlake.kernel.stage import stage
from orderlake.model.pipeline import Stream, parse_pipeline
from orderlake.model.source import SourceObject
from orderlake.model.staged import REJECTED, ROW_BITS, StagedLoad

ORDERS = """
format: json
key: order_id
tables:
  orders:
    columns:
      order_id: bigint required
      order_date: date
      total: money
      name: string from customer.name
      customer: id from customer.id
      rate: double
      paid: boolean
  lines:
    rows: products
    columns:
      order_id: bigint required
      line: int from products.$position
      sku: string from products.sku
      price: money from products.price
      quantity: int from products.quantity
"""

ROWS = """
format: csv
key: id
tables:
  rows:
    columns:
      id: bigint required
      day: date
      amount: money
      note: string
"""


def stream_of(text: str, **more: object) -> Stream:
    """The stream of a source's YAML; `more` adds to it or replaces parts."""
    body = {"match": ["*"], **yaml.safe_load(text), **more}
    return parse_pipeline({"pipeline": "p", "sources": {"s": body}}, "test").streams[0]


@dataclass(frozen=True)
class Rejection:
    """A record set aside, as it lies in the staged files."""

    segment: int
    position: int
    line: int | None
    field: str
    reason: str
    raw: str
    check_name: str | None
    action: str


@dataclass(frozen=True)
class Staged:
    """What was staged. `rows` have their place in the source as `#source` and `#n`, for all grains together."""

    load: StagedLoad
    rows: tuple[dict[str, Any], ...]
    rejections: tuple[Rejection, ...]

    @property
    def read(self) -> list[int]:
        """Records read per source."""
        counts = [0] * len(self.load.sources)
        for segment in self.load.segments:
            counts[segment.source] += segment.records
        return counts

    @property
    def bad(self) -> list[tuple[int, int | None, str, str]]:
        """(number, line, field, reason) of each rejected record."""
        return [(self.number(bad), bad.line, bad.field, bad.reason) for bad in self.rejections]

    def number(self, bad: Rejection) -> int:
        """A rejected record's number in its source."""
        return bad.position + self.load.segments[bad.segment].base

    def values(self, *names: str) -> list[tuple[Any, ...]]:
        """These columns (paths) of each row, each distinct row of a record once."""
        found = [(row["#source"], row["#n"], *(row[name] for name in names)) for row in self.rows]
        return [row[2:] for row in dict.fromkeys(found)]

    def column(self, name: str) -> list[Any]:
        """One column, each record's distinct values once."""
        return [value for (value,) in self.values(name)]

    def check(self) -> None:
        """Every record read is accepted or rejected, and none is both."""
        good = {(row["#source"], row["#n"]) for row in self.rows}
        bad = [(self.load.segments[one.segment].source, self.number(one)) for one in self.rejections]
        assert len(set(bad)) == len(bad)
        assert not good & set(bad)
        assert sum(self.read) == len(good) + len(bad)


def stage_files(folder: Path, stream: Stream, files: Mapping[str, bytes], workers: int = 2) -> Staged:
    """Stage these contents as one group."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for number, (name, content) in enumerate(files.items()):
        path = folder / name
        path.write_bytes(content)
        sources.append((SourceObject(name, str(path), len(content), number), path))
    engine = connect(folder / "spill", workers=workers)
    try:
        load = stage(engine, stream, sources, folder / "staged")
    finally:
        engine.close()
    staged = staged_of(load)
    staged.check()
    return staged


def staged_of(load: StagedLoad) -> Staged:
    """Look at what was staged."""
    return Staged(load, tuple(_rows(load)), _rejections(load))


def stage_one(folder: Path, content: bytes | str, stream: Stream | None = None, workers: int = 2) -> Staged:
    """Stage one content, by default as orders."""
    data = content.encode() if isinstance(content, str) else content
    return stage_files(folder, stream or stream_of(ORDERS), {"file": data}, workers)


def _rejections(load: StagedLoad) -> tuple[Rejection, ...]:
    if not load.rejected:
        return ()
    rows = duckdb.execute(f"SELECT {', '.join(REJECTED)} FROM {parquet(load.rejected)} ORDER BY segment, position")
    found = tuple(Rejection(*row) for row in rows.fetchall())
    counted = [sum(one.segment == at for one in found) for at in range(len(load.segments))]
    assert counted == [segment.rejected for segment in load.segments]
    return found


def _rows(load: StagedLoad) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for files in load.grains.values():
        if not files:
            continue
        found = duckdb.execute(f"SELECT * FROM {parquet(files)}")
        names = [column[0].split("|")[0] for column in found.description or ()]
        some = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
        some.sort(key=lambda row: (row["_rid"], row.get("_i1") or 0, row.get("_i2") or 0))
        for row in some:
            segment = load.segments[row["_rid"] >> ROW_BITS]
            number = (row["_rid"] & ((1 << ROW_BITS) - 1)) + segment.base
            rows.append({**row, "#source": segment.source, "#n": number})
    return rows
