"""How much memory answers may take where somebody waits for them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_MOST_MB: Final = 2048
_SHARE: Final = 4
"""A question may hold one part in so many of the machine's memory: browsers and loads want some, too."""
_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
"""What a container may hold, where this runs in one."""


def room_mb(least: int, limit: Path = _LIMIT) -> int:
    """MiB for the engine of questions: `least`, or more where the machine, or the container, has plenty.

    Loads need little however large a file is; a question that has to spill takes three times as long or longer.
    """
    there = []
    with suppress(OSError, ValueError, AttributeError):  # not every system tells
        there.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError):  # it may say "max"
        there.append(int(limit.read_text(encoding="ascii")))
    if not there:
        return least
    return max(least, min(_MOST_MB, min(there) // _SHARE // 2**20))
