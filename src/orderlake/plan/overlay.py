"""A store in which nothing changes: what is written lies in a folder of its own, over what the real store has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final

from orderlake.errors import NotFoundError
from orderlake.model.ports import ObjectStore, R, StoredObject, T
from orderlake.storage.local import LocalStore

_REMOTE: Final = "s3://"


@dataclass(frozen=True, slots=True)
class Overlay:
    """ObjectStore over another one, which it only reads; what it is given to keep is in `own`, a local folder."""

    under: ObjectStore
    own: Path
    gone: set[str] = field(default_factory=set)
    """What was removed or replaced, by location, so that what lies under it does not show."""
    _local: LocalStore = field(default_factory=LocalStore)

    def read(self, location: str) -> bytes:
        """Give the whole object."""
        store, place = self._where(location)
        return store.read(place)

    def write(self, location: str, data: bytes) -> None:
        """Keep an object, over what may lie under it."""
        Path(self.target_path(location)).write_bytes(data)

    def open(self, location: str) -> BinaryIO:
        """Open an object for reading."""
        store, place = self._where(location)
        return store.open(place)

    def create(self, location: str, data: bytes) -> None:
        """Keep an object; the names of a trial are its own."""
        self.write(location, data)

    @contextmanager
    def writer(self, location: str) -> Iterator[BinaryIO]:
        """Keep an object that is written piece by piece."""
        with Path(self.target_path(location)).open("wb") as file:
            yield file

    def folder(self, location: str) -> Path:
        """A folder for many files, which `adopt` keeps."""
        folder = self._path(location)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def adopt(self, file: Path, location: str) -> None:
        """Keep a file that was written into `folder`."""
        target = Path(self.target_path(location))
        if file != target:
            file.replace(target)

    def sync(self, locations: Iterable[str]) -> None:
        """Nothing of it is to last."""

    def publish(self, source: str, target: str) -> bool:
        """Show an object under another name; False when there is none."""
        if self.stat(source) is None:
            return False
        store, place = self._where(source)
        with store.open(place) as found, Path(self.target_path(target)).open("wb") as out:
            shutil.copyfileobj(found, out)
        self.delete(source)
        return True

    def delete(self, location: str) -> None:
        """Let an object show no longer."""
        self._path(location).unlink(missing_ok=True)
        self.gone.add(_plain(location))

    def purge(self, prefix: str) -> int:  # noqa: ARG002 - nothing of the lake goes
        """Nothing."""
        return 0

    def list(self, prefix: str, *, hidden: bool = False) -> Iterator[StoredObject]:
        """Every object under a folder, kept or under it, in name order."""
        under = (each for each in self.under.list(prefix, hidden=hidden) if _plain(each.location) not in self.gone)
        found = {_plain(each.location): each for each in under}
        own, base = self._path(prefix), _plain(prefix)
        for each in self._local.list(str(own), hidden=hidden):
            location = f"{base}/{Path(each.location).relative_to(own).as_posix()}"
            found[location] = replace(each, location=location)
        yield from (found[location] for location in sorted(found))

    def stat(self, location: str) -> StoredObject | None:
        """The object's size and version, or None."""
        own = self._local.stat(str(self._path(location)))
        if own is not None:
            return replace(own, location=_plain(location))
        return None if _plain(location) in self.gone else self.under.stat(location)

    def seal(self, location: str) -> str:
        """The seal of an object."""
        return self.seal_now(location)

    def seal_now(self, location: str) -> str:
        """The seal of an object's bytes."""
        store, place = self._where(location)
        return store.seal_now(place)

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
        """As the store under it does."""
        return self.under.each(work, items)

    def engine_path(self, location: str) -> str:
        """What the engine calls this location."""
        own = self._path(location)
        return str(own) if own.exists() else self.under.engine_path(location)

    def target_path(self, location: str) -> str:
        """Where the engine may write an object of this location."""
        own = self._path(location)
        own.parent.mkdir(parents=True, exist_ok=True)
        self.gone.discard(_plain(location))
        return str(own)

    def _where(self, location: str) -> tuple[ObjectStore, str]:
        """Which of the two stores has an object, and where."""
        own = self._path(location)
        if own.exists():
            return self._local, str(own)
        if _plain(location) in self.gone:
            raise NotFoundError(f"there is no file {location}")
        return self.under, location

    def _path(self, location: str) -> Path:
        return self.own / _plain(location).replace(_REMOTE, "s3/").lstrip("/")


def _plain(location: str) -> str:
    """A location as one text, whichever way it is written."""
    return location.removeprefix("file://").rstrip("/")
