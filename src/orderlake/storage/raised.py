"""What a file system raised inside the engine: DuckDB hands it on as text, in an error of no kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from orderlake import errors
from orderlake.errors import ConfigError, LakeError, StorageUnavailableError

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


@contextmanager
def storage_errors() -> Iterator[None]:
    """A full disk, a folder that may not be written, S3 out of reach, memory too small: the input is not wrong."""
    import duckdb  # noqa: PLC0415 - loaded with the engine, named here for its errors

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ConfigError(f"memory_mb is too small for these tables: {str(error).splitlines()[0]}") from error
    except (duckdb.IOException, OSError) as error:
        raise StorageUnavailableError(f"the lake could not be written: {error}") from error
    except duckdb.Error as error:
        stored = raised_in_engine(error)
        if stored is None:
            raise
        raise stored from error
