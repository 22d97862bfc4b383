"""What a worker is given to stage, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from orderlake.kernel.careful import Sifted
from orderlake.kernel.flatten import Grain
from orderlake.kernel.set_aside import SetAside
from orderlake.kernel.split import Share


@dataclass(frozen=True, slots=True)
class Task:
    """Shares that are staged together, each as a segment of its own, the first of which has the number `first`."""

    first: int
    shares: tuple[Share, ...]
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a task: staged files per grain, records read per segment, and what is set aside."""

    grains: dict[Grain, tuple[str, ...]]
    counts: tuple[int, ...]
    aside: SetAside = field(default_factory=SetAside)
    is_numbered_through: bool = False
    """Whether records are numbered over all segments, and not from 1 in each."""
    sifted: tuple[Sifted, ...] = ()
    """Records that are to be looked at with care (Worker.again)."""
