"""What a file system raised inside the engine: DuckDB hands it on as text, in an error of no kind."""

from __future__ import annotations

import re
from typing import Final

from orderlake import errors
from orderlake.errors import LakeError, StorageUnavailableError

_TRACEBACK: Final = "Traceback (most recent call last)"
_RAISED: Final = re.compile(r"^(?:orderlake\.errors\.)?(\w+): ", re.MULTILINE)


def raised_in_engine(error: Exception) -> LakeError | None:
    """The error that a file system raised while the engine read or wrote through it; None for the engine's own."""
    text = str(error)
    if type(error).__name__ != "Error" or _TRACEBACK not in text:
        return None
    told = text.rsplit("\n\nLINE ", 1)[0].strip()
    for found in reversed(list(_RAISED.finditer(told))):
        kind = getattr(errors, found[1], None)
        if isinstance(kind, type) and issubclass(kind, LakeError):
            return kind(told[found.end() :])
    return StorageUnavailableError(told.splitlines()[-1])
