"""Which files a run is about: paths, folders and patterns to source objects, and each to its stream."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from orderlake.config import Project
from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.pipeline import TRIAL, Pipeline, Stream
from orderlake.model.source import SourceObject, is_wanted


class LocalSources:
    """SourceFiles in folders: a project's raw/, and whatever path is named."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def find(self, given: Sequence[str | os.PathLike[str]]) -> list[SourceObject]:
        """The files named (files, folders, patterns), or all under raw/; each once, oldest first."""
        chosen: dict[str, SourceObject] = {}
        for path in _paths(self._project, given):
            found = source_at(self._project, path)
            if found is not None:
                chosen[found.uri] = found
        return sorted(chosen.values(), key=lambda source: (source.version, source.uri))

    def now(self, source: SourceObject) -> SourceObject | None:
        """The current version of the file at its place; None when it is gone."""
        return source_at(self._project, Path(source.location))

    def again(self, source: SourceObject) -> SourceObject | None:
        """As `now`."""
        return self.now(source)

    def version(self, uri: str, identity: str) -> SourceObject | None:
        """The file at this place, if it is as it was."""
        found = source_at(self._project, self._project.root / uri)
        return found if found is not None and found.identity == identity else None

    def file(self, source: SourceObject, folder: Path) -> Path:  # noqa: ARG002 - it need not be copied
        """The file itself."""
        return Path(source.location)


def source_at(project: Project, path: Path) -> SourceObject | None:
    """The current version of the file at a path, or None when it is gone: a link may lead nowhere, or in a circle."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
    uri, location = uri_of(project, path)
    return SourceObject(uri, location, found.st_size, found.st_mtime_ns)


def uri_of(project: Project, path: Path) -> tuple[str, str]:
    """What a path is called on every machine, and where it is on this one; the file itself may be missing."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - `..` goes, links stay: a link names its own source
    if not absolute.is_relative_to(project.root):  # by another way round, a link perhaps, it may be
        absolute = absolute.parent.resolve() / absolute.name
    uri = (
        absolute.relative_to(project.root).as_posix() if absolute.is_relative_to(project.root) else absolute.as_posix()
    )
    # A file name is bytes; one that is no text must still have an identity that can be written down.
    return os.fsencode(uri).decode("utf-8", "backslashreplace"), str(absolute)


def _paths(project: Project, given: Sequence[str | os.PathLike[str]]) -> Iterator[Path]:
    if not given:
        yield from _under(project.raw)
    for item in given:
        text = os.fspath(item)
        path = Path(text)
        if path.is_dir():
            yield from _under(path)
        elif path.exists():
            yield path
        elif any(mark in text for mark in "*?["):
            matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
            if not matches:
                raise NotFoundError(f"no file matches {text}")
            yield from (Path(match) for match in matches if Path(match).is_file())
        elif text.startswith("s3://"):
            raise ConfigError(
                f"{text} is on AWS: say --env aws, once the project is deployed (`orderlake deploy apply`); "
                "to load it into a lake in folders, copy it to raw/ first"
            )
        else:
            raise NotFoundError(f"there is no file or folder {text}")


def _under(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if is_wanted(name):
                yield Path(root) / name


def _needs_a_name(source: SourceObject) -> None:
    try:
        source.location.encode()
    except UnicodeEncodeError:
        raise ConfigError("its path is not valid UTF-8, which SQL cannot name: rename it") from None


def stream_of(pipelines: Sequence[Pipeline], source: SourceObject, named: str | None) -> tuple[Pipeline, Stream]:
    """The stream whose pattern fits the file's name, else the only one; ConfigError says what to name.

    Of several that fit, the one that spells out most of the name: `*shopify*.json` goes before `*order*.json`. The
    pipeline that tries a deployment out takes only what is named for it, and does not count otherwise.
    """
    if not pipelines:
        raise ConfigError(
            "the project has no pipeline: copy one into pipelines/, or make a project with `orderlake init DIR`"
        )
    if named is not None:
        chosen = [pipeline for pipeline in pipelines if pipeline.name == named]
        if not chosen:
            raise ConfigError(
                f"there is no pipeline {named!r}; the project has {', '.join(pipeline.name for pipeline in pipelines)}"
            )
        pipelines = chosen
    _needs_a_name(source)
    streams = [(pipeline, stream) for pipeline in pipelines for stream in pipeline.streams]
    fits = [(fit, each) for each in streams if (fit := each[1].fit(source.name)) is not None]
    if fits:
        return max(fits, key=itemgetter(0))[1]
    pipelines = [pipeline for pipeline in pipelines if pipeline.name != TRIAL] or pipelines
    streams = [(pipeline, stream) for pipeline, stream in streams if pipeline in pipelines]
    if len(streams) == 1:
        return streams[0]
    if len(pipelines) == 1:
        kinds = ", ".join(pattern for _, stream in streams for pattern in stream.match)
        raise ConfigError(
            f"its name fits no file pattern of pipeline {pipelines[0].name} ({kinds}): rename it or add a pattern"
        )
    raise ConfigError(
        "its name fits no pipeline: widen `match` in one of "
        f"{', '.join(pipeline.name for pipeline in pipelines)}, or load it by hand with --pipeline"
    )
