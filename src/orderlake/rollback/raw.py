"""Where versions of files that were loaded lie now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Final

from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.values import counted
from orderlake.wiring import Backends

_NANOS: Final = 1_000_000_000
_NAMED: Final = 10


class Raw:
    """The raw files of a lake, and `kept`: files and folders where earlier versions of some lie."""

    def __init__(self, backends: Backends, kept: Sequence[str | PathLike[str]] = ()) -> None:
        self._backends = backends
        self._kept = [Path(each) for each in kept]
        if kept and backends.is_remote:
            raise ConfigError("a bucket keeps earlier versions of its objects itself: leave --from out")
        for path in self._kept:
            if not path.exists():
                raise NotFoundError(f"there is no file or folder {path}")

    def find(self, report: LoadReport) -> SourceObject | None:
        """The version of a file that was loaded, at its place or among what was kept; None when it is nowhere."""
        found = self._backends.sources.version(report.source, report.identity)
        if found is not None:
            # On S3 the rank within a second changes when older versions expire; the order is that of the load.
            return replace(found, version=report.version)
        path = self._copies.get((report.source.rsplit("/", 1)[-1], report.bytes, report.version))
        return None if path is None else SourceObject(report.source, str(path), report.bytes, report.version)

    def is_unchanged(self, source: SourceObject) -> bool:
        """Whether what was read of a file is what lies there still."""
        now = self._backends.sources.now(source)
        return now is not None and (
            self._backends.is_remote or (now.size, now.version) == (source.size, source.version)
        )

    @cached_property
    def _copies(self) -> dict[tuple[str, int, int], Path]:
        """Files that were kept, by what tells a version of a file: its name, size and time."""
        found: dict[tuple[str, int, int], Path] = {}
        for path in _files(self._kept):
            about = path.stat()
            found[path.name, about.st_size, about.st_mtime_ns] = path.absolute()
        return found


def _files(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_file():
            yield path
            continue
        for root, _, files in os.walk(path):
            yield from (Path(root) / name for name in sorted(files))


def version_text(report: LoadReport) -> str:
    """A version of a file, for people."""
    time = datetime.fromtimestamp(report.version // _NANOS, UTC)
    return f"{report.source} ({report.bytes:,} bytes, of {time:%Y-%m-%d %H:%M:%S}.{report.version % _NANOS:09d} UTC)"


def lacking(problems: Sequence[tuple[LoadReport, str]], *, is_remote: bool) -> NotFoundError:
    """What to say when versions that must be read again cannot be."""
    named = "; ".join(f"{version_text(report)} {why}" for report, why in problems[:_NAMED])
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    back = (
        "put each back as it was, with its time (`cp -p`), or name the folder where such versions are: --from DIR; "
        if not is_remote
        else "the bucket does not keep these versions any more; "
    )
    return NotFoundError(
        f"nothing was done. What stood in the tables before must be read again from {counted(len(problems), 'file')}, "
        f"which cannot be: {named}{more}. To go on, {back}or do without what only it holds: --without FILE"
    )
