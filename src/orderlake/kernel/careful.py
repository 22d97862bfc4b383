"""Stage one text with care: what cannot be loaded is set aside record by record, all else is staged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orderlake.engine import quote
from orderlake.kernel import flatten, read_csv, read_json, rescue
from orderlake.kernel.complaints import value_complaints
from orderlake.kernel.flags import flagged
from orderlake.kernel.scan import Text
from orderlake.kernel.set_aside import PARQUET, SetAside, put_carefully
from orderlake.kernel.split import Lines

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Careful:
    """How a text is read with care: by a plan, with working files named after `work`."""

    plan: flatten.Plan
    work: Path


@dataclass(frozen=True, slots=True)
class Sifted:
    """A file of the records of a share that the sieve kept out (read_json.keep_raws), with lines from 0 in the share.

    The share begins at the byte `start` of a file of which `lines` counts the lines, in the line `first`.
    """

    file: Path
    longest: int
    lines: Lines
    start: int
    first: int = 0

    def placed(self) -> Sifted:
        """The same with the first line, which is told once all workers have told what they have counted."""
        return replace(self, first=self.lines.at(self.start))


def stage_carefully(
    cursor: duckdb.DuckDBPyConnection, how: Careful, text: Text, base: int, files: Mapping[flatten.Grain, str]
) -> tuple[int, dict[flatten.Grain, str], SetAside]:
    """Write a text's grains to `files`; give the number of records read, where they are, and what is set aside.

    `base` is the `_rid` before its first record's. UnreadableObjectError when the text does not even tell its
    records, UnbalancedError when it ends inside one. The tables made on the way are the cursor's own.
    """
    count = (read_json if text.dialect is None else read_csv).read_carefully(cursor, how.plan, text, how.work)
    return count, *_staged(cursor, how.plan, base, files)


def stage_again(
    cursor: duckdb.DuckDBPyConnection, plan: flatten.Plan, sifted: Sequence[Sifted], files: Mapping[flatten.Grain, str]
) -> tuple[dict[flatten.Grain, str], SetAside]:
    """As stage_carefully, for JSON records that strictly read shares have been staged without."""
    longest = max(each.longest for each in sifted)
    read_json.read_again(cursor, plan, {each.file: each.first for each in sifted}, longest)
    return _staged(cursor, plan, 0, files)


def _staged(
    cursor: duckdb.DuckDBPyConnection, plan: flatten.Plan, base: int, files: Mapping[flatten.Grain, str]
) -> tuple[dict[flatten.Grain, str], SetAside]:
    """Write what of the careful records can be loaded."""
    for grain in plan.shape.grains:
        cursor.execute(f"INSERT INTO bad {value_complaints(plan, grain, 'records')}")
    records = rescue.careful_relation(cursor, plan) if plan.stream.contract.is_kept else "records"
    for grain, file in files.items():
        select = flatten.disguised(
            plan, grain, flagged(plan, grain, flatten.careful_sql(plan, grain, records, "bad", base))
        )
        cursor.execute(f"COPY ({select}) TO {quote(file)} {PARQUET}")
    return put_carefully(cursor, plan, base, files)
