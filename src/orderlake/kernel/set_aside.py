"""What a share sets aside: records that cannot be loaded, or that a check takes out, with text and reason."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import parquet, quote
from orderlake.kernel.flags import FLAGS, Flag, flags_at, taking
from orderlake.kernel.flatten import NUMBER, Grain, Plan
from orderlake.kernel.raws import rows_of
from orderlake.kernel.read_json import keep_raws, kept_raws
from orderlake.kernel.shape import inner
from orderlake.kernel.split import Lines, Share
from orderlake.model.staged import ROW_BITS, ROW_MASK

if TYPE_CHECKING:
    import duckdb

PARQUET: Final = "(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 61440)"
_AT_ONCE: Final = 500
_NO_JSON: Final = "is not valid JSON"
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""An escape in a JSON text; two that make one character are one."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """What is set aside: `counts` records per segment, in Parquet files (`rejected`, as model.staged.REJECTED).

    `taken` are files, by grain, with the flags of rows that were staged and taken out again.
    """

    rejected: tuple[str, ...] = ()
    taken: Mapping[Grain, tuple[str, ...]] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: SetAside) -> SetAside:
        """Both."""
        every = {*self.counts, *other.counts}
        counts = {segment: self.counts.get(segment, 0) + other.counts.get(segment, 0) for segment in every}
        grains = {*self.taken, *other.taken}
        taken = {grain: self.taken.get(grain, ()) + other.taken.get(grain, ()) for grain in grains}
        return SetAside(self.rejected + other.rejected, taken, counts)


@dataclass(frozen=True, slots=True)
class Part:
    """A share that is staged as a segment, or a part of one; `start` records of the segment come before it.

    `lines` counts those of the share's file.
    """

    segment: int
    share: Share
    lines: Lines
    start: int = 0

    @property
    def base(self) -> int:
        """The `_rid` before its first record's."""
        return (self.segment << ROW_BITS) + self.start


def take_out(
    cursor: duckdb.DuckDBPyConnection, plan: Plan, part: Part, files: Mapping[Grain, str], copy: Path
) -> tuple[dict[Grain, str], SetAside]:
    """Set aside the strictly read rows of a CSV share that fail a check which takes them out.

    Gives the files without them, and what is set aside. Texts are kept in a file beside `copy` for a while.
    """
    if not _find_flagged(cursor, plan, files):
        return dict(files), SetAside()
    texts = copy.with_suffix(".flagged.csv")
    try:
        numbers = f"SELECT _rid - {part.base} FROM flagged ORDER BY 1"
        longest = keep_raws(rows_of(cursor, part.share, numbers, part.lines), part.base, texts)
        found = _texts(f"({kept_raws({texts: 0}, longest)})")
        rejected, counts = _put(cursor, files[plan.shape.grains[0]], _of_checks(plan, found))
    finally:
        texts.unlink(missing_ok=True)
    clean, taken = _cleaned(cursor, plan, files)
    return clean, SetAside(rejected, taken, counts)


def _cleaned(
    cursor: duckdb.DuckDBPyConnection, plan: Plan, files: Mapping[Grain, str]
) -> tuple[dict[Grain, str], dict[Grain, tuple[str, ...]]]:
    """Files without the flagged records, and files with the flags of those.

    Written once more, so that all that follows reads what it is about, and plain files can take row groups over.
    """
    clean: dict[Grain, str] = {}
    taken: dict[Grain, tuple[str, ...]] = {}
    for grain, file in files.items():
        folder, _, base = file.rpartition("/")
        clean[grain], flags = f"{folder}/clean-{base}", f"{folder}/flags-{base}"
        staged = f"{parquet([file])} AS s"
        cursor.execute(
            f"COPY (SELECT s.* FROM {staged} ANTI JOIN flagged USING (_rid)) TO {quote(clean[grain])} {PARQUET}"
        )
        if flags_at(plan, grain):
            levels = "".join(f"_i{depth}, " for depth in range(1, len(plan.shape.levels(grain)) + 1))
            columns = f"_rid, {levels}{FLAGS}"
            cursor.execute(
                f"COPY (SELECT {columns} FROM {staged} SEMI JOIN flagged USING (_rid)) TO {quote(flags)} {PARQUET}"
            )
            taken[grain] = (flags,)
        Path(file).unlink(missing_ok=True)  # of a bucket's it is no path: they go with their folder
    return clean, taken


def _find_flagged(cursor: duckdb.DuckDBPyConnection, plan: Plan, files: Mapping[Grain, str]) -> bool:
    """Fill the temporary table `flagged` with `_rid` and flags of what is to be taken out; whether there is any."""
    takes = sum(flag.mask for flag in taking(plan))
    if not takes:
        return False
    grains = {plan.grain_of(flag.spec.rows) for flag in taking(plan)}
    every = " UNION ALL ".join(f"SELECT _rid, {FLAGS} AS f FROM {parquet([files[grain]])}" for grain in grains)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE flagged AS SELECT _rid, bit_or(f & {takes}) AS f FROM ({every}) "
        f"WHERE f & {takes} <> 0 GROUP BY _rid"
    )
    return cursor.execute("SELECT count(*) FROM flagged").fetchone() != (0,)


def put_carefully(
    cursor: duckdb.DuckDBPyConnection, plan: Plan, base: int, files: Mapping[Grain, str]
) -> tuple[dict[Grain, str], SetAside]:
    """Set aside what careful reading found wrong (`bad`), and what of the rest fails a check that takes it out.

    `raws` has the texts; `base` is the `_rid` before the first of them. Gives the files without them, too.
    """
    _explain(cursor)
    first = files[plan.shape.grains[0]]
    line, raw = inner("line"), inner("raw")
    bad = (
        f"SELECT CAST(({base} + b.{NUMBER}) >> {ROW_BITS} AS INTEGER) AS segment, "
        f"({base} + b.{NUMBER}) & {ROW_MASK} AS position, r.line, b.field, "
        "coalesce(e.reason, b.reason) AS reason, r.raw, NULL::VARCHAR AS check_name, 'quarantine' AS action "
        f"FROM (SELECT {NUMBER}, min_by(field, field || reason) AS field, min_by(reason, field || reason) AS reason "
        f"FROM bad GROUP BY {NUMBER}) AS b "
        f"JOIN (SELECT {NUMBER}, {line} AS line, {raw} AS raw FROM raws) AS r USING ({NUMBER}) "
        f"LEFT JOIN explained AS e USING ({NUMBER})"
    )
    is_flagged = _find_flagged(cursor, plan, files)
    if is_flagged:
        bad = f"{bad} UNION ALL {_of_checks(plan, _texts('raws', base))}"
    rejected, counts = _put(cursor, first, bad)
    for table in ("bad", "raws", "records", "explained"):
        cursor.execute(f"DROP TABLE {table}")
    clean, taken = _cleaned(cursor, plan, files) if is_flagged else (dict(files), {})
    return clean, SetAside(rejected, taken, counts)


def _put(cursor: duckdb.DuckDBPyConnection, first: str, select: str) -> tuple[tuple[str, ...], dict[int, int]]:
    """Write the records to be set aside beside the first grain's file; give that file, and how many per segment."""
    folder, _, file = first.rpartition("/")
    rejected = f"{folder}/rejected-{file}"
    cursor.execute(f"COPY ({select} ORDER BY segment, position) TO {quote(rejected)} {PARQUET}")
    counts = cursor.execute(f"SELECT segment, count(*) FROM {parquet([rejected])} GROUP BY ALL").fetchall()
    return ((rejected,) if counts else ()), {int(segment): int(count) for segment, count in counts}


def _of_checks(plan: Plan, texts: str) -> str:
    """SELECT what failed a check as records set aside; `texts` gives `_rid`, line and raw."""
    takes = taking(plan)
    return (
        f"SELECT CAST(_rid >> {ROW_BITS} AS INTEGER) AS segment, _rid & {ROW_MASK} AS position, t.line, "
        f"{_first(takes, [flag.field for flag in takes])} AS field, {_all(takes, _reasons(takes), '; ')} AS reason, "
        f"t.raw, {_all(takes, [flag.check.name for flag in takes], ', ')} AS check_name, "
        f"CASE WHEN f & {sum(flag.mask for flag in takes if flag.check.on_fail == 'quarantine')} <> 0 "
        f"THEN 'quarantine' ELSE 'drop' END AS action FROM flagged JOIN {texts} AS t USING (_rid)"
    )


def _texts(raws: str, base: int = 0) -> str:
    """A FROM item with `_rid`, line and raw of records that are numbered from `base` on."""
    return f"(SELECT {base} + {NUMBER} AS _rid, {inner('line')} AS line, {inner('raw')} AS raw FROM {raws})"


def _reasons(flags: Sequence[Flag]) -> list[str]:
    return [f"{flag.check.message} (check {flag.spec.name}.{flag.check.name})" for flag in flags]


def _first(flags: Sequence[Flag], values: Sequence[str]) -> str:
    cases = " ".join(
        f"WHEN f & {flag.mask} <> 0 THEN {quote(value)}" for flag, value in zip(flags, values, strict=True)
    )
    return f"CASE {cases} END"


def _all(flags: Sequence[Flag], values: Sequence[str], between: str) -> str:
    cases = (
        f"CASE WHEN f & {flag.mask} <> 0 THEN {quote(value)} END" for flag, value in zip(flags, values, strict=True)
    )
    return f"concat_ws({quote(between)}, {', '.join(cases)})"


def _explain(cursor: duckdb.DuckDBPyConnection) -> None:
    """Fill `explained`: where the JSON of records that are none breaks off, which Python tells better."""
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE explained ({NUMBER} BIGINT, reason VARCHAR)")
    last = 0
    broken = f"(SELECT {NUMBER} FROM bad WHERE reason = {quote(_NO_JSON)} AND {NUMBER} > {{last}}) AS b"
    while some := cursor.execute(
        f"SELECT {NUMBER}, {inner('raw')} FROM raws SEMI JOIN {broken.format(last=last)} USING ({NUMBER}) "
        f"ORDER BY {NUMBER} LIMIT {_AT_ONCE}"
    ).fetchall():
        last = some[-1][0]
        said = [explained(raw) for _, raw in some]
        cursor.execute("INSERT INTO explained SELECT unnest(?), unnest(?)", [[number for number, _ in some], said])


def explained(raw: str) -> str:
    """Why a text is no JSON, with the place where it breaks off."""
    try:
        json.loads(raw)
    except json.JSONDecodeError as error:
        return f"{_NO_JSON}: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
    except RecursionError:
        return f"{_NO_JSON}: nested too deeply"
    lone = next((escape.start("lone") for escape in _ESCAPE.finditer(raw) if escape["lone"]), 0)
    return f"{_NO_JSON}: a lone surrogate at character {lone}" if lone else _NO_JSON
