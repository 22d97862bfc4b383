"""Whether folders of this machine may have got, lost or replaced a file: one look at each, whatever is in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

_TICK: Final = 2.0
"""Seconds within which a folder may change once more and keep its time, on the coarsest file system."""


def touched(folders: Iterable[Path], clock: Callable[[], float] = time.time) -> tuple[int, ...] | None:
    """A value that is the same only while no file of these folders has come, gone or been replaced.

    None where that cannot be told yet: a folder was changed just now, and may be again without showing it. What lies in
    folders below, and files that are written in their place, do not count.
    """
    times = tuple(_time(folder) for folder in folders)
    return times if max(times, default=0) <= (clock() - _TICK) * 1e9 else None


def _time(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1
