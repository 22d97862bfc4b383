"""Source objects in S3: every version of a key is one, in the order in which S3 stored them.

S3 tells the time of a version to the second. Versions of one key within one second are told apart by their rank
in the listing of the key's versions, which S3 gives in the order of storing; so newer versions are greater, always.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from orderlake.clients import Client, client, translated
from orderlake.errors import ConfigError, NotFoundError
from orderlake.events.rewritten import METADATA, Written, as_it_stands, newest_of_each, rewritten
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

    @property
    def asked(self) -> str:
        """The version id that a request names."""
        return "" if self.id == _UNVERSIONED and self.is_newest else self.id


class S3Sources:
    """SourceFiles in buckets: the raw location of a deployment, and whatever `s3://` location is named."""

    def __init__(self, region: str, raw: str, lake: str) -> None:
        """Look under `raw` (`s3://bucket/prefix`); what lies in `lake` is never a source."""
        self._client: Client = client("s3", region)
        self._raw, self._lake = raw, lake

    def find(self, given: Sequence[str | PathLike[str]]) -> list[SourceObject]:
        """All versions under raw, or of the objects, prefixes and patterns named; oldest first."""
        chosen: dict[tuple[str, str], SourceObject] = {}
        before = self.rewritten()
        for text in map(_location, given) if given else (f"{self._raw}/",):
            if f"{text}/".startswith(f"{self._lake}/"):
                raise ConfigError(
                    f"{text} is in the lake, where the tables are: name new files, under {self._raw}/ say"
                )
            found = list(self._named(text, before))
            if given and not found:
                raise NotFoundError(f"there is no object {text}, and none under it")
            chosen |= {(source.uri, source.tag): source for source in found}
        # What was rewritten while this was listed looks like new versions.
        after = self.rewritten()
        changed = {uri for uri, about in after.items() if about != before.get(uri)}
        for uri in changed & {uri for uri, _ in chosen}:
            bucket, key = split(uri)
            chosen = {which: source for which, source in chosen.items() if which[0] != uri}
            for source in self._sources(bucket, self._of_key(bucket, key), after):
                chosen[source.uri, source.tag] = source
        return sorted(chosen.values(), key=lambda source: (source.version, source.uri))

    def each(self, location: str) -> Iterator[SourceObject]:
        """All versions under a location in the order of keys, one at a time, however many there are; perhaps none.

        Nothing but listings is asked for. A version that stands for another may be taken for one of its own while it
        is being written: who reads it looks again.
        """
        return self._named(_location(location), self.rewritten(), asks=False)

    def rewritten(self) -> Mapping[str, Written]:
        """Which objects have versions that stand for others: at least those of all that was looked up before."""
        return rewritten(self._client, self._lake)

    def resolve(
        self, bucket: str, key: str, version_id: str | None = None, apart: Mapping[str, Written] | None = None
    ) -> SourceObject | None:
        """One version of an object, the newest when none is named; None when it is gone.

        Who looks up many reads `rewritten` once, afterwards, and looks those up again that are in it.
        """
        found = self._of_key(bucket, key)
        sources = self._sources(bucket, found, self.rewritten() if apart is None else apart)
        if version_id is None or version_id == _UNVERSIONED:
            return sources[-1] if found and found[0].is_newest else None
        return next((source for source in sources if version_id in (source.tag, source.held)), None)

    def now(self, source: SourceObject) -> SourceObject | None:
        """The source itself where its version is pinned, for that never changes; else what its key holds now."""
        if self._pinned(source):
            return source
        bucket, key = split(source.location)
        return self.resolve(bucket, key)

    def again(self, source: SourceObject) -> SourceObject | None:
        """The version again, which another may hold by now; or, where its key keeps none, what is there."""
        return self.version(source.uri, source.identity) if self._pinned(source) else self.now(source)

    def version(self, uri: str, identity: str) -> SourceObject | None:
        """The version of the key, if the bucket keeps it still."""
        bucket, key = split(uri)
        sources = self._sources(bucket, self._of_key(bucket, key), self.rewritten())
        return next((source for source in sources if source.identity == identity), None)

    def stored(self, uri: str) -> list[tuple[SourceObject, str]]:
        """All versions of an object in the order of storing, those that newer ones stand for too.

        With each the id that requests name it by: empty for what a key shows that keeps no versions.
        """
        bucket, key = split(uri)
        return self._as_they_stand(bucket, self._of_key(bucket, key), Written(), asks=True)

    def deletion(self, uri: str) -> tuple[int, bool] | None:
        """When an object was last deleted, in nanoseconds since 1970, and whether it is; None where nothing tells."""
        bucket, key = split(uri)
        told: list[tuple[int, bool]] = []
        for page in self._pages(bucket, key, exact=True):
            found = [each for each in page.get("DeleteMarkers", ()) if each["Key"] == key]
            told += [(int(each["LastModified"].timestamp()) * _SECOND, bool(each["IsLatest"])) for each in found]
        return max(told, default=None)

    def file(self, source: SourceObject, folder: Path) -> Path | RemoteFile:
        """A copy of a small object in `folder`, a stream of a large one.

        NotFoundError when it is gone, SourceChangedError when its key holds another object, now or while it is read.
        """
        bucket, key = split(source.location)
        tag = source.held or source.tag
        where = {"Bucket": bucket, "Key": key} | ({"VersionId": tag} if self._pinned(source) else {"IfMatch": tag})
        if source.size > _COPIED:
            fetch(self._client, where, 0, 1)  # or its absence would show only in the midst of staging
            return RemoteFile(source.size, lambda: cast("BinaryIO", RangedReader(self._client, where, source.size)))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"source-{source.identity}"
        path.write_bytes(whole(self._client, where))
        return path

    def _pinned(self, source: SourceObject) -> bool:
        return not (source.held or source.tag).startswith('"')

    def _of_key(self, bucket: str, key: str) -> list[_Version]:
        """The versions of one key, newest first."""
        return [version for version in self._versions(bucket, key, exact=True) if version.key == key]

    def _sources(
        self, bucket: str, newest_first: Sequence[_Version], apart: Mapping[str, Written], *, asks: bool = True
    ) -> list[SourceObject]:
        """The sources that the versions of one key are, oldest first; `apart` are objects that were rewritten."""
        about = apart.get(f"s3://{bucket}/{newest_first[0].key}") if newest_first else None
        if about is None:
            return list(_ranked(bucket, newest_first))
        return newest_of_each(source for source, _ in self._as_they_stand(bucket, newest_first, about, asks=asks))

    def _as_they_stand(
        self, bucket: str, newest_first: Sequence[_Version], about: Written, *, asks: bool
    ) -> list[tuple[SourceObject, str]]:
        found = []
        for stored, version in zip(reversed(newest_first), _ranked(bucket, newest_first), strict=True):
            told = about.versions.get(version.tag)
            if told is None and asks:
                where = {"Bucket": bucket, "Key": stored.key} | ({"VersionId": stored.asked} if stored.asked else {})
                try:
                    with translated(version.uri):
                        told = self._client.head_object(**where)["Metadata"].get(METADATA)
                except NotFoundError:  # it has been deleted since it was listed
                    continue
            found.append((as_it_stands(version, told), stored.asked))
        return found

    def _named(self, text: str, apart: Mapping[str, Written], *, asks: bool = True) -> Iterator[SourceObject]:
        bucket, key = split(text)
        if not bucket:
            raise ConfigError(f"{text} names no bucket: say s3://BUCKET/KEY")
        plain = key.rstrip("*")
        is_pattern = any(mark in plain for mark in "*?[")
        prefix = _literal(key) if is_pattern else plain
        for found, group in groupby(self._versions(bucket, prefix), key=lambda version: version.key):
            if self._is_source(bucket, found, key, is_pattern=is_pattern, is_prefix=plain != key):
                yield from self._sources(bucket, list(group), apart, asks=asks)

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
        for page in self._pages(bucket, prefix, exact=exact):
            yield from map(_version, page.get("Versions", ()))

    def _pages(self, bucket: str, prefix: str, *, exact: bool) -> Iterator[dict[str, Any]]:
        """Pages of a listing of versions; with `exact` only as far as they have the first key."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        with translated(f"s3://{bucket}/{prefix}"):
            for page in pages:
                yield page
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
