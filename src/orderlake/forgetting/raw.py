"""Raw files without the personal data of some people: each as large and as old as before, so the same version."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

from orderlake.erasing.packing import UnpackableError, packed
from orderlake.erasing.people import People
from orderlake.erasing.records import Finder, edits, plain_of, rewritten
from orderlake.errors import ConfigError, DataError, NotFoundError, SourceChangedError
from orderlake.forgetting.places import Place
from orderlake.model.person import Kind
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.sources import stream_of
from orderlake.wiring import Backends

_UNREAD: Final = "it could not be read; take it out by hand, or mend it and say this again"


@dataclass(frozen=True, slots=True)
class RawFiles:
    """What became of raw files, or would: `files` that lose something, in so many `records`.

    `left` names those that may tell of the people still, with the reason; `spelled` is how people are written in them,
    `uris` are the files.
    """

    files: int = 0
    records: int = 0
    left: tuple[str, ...] = ()
    spelled: frozenset[tuple[Kind, str]] = field(default=frozenset(), repr=False)
    uris: tuple[str, ...] = ()


def erase_raw(backends: Backends, place: Place, people: People, work: Path, *, is_dry: bool) -> RawFiles:
    """Rewrite the raw files that are about these people. Doing it twice is doing it once."""
    found = _Erasing(place, people, work, is_dry)
    for number, (uri, versions) in enumerate(groupby(raw_files(backends, place), key=lambda each: each[0].uri)):
        found.file(uri, list(versions), number)
    if not is_dry:
        place.finish()
    return RawFiles(found.files, found.records, tuple(found.left), frozenset(found.spelled), tuple(found.uris))


@dataclass
class _Erasing:
    place: Place
    people: People
    work: Path
    is_dry: bool
    files: int = 0
    records: int = 0
    left: list[str] = field(default_factory=list)
    spelled: set[tuple[Kind, str]] = field(default_factory=set, repr=False)
    uris: list[str] = field(default_factory=list)

    def file(self, uri: str, versions: list[tuple[SourceObject, Stream]], number: int) -> None:
        """All versions of a file at once: they may have to keep their order."""
        folder = self.work / f"raw-{number}"
        new: dict[str, Path] = {}
        before = self.files
        try:
            for at, (source, stream) in enumerate(versions):
                changed = self._version(source, stream, folder / str(at))
                if changed is not None:
                    new[source.identity] = changed
            if self.files > before:
                self.uris.append(uri)
            if new:
                self.place.replace([source for source, _ in versions if source.identity in new], new)
        except SourceChangedError as error:
            self.left.append(f"{error}: say this again")
        except OSError as error:
            self.left.append(f"{uri}: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _version(self, source: SourceObject, stream: Stream, folder: Path) -> Path | None:
        """The bytes of a version without them; None where it stays as it is. Only these bytes are kept on disk."""
        finder = Finder(stream, self.people)
        folder.mkdir(parents=True)
        path: Path | None = None
        try:
            path = self.place.fetched(source, folder)
            return self._rewritten(path, finder, folder)
        except NotFoundError:  # a version that has gone meanwhile
            return None
        except SourceChangedError as error:
            self.left.append(f"{error}: say this again")
        except UnpackableError as error:
            self.left.append(f"{source.uri}: {error}")
        except (DataError, OSError) as error:
            if _holds(path, finder):
                self.left.append(f"{source.uri}: {error if path is None else _UNREAD}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return None

    def _rewritten(self, path: Path, finder: Finder, folder: Path) -> Path | None:
        plain = plain_of(path, finder.stream, folder)
        changes = list(edits(plain, finder))
        self.spelled |= finder.spelled
        if not changes:
            return None
        self.files, self.records = self.files + 1, self.records + len(changes)
        if self.is_dry:
            return None
        rewritten(plain, changes, folder / "new")
        packed(folder / "new", path, plain.form, folder / "packed")
        return (folder / "packed").rename(folder.with_suffix(".new"))


def _holds(path: Path | None, finder: Finder) -> bool:
    try:
        return path is None or finder.may_hold(path.read_bytes())
    except OSError:
        return True


def raw_files(backends: Backends, place: Place) -> Iterator[tuple[SourceObject, Stream]]:
    """The files of sources that tell of people: all where new ones are looked for, and what else was loaded."""
    streams = {(stream.pipeline, stream.name): stream for stream in backends.streams}
    loads = [report for report in backends.ledger.loads() if report.status != "forgotten"]
    loaded = {report.source: streams.get((report.pipeline, report.stream)) for report in loads}
    for source in sorted(place.versions(sorted(loaded)), key=lambda each: (each.uri, each.version)):
        stream = loaded.get(source.uri)
        if stream is None:
            try:
                stream = stream_of(backends.pipelines, source, None)[1]
            except ConfigError:
                continue
        if stream.person:
            yield source, stream
