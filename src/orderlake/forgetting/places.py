"""Where raw files lie: how their bytes are had, and how they give way to bytes without some people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orderlake.erasing.packing import swap
from orderlake.model.source import SourceObject
from orderlake.sources import source_at
from orderlake.wiring import Backends


class Place(Protocol):
    """Where the raw files of a lake lie."""

    def versions(self, uris: Sequence[str]) -> Iterator[SourceObject]:
        """What lies where new files are looked for, and of these uris what is still there."""
        ...

    def fetched(self, source: SourceObject, folder: Path) -> Path:
        """Its bytes as a file of this machine."""
        ...

    def replace(self, versions: Sequence[SourceObject], new: Mapping[str, Path]) -> None:
        """Put other bytes, by identity, in the place of some versions of a file; they are the same sources."""
        ...

    def begin(self, uris: Iterable[str]) -> None:
        """Make ready to replace versions of these files; finish what somebody left who died in it."""
        ...

    def finish(self) -> None:
        """All are replaced."""
        ...


def place_of(backends: Backends) -> Place:
    """The folders, or the buckets, of a lake."""
    if not backends.is_remote:
        return Folder(backends)
    from orderlake.forgetting.bucket import Bucket  # noqa: PLC0415 - an optional extra

    return Bucket(backends)


@dataclass(frozen=True, slots=True)
class Folder:
    """Files of this machine: swapped, with the time and the size that they had."""

    backends: Backends

    def versions(self, uris: Sequence[str]) -> Iterator[SourceObject]:
        """The files under raw/, and what else was loaded."""
        found = {source.uri: source for source in self.backends.sources.find([])}
        for uri in uris:
            source = source_at(self.backends.project, self.backends.project.root / uri)
            if source is not None:
                found.setdefault(source.uri, source)
        yield from (source for source in found.values() if Path(source.location).is_file())

    def fetched(self, source: SourceObject, folder: Path) -> Path:  # noqa: ARG002 - it need not be copied
        """The file itself."""
        return Path(source.location)

    def replace(self, versions: Sequence[SourceObject], new: Mapping[str, Path]) -> None:
        """There is one version of a file."""
        for source in versions:
            swap(new[source.identity], Path(source.location))

    def begin(self, uris: Iterable[str]) -> None:
        """Nothing: a file is swapped in one step."""

    def finish(self) -> None:
        """Nothing, likewise."""
