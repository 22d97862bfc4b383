"""When nobody reads our output any more, as in `orderlake query … | head`."""

from __future__ import annotations

import os
import sys


def mute_stdout() -> None:
    """Send what is still printed nowhere, so that neither we nor the interpreter's exit trip over it again."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return  # a stdout without a descriptor cannot break
