"""The files of mended records: under which name a run finds their stream, and how they get their time."""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from orderlake.errors import ConfigError, StorageUnavailableError
from orderlake.mending.records import FOLDER
from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.sources import stream_of, uri_of
from orderlake.wiring import Backends

_PACKED: Final = (".gz", ".gzip", ".zst", ".zstd")
_MANY: Final = 100
"""Files from which one sync of everything takes less than one of each."""


def place_of(backends: Backends, source: str, stream: Stream, key: str) -> Path:
    """Where a record of `source` is mended: a name under which any later run finds its stream; ConfigError if none."""
    folder = backends.project.raw / FOLDER / key
    original = source.rsplit("/", 1)[-1]
    bare = next((original[: -len(end)] for end in _PACKED if original.lower().endswith(end)), original)
    for name in (bare, original, *(re.sub(r"[*?]|\[[^\]]*\]", "", pattern) for pattern in stream.match)):
        uri, location = uri_of(backends.project, folder / name)
        with suppress(ConfigError):
            if stream_of(backends.pipelines, SourceObject(uri, location, 0, 0), None)[1] == stream:
                return folder / name
    raise ConfigError(
        f"{source} was loaded with --pipeline, under a name that does not tell its pipeline, and so would the mended "
        f"record be: add a pattern for it to `match` in pipelines/{stream.pipeline}.yaml"
    )


def put(files: Sequence[tuple[Path, bytes, int]]) -> None:
    """Create or replace files, each in one step, with its time; all are on disk when this returns."""
    parts: list[tuple[Path, Path]] = []
    try:
        for target, data, version in files:
            parts.append((target.with_name(f".part-{uuid.uuid4().hex}"), target))
            _write(*parts[-1], data, version)
        _sync([part for part, _ in parts])
        for part, target in parts:
            part.replace(target)
        _sync(sorted({above for target, *_ in files for above in (target.parent, target.parent.parent)}))
    except OSError as error:
        raise StorageUnavailableError(f"{error.filename or files[0][0]}: {error.strerror or error}") from error
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)


def _write(part: Path, target: Path, data: bytes, version: int) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(data)
    os.utime(part, ns=(version, version))
    if part.stat().st_mtime_ns != version:
        raise ConfigError(f"the file system of {target} does not keep times of files to the microsecond: move raw/")


def _sync(paths: Collection[Path]) -> None:
    if len(paths) > _MANY and sys.platform == "linux":  # elsewhere it may return before all is written
        os.sync()
        return
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
