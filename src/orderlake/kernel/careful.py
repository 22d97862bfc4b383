"""Stage one text with care: what cannot be loaded is set aside record by record, all else is staged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import quote
from orderlake.kernel import flatten, read_csv, read_json, rescue
from orderlake.kernel.complaints import value_complaints
from orderlake.kernel.flatten import NUMBER
from orderlake.kernel.scan import Text
from orderlake.kernel.shape import inner
from orderlake.model.staged import ROW_BITS, Rejection

if TYPE_CHECKING:
    import duckdb

PARQUET: Final = "(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 61440)"


@dataclass(frozen=True, slots=True)
class Careful:
    """How a text is read with care: by a plan, with working files named after `work`."""

    plan: flatten.Plan
    work: Path


def stage_carefully(
    cursor: duckdb.DuckDBPyConnection, how: Careful, text: Text, base: int, files: Mapping[flatten.Grain, str]
) -> tuple[int, tuple[Rejection, ...]]:
    """Write a text's grains to `files`; give the number of records read, and the rejected ones.

    `base` is the `_rid` before its first record's. UnreadableObjectError when the text does not even tell its
    records, UnbalancedError when it ends inside one. The tables made on the way are the cursor's own.
    """
    plan = how.plan
    count = (read_json if text.dialect is None else read_csv).read_carefully(cursor, plan, text, how.work)
    for grain in plan.shape.grains:
        cursor.execute(f"INSERT INTO bad {value_complaints(plan, grain, 'records')}")
    records = rescue.careful_relation(cursor, plan) if plan.stream.contract.is_kept else "records"
    for grain, file in files.items():
        cursor.execute(f"COPY ({flatten.careful_sql(plan, grain, records, 'bad', base)}) TO {quote(file)} {PARQUET}")
    return count, _rejections(cursor, base)


def _rejections(cursor: duckdb.DuckDBPyConnection, base: int) -> tuple[Rejection, ...]:
    rows = cursor.execute(
        f"SELECT b.{NUMBER}, any_value(r.{inner('line')}), min_by(b.field, b.field || b.reason), "
        f"min_by(b.reason, b.field || b.reason), any_value(r.{inner('raw')}) "
        f"FROM bad AS b JOIN raws AS r USING ({NUMBER}) GROUP BY b.{NUMBER} ORDER BY b.{NUMBER}"
    ).fetchall()
    for table in ("bad", "raws", "records"):
        cursor.execute(f"DROP TABLE {table}")
    segment, before = base >> ROW_BITS, base & ((1 << ROW_BITS) - 1)
    return tuple(
        Rejection(segment, before + int(number), field, read_json.explained(reason, raw), raw, line)
        for number, line, field, reason, raw in rows
    )
