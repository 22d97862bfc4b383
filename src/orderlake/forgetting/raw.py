"""Raw files without the personal data of some people: each as large and as old as before, so the same version."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orderlake.erasing.packing import packed, swap
from orderlake.erasing.people import People
from orderlake.erasing.records import Finder, edits, plain_of, rewritten
from orderlake.errors import ConfigError, DataError
from orderlake.model.person import Kind
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.sources import source_at, stream_of
from orderlake.wiring import Backends

_UNREAD: Final = "it could not be read; take it out by hand, or mend it and say this again"


@dataclass(frozen=True, slots=True)
class RawFiles:
    """What became of raw files, or would: `files` that lose something, in so many `records`.

    `left` names those that may tell of the people still, with the reason; `spelled` is how people are written in them.
    """

    files: int = 0
    records: int = 0
    left: tuple[str, ...] = ()
    spelled: frozenset[tuple[Kind, str]] = field(default=frozenset(), repr=False)


def erase_raw(backends: Backends, people: People, work: Path, *, is_dry: bool) -> RawFiles:
    """Rewrite the raw files that are about these people. Doing it twice is doing it once."""
    files = records = 0
    left: list[str] = []
    spelled: set[tuple[Kind, str]] = set()
    for number, (source, stream) in enumerate(raw_files(backends)):
        folder = work / f"raw-{number}"
        finder = Finder(stream, people)
        path = Path(source.location)
        try:
            plain = plain_of(path, stream, folder)
            changes = list(edits(plain, finder))
            spelled |= finder.spelled
            if changes:
                files, records = files + 1, records + len(changes)
            if changes and not is_dry:
                new = folder / "new"
                rewritten(plain, changes, new)
                packed(new, path, plain.form, folder / "packed")
                swap(folder / "packed", path)
        except (DataError, OSError):
            if _holds(path, finder):
                left.append(f"{source.uri}: {_UNREAD}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return RawFiles(files, records, tuple(left), frozenset(spelled))


def _holds(path: Path, finder: Finder) -> bool:
    try:
        return finder.may_hold(path.read_bytes())
    except OSError:
        return True


def raw_files(backends: Backends) -> Iterator[tuple[SourceObject, Stream]]:
    """The files of sources that tell of people: all under raw/, and what else was loaded and is still there."""
    streams = {(stream.pipeline, stream.name): stream for stream in backends.streams}
    loaded = {report.source: streams.get((report.pipeline, report.stream)) for report in backends.ledger.loads()}
    found = {source.uri: source for source in backends.sources.find([])}
    for uri in loaded:
        source = source_at(backends.project, backends.project.root / uri)
        if source is not None:
            found.setdefault(source.uri, source)
    for uri, source in sorted(found.items()):
        stream = loaded.get(uri)
        if stream is None:
            try:
                stream = stream_of(backends.pipelines, source, None)[1]
            except ConfigError:
                continue
        if stream.person and Path(source.location).is_file():
            yield source, stream
