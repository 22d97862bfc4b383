"""Which processes of this machine are alive: what a dead one has left may be cleared away."""

from __future__ import annotations

import os


def is_alive(process: int) -> bool:
    """Whether there is a process of this number, ours or another's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
