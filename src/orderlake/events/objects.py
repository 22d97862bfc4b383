"""Source objects in S3: every version of a key is one, in the order in which S3 stored them.

S3 tells the time of a version to the second. Versions of one key within one second are told apart by their rank
in the listing of the key's versions, which S3 gives in the order of storing; so newer versions are greater, always.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from orderlake.clients import Client, client, translated
from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.source import RemoteFile, SourceObject, is_wanted
from orderlake.storage.s3 import split
from orderlake.storage.s3_streams import RangedReader, fetch, whole

_COPIED: Final = 16 << 20
"""Objects of up to so many bytes are copied to this machine; larger ones are streamed."""
_SECOND: Final = 1_000_000_000
_UNVERSIONED: Final = "null"


@dataclass(frozen=True, slots=True)
class _Version:
    key: str
    id: str
    seconds: int
    size: int
    etag: str
    is_newest: bool
    """False also for the last version of a key that was deleted since."""


class S3Sources:
    """SourceFiles in buckets: the raw location of a deployment, and whatever `s3://` location is named."""

    def __init__(self, region: str, raw: str, lake: str) -> None:
        """Look under `raw` (`s3://bucket/prefix`); what lies in `lake` is never a source."""
        self._client: Client = client("s3", region)
        self._raw, self._lake = raw, lake

    def find(self, given: Sequence[str | PathLike[str]]) -> list[SourceObject]:
        """All versions under raw, or of the objects, prefixes and patterns named; oldest first."""
        chosen: dict[tuple[str, str], SourceObject] = {}
        for text in map(_location, given) if given else (f"{self._raw}/",):
            if f"{text}/".startswith(f"{self._lake}/"):
                raise ConfigError(
                    f"{text} is in the lake, where the tables are: name new files, under {self._raw}/ say"
                )
            found = list(self._named(text))
            if given and not found:
                raise NotFoundError(f"there is no object {text}, and none under it")
            chosen |= {(source.uri, source.tag): source for source in found}
        return sorted(chosen.values(), key=lambda source: (source.version, source.uri))

    def each(self, location: str) -> Iterator[SourceObject]:
        """All versions under a location in the order of keys, one at a time, however many there are; perhaps none."""
        return self._named(_location(location))

    def resolve(self, bucket: str, key: str, version_id: str | None = None) -> SourceObject | None:
        """One version of an object, the newest when none is named; None when it is gone."""
        found = [version for version in self._versions(bucket, key, exact=True) if version.key == key]
        ranked = list(_ranked(bucket, found))
        if version_id is None or version_id == _UNVERSIONED:
            return ranked[-1] if found and found[0].is_newest else None
        return next((source for source in ranked if source.tag == version_id), None)

    def now(self, source: SourceObject) -> SourceObject | None:
        """The source itself where its version is pinned, for that never changes; else what its key holds now."""
        if self._pinned(source):
            return source
        bucket, key = split(source.location)
        return self.resolve(bucket, key)

    def version(self, uri: str, identity: str) -> SourceObject | None:
        """The version of the key, if the bucket keeps it still."""
        bucket, key = split(uri)
        found = [version for version in self._versions(bucket, key, exact=True) if version.key == key]
        return next((source for source in _ranked(bucket, found) if source.identity == identity), None)

    def file(self, source: SourceObject, folder: Path) -> Path | RemoteFile:
        """A copy of a small object in `folder`, a stream of a large one.

        NotFoundError when it is gone, SourceChangedError when its key holds another object, now or while it is read.
        """
        bucket, key = split(source.location)
        pin = {"VersionId": source.tag} if self._pinned(source) else {"IfMatch": source.tag}
        where = {"Bucket": bucket, "Key": key} | pin
        if source.size > _COPIED:
            fetch(self._client, where, 0, 1)  # or its absence would show only in the midst of staging
            return RemoteFile(source.size, lambda: cast("BinaryIO", RangedReader(self._client, where, source.size)))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"source-{source.identity}"
        path.write_bytes(whole(self._client, where))
        return path

    def _pinned(self, source: SourceObject) -> bool:
        return not source.tag.startswith('"')

    def _named(self, text: str) -> Iterator[SourceObject]:
        bucket, key = split(text)
        if not bucket:
            raise ConfigError(f"{text} names no bucket: say s3://BUCKET/KEY")
        plain = key.rstrip("*")
        is_pattern = any(mark in plain for mark in "*?[")
        prefix = _literal(key) if is_pattern else plain
        for found, group in groupby(self._versions(bucket, prefix), key=lambda version: version.key):
            if self._is_source(bucket, found, key, is_pattern=is_pattern, is_prefix=plain != key):
                yield from _ranked(bucket, list(group))

    def _is_source(self, bucket: str, found: str, key: str, *, is_pattern: bool, is_prefix: bool) -> bool:
        if f"s3://{bucket}/{found}".startswith(f"{self._lake}/"):
            return False
        if is_pattern:
            fits = fnmatch.fnmatchcase(found, key) or found == key
        else:
            fits = is_prefix or found == key or not key or key.endswith("/") or found.startswith(f"{key}/")
        hidden = any(part.startswith(".") for part in found.split("/"))
        return fits and not hidden and is_wanted(found.rsplit("/", 1)[-1])

    def _versions(self, bucket: str, prefix: str, *, exact: bool = False) -> Iterator[_Version]:
        """Versions under a prefix by key, newest first, delete markers apart; with `exact` those of the first key."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        with translated(f"s3://{bucket}/{prefix}"):
            for page in pages:
                for found in page.get("Versions", ()):
                    yield _version(found)
                if exact and page.get("NextKeyMarker", prefix) != prefix:
                    return


def _location(given: str | PathLike[str]) -> str:
    text = fspath(given)
    if not text.startswith("s3://"):
        raise ConfigError(f"{text} is a path of this machine: on AWS, name s3://BUCKET/KEY, or upload it to raw/")
    return text


def _literal(pattern: str) -> str:
    """What every key that fits a pattern begins with."""
    return pattern[: min(pattern.index(mark) for mark in "*?[" if mark in pattern)]


def _version(found: dict[str, Any]) -> _Version:
    return _Version(
        key=found["Key"],
        id=found["VersionId"],
        seconds=int(found["LastModified"].timestamp()),
        size=found["Size"],
        etag=found["ETag"],
        is_newest=found["IsLatest"],
    )


def _ranked(bucket: str, newest_first: Sequence[_Version]) -> Iterator[SourceObject]:
    """The versions of one key, oldest first, each with its rank within its second."""
    for seconds, group in groupby(reversed(newest_first), key=lambda version: version.seconds):
        for rank, version in enumerate(group):
            uri = f"s3://{bucket}/{version.key}"
            tag = version.etag if version.id == _UNVERSIONED else version.id
            yield SourceObject(uri, uri, version.size, seconds * _SECOND + rank, tag)
