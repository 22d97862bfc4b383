"""What the kernel hands to the tables: Parquet files of flattened records, and the rejected ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from orderlake.model.check import CheckResult
from orderlake.model.column import Column
from orderlake.model.source import SourceObject

ROW_BITS = 40
"""A staged `_rid` is `segment << ROW_BITS | record number in the segment` (from 1)."""
ROW_MASK: Final = (1 << ROW_BITS) - 1
SEGMENT: Final = f"_rid >> {ROW_BITS}"
"""SQL of a staged row's segment."""


REJECTED: Final = ("segment", "position", "line", "field", "reason", "raw", "check_name", "action")
"""The columns of files of records set aside: where a record stands (`position` is a record number in its segment,
`line` of its source counts from 1), which field, why, its text, the checks it fails (NULL when it cannot be loaded at
all), and whether it waits in `quarantine` or a check told to `drop` it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A share of one source: `source` indexes StagedLoad.sources, `records` counts what was read in it."""

    source: int
    records: int
    base: int
    """What makes a record's number here its number in the source; negative when numbers run on from other sources."""
    rejected: int = 0
    """How many of them are set aside."""
    above: int = 0
    """How many lines of the source end before the one that `line` (REJECTED) counts from."""


@dataclass(frozen=True, slots=True)
class StagedLoad:
    """The staged form of a group of source objects of one stream.

    `grains` gives, per list path ("" for one row per record), the staged Parquet files in order.
    `sources[i]` belongs to the segments whose `source` is i. `rejected` are Parquet files of the records set aside
    (REJECTED), `taken`, by grain, of the flags of those among them that a check took out; `checks` gives per source
    what its checks found.
    """

    sources: tuple[SourceObject, ...]
    segments: tuple[Segment, ...]
    grains: Mapping[tuple[str, ...], tuple[str, ...]]
    rejected: tuple[str, ...] = ()
    taken: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    checks: tuple[tuple[CheckResult, ...], ...] = ()
    found: Mapping[tuple[str, ...], Sequence[str]] = field(default_factory=dict)
    """Per list path ("" for the record itself) the paths of undeclared fields that become columns."""
    changes: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Per source (its place in `sources`) what was new about its fields, a sentence each."""
    resumed: int = 0
    """How many parts of its one, large source were staged before, by a load that was broken off."""

    def per_segment(self, values: Sequence[str], segment: str = SEGMENT) -> str:
        """SQL that picks a value (SQL literals, one per source) by a row's segment."""
        return _picked([values[each.source] for each in self.segments], segment)

    def source(self, segment: str = SEGMENT) -> str:
        """SQL of the number of a row's source (its place in `sources`)."""
        return self.per_segment([str(number) for number in range(len(self.sources))], segment)

    def position(self, number: str = f"_rid & {ROW_MASK}", segment: str = SEGMENT) -> str:
        """SQL of a record's number in its source, from 1, by its number in its segment."""
        return f"({number}) + {_picked([str(each.base) for each in self.segments], segment)}"

    def line(self) -> str:
        """SQL of the line of a record set aside in its source, from 1."""
        return f"line + {_picked([str(each.above) for each in self.segments], 'segment')}"

    def set_aside(self, source: int) -> int:
        """How many records of a source are set aside."""
        return sum(segment.rejected for segment in self.segments if segment.source == source)


def _picked(values: Sequence[str], segment: str) -> str:
    return values[0] if len(set(values)) == 1 else f"[{', '.join(values)}][({segment}) + 1]"


def of_table(levels: int, *, is_own: bool) -> str:
    """SQL over staged rows below so many lists: the row is the innermost list's (`is_own`), or a record's first."""
    if is_own and levels:
        return f"_i{levels} IS NOT NULL"
    return " AND ".join(f"coalesce(_i{depth}, 1) = 1" for depth in range(1, levels + 1)) or "true"


def kept_name(depth: int) -> str:
    """The staged column of what has no column: of the record (depth 0), or of its list element at this depth."""
    return f"_kept{depth}"


def staged_name(column: Column) -> str:
    """The name a column has in staged files: columns that read the same value the same way share one."""
    told = (column.format, column.timezone, "," if column.has_comma else None)
    options = "|".join(str(option) for option in told if option is not None)
    return (
        "|".join([".".join(column.path), column.type.sql, options])
        if options
        else f"{'.'.join(column.path)}|{column.type.sql}"
    )
