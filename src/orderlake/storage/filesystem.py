"""S3 for the engine: DuckDB asks this file system for `s3://` paths, and it asks the store.

DuckDB's own extension for S3 has to be downloaded; this needs nothing but what is installed, works without a network
beyond S3 itself, and has the store's retries, credentials and errors.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO, RawIOBase
from typing import Any, Final

from fsspec import AbstractFileSystem

from orderlake.errors import NotFoundError
from orderlake.storage.s3 import S3Store

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

    def open(self, path: str, mode: str = "rb", **_: object) -> RawIOBase | BytesIO:
        """A reader of an object, or a stream that becomes one when it is closed."""
        location = _location(path)
        return self._store.reader(location) if "r" in mode else self._store.upload(location, end=_PARQUET)

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


def _location(path: str) -> str:
    return path if path.startswith("s3://") else f"s3://{path}"
