"""How well a table is, as a number with its reasons: what makes questions slow, or room dear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from orderlake.tables.compact import outlook
from orderlake.tables.lakehouse import KEEP_SNAPSHOTS, Opened
from orderlake.tables.rewrite import LARGE
from orderlake.tables.unneeded import Known
from orderlake.tables.write import partition_of
from orderlake.values import counted, size_text

_FEW: Final = 10
"""So many files that folding would save cost no question anything."""
_MANY: Final = 100
"""From so many on, nothing else matters."""
_SKEW: Final = 10
"""So many times the median is too much for one partition."""
_PARTITIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Health:
    """From 100 (nothing to do) down to 0, and what takes it down, worst first."""

    score: int = 100
    reasons: tuple[str, ...] = ()


def health_of(opened: Opened, unneeded: Sequence[Known] = ()) -> Health:
    """A table's; `unneeded` is what maintenance knows that no snapshot of it needs."""
    found = sorted(_faults(opened, unneeded), reverse=True)
    return Health(max(0, 100 - sum(weight for weight, _ in found)), tuple(reason for _, reason in found))


def _faults(opened: Opened, unneeded: Sequence[Known]) -> Iterator[tuple[int, str]]:
    """What is wrong, and how much (of 100) it weighs."""
    taken, made = outlook(opened.layout, opened.live)
    if taken - made > _FEW:
        share = (taken - made) / len(opened.live)
        weight = round(50 * share * min(1, (taken - made) / _MANY)) or 1
        yield weight, f"{counted(taken, 'small file')} of {len(opened.live):,}: `maintain` makes {made:,} of them"
    snapshots = 0 if opened.metadata is None else len(opened.metadata.snapshots)
    if snapshots > KEEP_SNAPSHOTS:
        yield 10, f"{counted(snapshots, 'snapshot')}: `maintain` drops the old ones, branches and tags apart"
    waste, size = sum(each.size for each in unneeded), sum(file.size for file in opened.live)
    if waste > size:
        weight = min(30, round(10 * waste / size)) if size else 30
        yield (
            weight,
            f"{counted(len(unneeded), 'file')} ({size_text(waste)}) that nothing needs: `maintain` deletes them",
        )
    rows: Counter[object] = Counter()
    for file in opened.live:
        rows[partition_of(file, opened.layout)] += file.records
    largest = max(rows.values(), default=0)
    if len(rows) >= _PARTITIONS and largest > max(LARGE, _SKEW * median(rows.values())):
        share = round(100 * largest / sum(rows.values()))
        yield 10, f"one partition of {len(rows):,} has {share}% of the rows: a finer `partition_by` would part them"
