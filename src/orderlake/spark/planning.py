"""What is to be staged of a group of files, cut into portions: large plain files into shares, all others whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from orderlake.errors import LakeError
from orderlake.kernel.flatten import Plan
from orderlake.kernel.sniff import form_of
from orderlake.kernel.split import SHARE, SMALL, Share, chunks_of, count_of
from orderlake.kernel.stage import shares_of
from orderlake.model.ports import SourceFiles
from orderlake.model.source import RemoteFile, SourceObject
from orderlake.spark.portion import Portion, Whole, gathered, segments_of

_LEAST: Final = 2 << 20
"""Bytes of small files that are worth a task."""
_PER_SLOT: Final = 3
"""Tasks of small files that each place of the cluster gets, so that all of them end at about the same time."""
_SEEN: Final = 1 << 20
"""Bytes of a remote file that are fetched where it may be cut, and at both ends."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Cuts sources of a stream for a cluster that runs so many tasks at once."""

    plan: Plan
    slots: int
    files: SourceFiles

    def portions(self, sources: Sequence[SourceObject]) -> list[Portion]:
        """The portions of these sources, whose segments follow the order of the sources."""
        found: list[Portion] = []
        wholes: list[Whole] = []
        first = 0
        for number, source in enumerate(sources):
            shares = self._shares(source, number)
            if len(shares) > 1:
                found += _cut(Whole(number, source, first, len(shares)), shares)
                first += len(shares)
            else:
                wholes.append(Whole(number, source, first, segments_of(source)))
                first += wholes[-1].most
        small = sum(each.source.size for each in wholes)
        most = min(SHARE, max(_LEAST, small // (self.slots * _PER_SLOT)))
        # The largest first: what is begun last should not take long.
        return sorted([*found, *gathered(wholes, most)], key=lambda each: -each.size)

    def _shares(self, source: SourceObject, number: int) -> list[Cut]:
        """The shares of a large plain file; one or none for a file that is staged whole, whatever is wrong with it."""
        if source.size <= 2 * SMALL:
            return []
        try:
            with tempfile.TemporaryDirectory(prefix="orderlake-") as folder:
                file = self.files.file(source, Path(folder))
                if not form_of(file, self.plan.stream.encoding).is_plain:
                    return []
                if isinstance(file, RemoteFile):
                    return self._sketched(file, Path(folder) / "sketch", number)
                return _above(shares_of(self.plan, file, number, self.slots))
        except (LakeError, OSError):
            return []

    def _sketched(self, file: RemoteFile, sketch: Path, number: int) -> list[Cut]:
        """The shares of a remote file, told from a file of its size that has its bytes where they are looked at.

        Where it shows no border, nothing is cut: the rest of it is not what the file holds.
        """
        count = count_of(file.size, self.slots)
        places = [0, *(file.size * at // count for at in range(1, count)), max(0, file.size - _SEEN)]
        seen: list[tuple[int, int]] = []
        is_bare = False
        with file.open() as remote, sketch.open("wb") as out:
            out.truncate(file.size)
            for place in places:
                remote.seek(place)
                data = remote.read(min(_SEEN, file.size - place))
                out.seek(place)
                out.write(data)
                seen.append((place, place + len(data)))
                is_bare = is_bare or (0 < place < places[-1] and b"\n{" not in data)
        shares = shares_of(self.plan, sketch, number, self.slots)
        if is_bare and shares and shares[0].layout == "lines":
            return []
        if not all(any(start <= each.start <= end for start, end in seen) for each in shares):
            return []
        return _above(shares)


Cut = tuple[Share, int]
"""A share, and how many lines end between the one before, or the file's beginning, and it."""


def _above(shares: Sequence[Share]) -> list[Cut]:
    if not shares:
        return []
    bare = [replace(each, before=b"", after=b"") for each in shares]
    gaps = [replace(bare[0], start=0, end=bare[0].start)]
    gaps += [replace(left, start=left.end, end=right.start) for left, right in pairwise(bare)]
    lines = [sum(chunk.count(b"\n") for chunk in chunks_of(gap)) for gap in gaps]
    return list(zip(shares, lines, strict=True))


def _cut(whole: Whole, shares: Iterable[Cut]) -> list[Portion]:
    return [
        Portion((replace(whole, first=whole.first + at, most=1),), share, above)
        for at, (share, above) in enumerate(shares)
    ]
