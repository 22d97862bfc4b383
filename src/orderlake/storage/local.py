"""Bytes in folders: temp, fsync, rename, fsync folder; a reader sees a whole object or none."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from orderlake.errors import NotFoundError, StorageUnavailableError
from orderlake.model.ports import R, StoredObject, T
from orderlake.model.seal import seal_of_file

_PART: Final = ".part-"
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What file systems say that know no second name of a file."""


class LocalStore:
    """ObjectStore over the file system; locations are `file:///…` or plain absolute paths."""

    def read(self, location: str) -> bytes:
        """Give the whole object."""
        with _translated(location):
            return Path(self.engine_path(location)).read_bytes()

    def write(self, location: str, data: bytes) -> None:
        """Create or replace the object in one step; it is on disk when this returns."""
        target = Path(self.engine_path(location))
        part = target.with_name(f"{_PART}{uuid.uuid4().hex}")
        with _translated(location):
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_through(part, data)
            part.replace(target)
            _sync_folder(target.parent)

    def open(self, location: str) -> BinaryIO:
        """Open the object for reading anywhere in it."""
        with _translated(location):
            return Path(self.engine_path(location)).open("rb")

    def create(self, location: str, data: bytes) -> None:
        """Create the object in one step if its name is free; finding our own bytes there is fine."""
        target = Path(self.engine_path(location))
        part = target.with_name(f"{_PART}{uuid.uuid4().hex}")
        with _translated(location):
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_through(part, data)
            try:
                _put(part, target)
            except FileExistsError:
                if target.read_bytes() != data:
                    raise StorageUnavailableError(f"there is another file {location} already") from None
            finally:
                part.unlink(missing_ok=True)
            _sync_folder(target.parent)

    @contextmanager
    def writer(self, location: str) -> Iterator[BinaryIO]:
        """Write a file in place; `sync` makes it last."""
        with _translated(location), Path(self.target_path(location)).open("wb") as file:
            yield file

    def folder(self, location: str) -> Path:
        """The folder itself."""
        folder = Path(self.engine_path(location))
        with _translated(location):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def adopt(self, file: Path, location: str) -> None:
        """Move a file to its place, where it is not there yet."""
        target = Path(self.engine_path(location))
        if file != target:
            with _translated(location):
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)

    def sync(self, locations: Iterable[str]) -> None:
        """See to it that objects written by others (the engine) are on disk, and their folders know them."""
        folders: set[Path] = set()
        for location in locations:
            path = Path(self.engine_path(location))
            with _translated(location), path.open("rb") as file:
                os.fsync(file.fileno())
            folders.add(path.parent)
        for folder in sorted(folders):
            with _translated(str(folder)):
                _sync_folder(folder)

    def publish(self, source: str, target: str) -> bool:
        """Move an object over `target` in one step; False when `source` is gone."""
        with _translated(source):
            try:
                Path(self.engine_path(source)).replace(self.target_path(target))
            except FileNotFoundError:
                return False
            _sync_folder(Path(self.engine_path(target)).parent)
            return True

    def delete(self, location: str) -> None:
        """Remove the object if it is there."""
        with _translated(location):
            Path(self.engine_path(location)).unlink(missing_ok=True)

    def purge(self, prefix: str) -> int:  # noqa: ARG002 - a folder keeps nothing
        """Nothing: what is deleted here is gone."""
        return 0

    def list(self, prefix: str, *, hidden: bool = False) -> Iterator[StoredObject]:
        """Every object under a folder, in name order; temporary and `hidden` ones only when asked for."""
        root = Path(self.engine_path(prefix))
        with _translated(prefix):
            for folder, folders, files in os.walk(root):
                folders[:] = sorted(name for name in folders if hidden or not name.startswith("."))
                for name in sorted(files):
                    if hidden or not name.startswith("."):
                        found = self.stat(str(Path(folder) / name))
                        if found is not None:
                            yield found

    def stat(self, location: str) -> StoredObject | None:
        """The object's size and modification time (ns), or None when there is no such file."""
        path = self.engine_path(location)
        with _translated(location):
            try:
                found = Path(path).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return StoredObject(path, found.st_size, found.st_mtime_ns)

    def seal(self, location: str) -> str:
        """The seal of a file: what was just written is read from memory."""
        return self.seal_now(location)

    def seal_now(self, location: str) -> str:
        """The seal of a file's bytes."""
        with self.open(location) as file, _translated(location):
            return seal_of_file(file)

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
        """One after the other: a disk has nothing to wait for."""
        return [work(item) for item in items]

    def engine_path(self, location: str) -> str:
        """The path of a location.

        >>> LocalStore().engine_path("file:///data/month=660")
        '/data/month=660'
        """
        return location.removeprefix("file://")

    def target_path(self, location: str) -> str:
        """The path of a location, its folder made."""
        path = self.engine_path(location)
        with _translated(location):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        return path


def location_of(path: Path) -> str:
    """The location of an absolute path, as it is: Iceberg clients do not decode percent signs.

    >>> location_of(Path("/data/month=660"))
    'file:///data/month=660'
    """
    return f"file://{path}"


def _put(part: Path, target: Path) -> None:
    """Give a file its name if that is free; FileExistsError when it is not."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise FileExistsError(target) from None
        part.replace(target)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A new name in a folder is durable only once the folder itself is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(location: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {location}") from error
    except OSError as error:
        raise StorageUnavailableError(f"{location}: {error.strerror or error}") from error
