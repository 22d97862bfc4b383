"""Objects in S3 that give way to others without some people, and stay the same sources.

A rewritten object is another version to S3. So each says which one it stands for (`events/rewritten.py`), and once it
is there the old one is deleted: whoever dies in between leaves both, which are one source, and the next one tidies up.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from orderlake.clients import Client, client, translated
from orderlake.errors import NotFoundError, StorageUnavailableError
from orderlake.events.rewritten import METADATA, Written, newest_of_each, rewritten, stands_for, write_down
from orderlake.model.source import RemoteFile, SourceObject
from orderlake.storage.s3 import split
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.events.objects import S3Sources

_CHUNK: Final = 1 << 20
_SECOND: Final = 1_000_000_000
_KEPT: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "StorageClass",
)
"""What is said of an object, and stays as it is."""


@dataclass
class Bucket:
    """The raw objects of a lake. From the first version on that changes, all are stored again in their order.

    So the newest one is still what the key shows.
    """

    backends: Backends
    _client: Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._client = client("s3", None if self.backends.project.aws is None else self.backends.project.aws.region)

    @property
    def _sources(self) -> S3Sources:
        return cast("S3Sources", self.backends.sources)

    def versions(self, uris: Sequence[str]) -> Iterator[SourceObject]:
        """All versions under the raw location, and of what else was loaded."""
        found = {(source.uri, source.identity): source for source in self._sources.find([])}
        known = {uri for uri, _ in found}
        for uri in uris:
            if uri not in known:
                with suppress(NotFoundError):
                    found |= {(source.uri, source.identity): source for source in self._sources.find([uri])}
        yield from found.values()

    def fetched(self, source: SourceObject, folder: Path) -> Path:
        """A copy, however large."""
        if (source.held or source.tag).startswith('"'):  # of a time when the bucket kept no versions
            bucket, key = split(source.location)
            version = dict(self._sources.stored(source.uri)).get(source, "")
            with translated(source.uri):
                about = {"VersionId": version} if version else {}
                self._client.download_file(bucket, key, str(folder / "whole"), ExtraArgs=about)
            return folder / "whole"
        file = self._sources.file(source, folder)
        if not isinstance(file, RemoteFile):
            return file
        copy = folder / "whole"
        with file.open() as stream, copy.open("wb") as out:
            shutil.copyfileobj(stream, out, _CHUNK)
        return copy

    def replace(self, versions: Sequence[SourceObject], new: Mapping[str, Path]) -> None:
        """Store them anew, and all versions that came later: those that come while this is done too."""
        uri = versions[0].uri
        deletion = self._sources.deletion(uri)
        was_deleted = deletion is not None and deletion[1]
        known = rewritten(self._client, self.backends.root).get(uri, Written())
        self._write_down(uri, Written(was_deleted, known.versions))
        done: set[str] = set()
        while todo := self._to_do(uri, new, done):
            for source, version in todo:
                self._store(source, version, new.get(source.identity))
                done.add(source.identity)
        self._settle(uri, was_deleted=was_deleted)

    def _write_down(self, uri: str, about: Written) -> None:
        with self.backends.ledger.turn("rewritten objects"):
            write_down(self._client, self.backends.root, uri, about)

    def _to_do(self, uri: str, new: Mapping[str, Path], done: set[str]) -> list[tuple[SourceObject, str]]:
        """The sources from the first on that changes, oldest first, with the version of the object that has each."""
        stored = self._sources.stored(uri)
        held = {source.identity: version for source, version in stored}
        sources = newest_of_each(source for source, _ in stored)
        first = next((at for at, source in enumerate(sources) if source.identity in new), len(sources))
        return [(source, held[source.identity]) for source in sources[first:] if source.identity not in done]

    def _store(self, source: SourceObject, version: str, file: Path | None) -> None:
        """Store a version that stands for this one: with the bytes of a file, or with its own."""
        from boto3.exceptions import Boto3Error  # noqa: PLC0415 - an optional extra

        bucket, key = split(source.location)
        where = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        try:
            with translated(source.uri):
                head = self._client.head_object(**where)
                about = {each: head[each] for each in _KEPT if each in head}
                about["Metadata"] = head["Metadata"] | {METADATA: stands_for(source)}
                if file is not None:
                    self._client.upload_file(str(file), bucket, key, ExtraArgs=about)
                else:
                    self._client.copy(where, bucket, key, ExtraArgs=about | {"MetadataDirective": "REPLACE"})
        except Boto3Error as error:
            raise StorageUnavailableError(f"{source.uri}: {error}") from error

    def tidy(self) -> None:
        """Delete versions that newer ones stand for, and see to it that a key shows what it should."""
        for uri, about in rewritten(self._client, self.backends.root).items():
            self._settle(uri, was_deleted=about.was_deleted)

    def _settle(self, uri: str, *, was_deleted: bool) -> None:
        bucket, key = split(uri)
        stored = self._sources.stored(uri)
        newest = newest_of_each(source for source, _ in stored)[-1:]
        if newest and newest[0] != stored[-1][0]:
            self._store(newest[0], dict(stored)[newest[0]], None)
            stored = self._sources.stored(uri)
        told = {source.held: stands_for(source) for source, _ in stored if source.held}
        self._write_down(uri, Written(was_deleted, told))
        last = {source.identity: version for source, version in stored}
        for source, version in stored:
            if version != last[source.identity]:
                with translated(uri):
                    self._client.delete_object(Bucket=bucket, Key=key, VersionId=version)
        deletion = self._sources.deletion(uri)
        if not newest or deletion is None or deletion[1]:
            return
        # S3 tells times to the second: of what happened within one, what was seen counts.
        at, second = deletion[0], newest[0].version // _SECOND * _SECOND
        if at > second or (at == second and was_deleted):
            with translated(uri):
                self._client.delete_object(Bucket=bucket, Key=key)
