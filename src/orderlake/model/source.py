"""A source object: one version of one file, and its identity."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeVar

_T = TypeVar("_T")
_SECOND: Final = 1_000_000_000
_CHUNK: Final = 1 << 20
MENDED: Final = r"(?:^|/)mended/[0-9a-f]{12}-[0-9]+/[^/]+$"
"""What the uri of a mended record matches, in Python as in SQL: a file of one record, out of a file of many."""
_MENDED: Final = re.compile(MENDED)
_UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload", ".swp", "~")


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One version of one file.

    `uri` names the file the same way on every machine (relative to the project where it can be),
    `location` is where its bytes are now, `size` is in bytes, `version` its modification time in
    nanoseconds since 1970. `tag` is what the store itself calls this version (S3: the version id, or the
    ETag where a bucket keeps no versions), empty for a file in a folder. `held` is what the store calls the version
    that has its bytes, where that is another one: rewritten without what a person wanted forgotten.
    """

    uri: str
    location: str
    size: int
    version: int
    tag: str = ""
    held: str = field(default="", compare=False)

    @property
    def identity(self) -> str:
        """The same for the same version of the same file, and for nothing else.

        Where the store names its versions, what `version` tells below the second is a rank among them, which changes
        when older ones expire: it is no part of the identity.
        """
        tagged = f"\0{self.tag}" if self.tag else ""
        version = self.version // _SECOND * _SECOND if self.tag else self.version
        return hashlib.sha256(f"{self.uri}\0{version}\0{self.size}{tagged}".encode()).hexdigest()[:24]

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.uri.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A source object's bytes where they are too many to copy: `size` bytes, read by `opener()` from the start on."""

    size: int
    opener: Callable[[], BinaryIO]

    def save(self, path: Path) -> None:
        """Write all of it to a file of this machine."""
        with self.opener() as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)

    def open(self, mode: Literal["rb"] = "rb") -> BinaryIO:  # noqa: ARG002 - as a path is opened
        """Open it for reading, as a path is opened."""
        return self.opener()


def is_mended(uri: str) -> bool:
    """Whether a file is a record that was mended, and not one that somebody sent.

    >>> [is_mended(uri) for uri in ("raw/mended/e2dd9b3bab19-7/orders.json", "raw/orders.json", "raw/mended/a.json")]
    [True, False, False]
    """
    return _MENDED.search(uri) is not None


def is_wanted(name: str) -> bool:
    """Whether a file of this name is for loading: hidden and unfinished ones are not.

    >>> [is_wanted(name) for name in ("orders.json", ".DS_Store", "orders.json.part", "_SUCCESS", "")]
    [True, False, False, False, False]
    """
    return bool(name) and not name.startswith((".", "_SUCCESS")) and not name.lower().endswith(_UNFINISHED)


def packed(items: Sequence[_T], size: Callable[[_T], int], most_files: int, most_bytes: int) -> Iterator[list[_T]]:
    """Items, each with a file of `size(item)` bytes, in groups that are done together: many small, or one large.

    >>> list(packed([3, 4, 9, 1], lambda each: each, 10, 8))
    [[3, 4], [9], [1]]
    """
    group: list[_T] = []
    held = 0
    for item in items:
        if group and (len(group) == most_files or held + size(item) > most_bytes):
            yield group
            group, held = [], 0
        group.append(item)
        held += size(item)
    if group:
        yield group
