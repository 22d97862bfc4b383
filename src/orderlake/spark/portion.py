"""What one Spark task stages: some whole files, or a share of a large one; and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orderlake.errors import LakeError, UnreadableShareError
from orderlake.kernel.glance import Glance
from orderlake.kernel.split import SHARE, Share
from orderlake.model.check import CheckResult
from orderlake.model.source import SourceObject
from orderlake.model.staged import Segment

Grain = tuple[str, ...]
Value = int | str | None
_EXPANDS: Final = 16
"""How many bytes a byte of a compressed file may stand for before its shares get larger than others'."""
_TOGETHER: Final = 250
"""Small files that one task stages at most."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A source with its number in the load, the first of its segments, and how many of those it may fill."""

    number: int
    source: SourceObject
    first: int
    most: int


@dataclass(frozen=True, slots=True)
class Portion:
    """What a task stages: whole sources that follow each other, or, where there is a `share`, that of the only one."""

    sources: tuple[Whole, ...]
    share: Share | None = None
    above: int = 0
    """Lines of the source between the share before, or its beginning, and this share."""

    @property
    def first(self) -> int:
        """The first segment."""
        return self.sources[0].first

    @property
    def size(self) -> int:
        """Bytes to be read."""
        if self.share is not None:
            return self.share.end - self.share.start
        return sum(each.source.size for each in self.sources)


@dataclass(frozen=True, slots=True)
class Proof:
    """What contract and checks found: per source of a load, what its checks say and what was new; and fields met."""

    checks: tuple[tuple[CheckResult, ...], ...]
    changes: Mapping[int, Sequence[str]]
    found: Mapping[Grain, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Staged:
    """What a portion became: parts of a StagedLoad, whose segments begin with the portion's first.

    Sources are numbered as in the portion. `lines` counts those that end in a share; a share has no `proof`, for that
    takes the whole source, but the glance at its beginning.
    """

    portion: Portion
    segments: tuple[Segment, ...]
    grains: Mapping[Grain, tuple[str, ...]]
    rejected: tuple[str, ...]
    taken: Mapping[Grain, tuple[str, ...]]
    held: Mapping[str, Mapping[str, Mapping[Value, int]]]
    """By Iceberg table and staged file, how many rows each partition has."""
    proof: Proof | None = None
    glance: Glance | None = None
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Together:
    """Sources that were staged together, and the files of them alone."""

    sources: tuple[SourceObject, ...]
    grains: Mapping[Grain, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A portion that is not staged: its source of this number cannot be read, or is rejected, and why."""

    portion: Portion
    number: int
    error: UnreadableShareError

    @property
    def source(self) -> int:
        """The source's number in the load."""
        return self.portion.sources[self.number].number


@dataclass(frozen=True, slots=True)
class Torn:
    """A share that was cut wrongly, or is damaged: its source is to be staged whole."""

    portion: Portion


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that no other try can help."""

    error: LakeError


Outcome = Staged | Refused | Torn | Failed


def segments_of(source: SourceObject) -> int:
    """How many segments are kept for a source that is staged whole: its size is known, not what it expands to."""
    return max(1, -(-source.size * _EXPANDS // SHARE))


def gathered(wholes: Iterable[Whole], most: int) -> Sequence[Portion]:
    """Portions of whole sources, in order: many small ones together, up to `most` bytes."""
    found: list[list[Whole]] = []
    held = 0
    for each in wholes:
        if not found or held + each.source.size > most or len(found[-1]) == _TOGETHER or each.first != _end(found[-1]):
            found.append([])
            held = 0
        found[-1].append(each)
        held += each.source.size
    return [Portion(tuple(some)) for some in found]


def _end(some: Sequence[Whole]) -> int:
    return some[-1].first + some[-1].most
