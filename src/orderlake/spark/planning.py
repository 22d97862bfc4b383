"""What is to be staged of a group of files, cut into portions: large plain files into shares, all others whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from orderlake.errors import LakeError
from orderlake.kernel.flatten import Plan
from orderlake.kernel.sniff import form_of
from orderlake.kernel.split import SHARE, SMALL, Share, chunks_of
from orderlake.kernel.stage import shares_of
from orderlake.model.source import SourceObject
from orderlake.spark.portion import Portion, Whole, gathered, segments_of

_LEAST: Final = 2 << 20
"""Bytes of small files that are worth a task."""
_PER_SLOT: Final = 3
"""Tasks of small files that each place of the cluster gets, so that all of them end at about the same time."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Cuts sources of a stream for a cluster that runs so many tasks at once."""

    plan: Plan
    slots: int

    def portions(self, sources: Sequence[SourceObject]) -> list[Portion]:
        """The portions of these sources, whose segments follow the order of the sources."""
        found: list[Portion] = []
        wholes: list[Whole] = []
        first = 0
        for number, source in enumerate(sources):
            shares = self._shares(source, number)
            if len(shares) > 1:
                found += self._cut(Whole(number, source, first, len(shares)), shares)
                first += len(shares)
            else:
                wholes.append(Whole(number, source, first, segments_of(source)))
                first += wholes[-1].most
        small = sum(each.source.size for each in wholes)
        most = min(SHARE, max(_LEAST, small // (self.slots * _PER_SLOT)))
        # The largest first: what is begun last should not take long.
        return sorted([*found, *gathered(wholes, most)], key=lambda each: -each.size)

    def _shares(self, source: SourceObject, number: int) -> list[Share]:
        """The shares of a large plain file; one or none for a file that is staged whole, whatever is wrong with it."""
        if source.size <= 2 * SMALL:
            return []
        path = Path(source.location)
        try:
            if not form_of(path, self.plan.stream.encoding).is_plain:
                return []
            return shares_of(self.plan, path, number, self.slots)
        except (LakeError, OSError):
            return []

    def _cut(self, whole: Whole, shares: Iterable[Share]) -> list[Portion]:
        parts = list(shares)
        before = [replace(parts[0], before=b"", after=b"", start=0, end=parts[0].start)]
        gaps = [
            replace(left, before=b"", after=b"", start=left.end, end=right.start) for left, right in pairwise(parts)
        ]
        above = [sum(chunk.count(b"\n") for chunk in chunks_of(gap)) for gap in [*before, *gaps]]
        return [
            Portion((replace(whole, first=whole.first + at, most=1),), share, above[at])
            for at, share in enumerate(parts)
        ]
