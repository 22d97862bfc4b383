"""S3 for the engine: DuckDB asks this file system for `s3://` paths, and it asks the store.

DuckDB's own extension for S3 has to be downloaded; this needs nothing but what is installed, works without a network
beyond S3 itself, and has the store's retries, credentials and errors.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from threading import get_ident
from typing import Any, Final

from fsspec import AbstractFileSystem

from orderlake.errors import NotFoundError
from orderlake.storage.s3 import S3Store
from orderlake.storage.s3_streams import RangedReader

_ALWAYS: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Objects of a lake never change under their names."""
_PARQUET: Final = b"PAR1"
"""How every file ends that the engine writes: after an error it closes what it has of one all the same."""


class StoreFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """What DuckDB asks of a file system: sizes, readers, writers. Names are no patterns."""

    protocol = "s3"
    cachable = False

    def __init__(self, store: S3Store) -> None:
        super().__init__()
        self._store = store

    def open(self, path: str, mode: str = "rb", **_: object) -> io.RawIOBase:
        """A reader of an object, or a stream that becomes one when it is closed."""
        location = _location(path)
        if "r" in mode:
            return SharedReader(self._store.reader(location))
        return self._store.upload(location, end=_PARQUET)

    def info(self, path: str, **_: object) -> dict[str, Any]:
        """Its size; FileNotFoundError when there is none."""
        try:
            return {"name": path, "size": self._store.size(_location(path)), "type": "file"}
        except NotFoundError as error:
            raise FileNotFoundError(str(error)) from error

    def modified(self, path: str) -> datetime:  # noqa: ARG002 - see _ALWAYS
        """The same time for all: what is cached of a file stays right."""
        return _ALWAYS

    def exists(self, path: str, **_: object) -> bool:
        """Whether there is such an object."""
        try:
            self._store.size(_location(path))
        except NotFoundError:
            return False
        return True

    def isfile(self, path: str) -> bool:
        """As exists: S3 has no folders."""
        return self.exists(path)

    def isdir(self, path: str) -> bool:  # noqa: ARG002 - S3 has no folders
        """S3 has no folders."""
        return False

    def glob(self, path: str, **_: object) -> list[str]:
        """The name itself: stars and brackets are letters here."""
        return [path]

    def rm_file(self, path: str) -> None:
        """Remove an object (DuckDB takes back what it could not finish)."""
        self._store.delete(_location(path))


class SharedReader(io.RawIOBase):
    """One file that several threads read at once, as the engine does: it moves, then reads, in steps that interleave.

    So each thread has a place of its own in it.
    """

    def __init__(self, first: io.BytesIO | RangedReader) -> None:
        self._first = first
        self._readers = {get_ident(): first}

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where this thread reads its next byte."""
        return self._mine().tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move this thread's place."""
        return self._mine().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Give up to `size` bytes from this thread's place, fewer only at the end."""
        return self._mine().read(size)

    def close(self) -> None:
        """Let go of what was fetched."""
        self._readers.clear()
        super().close()

    def _mine(self) -> io.BytesIO | RangedReader:
        reader = self._readers.get(get_ident())
        if reader is None:
            first = self._first
            reader = first.again() if isinstance(first, RangedReader) else io.BytesIO(first.getvalue())
            self._readers[get_ident()] = reader
        return reader


def _location(path: str) -> str:
    return path if path.startswith("s3://") else f"s3://{path}"
