"""Objects in S3 that give way to others without some people, and stay the same sources.

A rewritten object is another version to S3. So each says which one it stands for (`events/rewritten.py`), and once it
is there the old one is deleted: whoever dies in between leaves both, which are one source, and the next one tidies up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from orderlake.clients import Client, client, error_code, translated
from orderlake.errors import (
    ConfigError,
    NotFoundError,
    SourceChangedError,
    StorageUnavailableError,
    UnreadableObjectError,
)
from orderlake.events.rewritten import METADATA, Written, newest_of_each, rewritten, stands_for, write_down
from orderlake.model.source import RemoteFile, SourceObject
from orderlake.storage.s3 import split
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.events.objects import S3Sources

_SECOND: Final = 1_000_000_000
_TRIES: Final = 5
_ARCHIVED: Final = "InvalidObjectState"
_REFUSED: Final = "AccessDenied"
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
    _written: dict[str, Written] = field(default_factory=dict)
    """What is written down of objects, as it is to be in the end."""
    _keeps: dict[str, bool] = field(default_factory=dict)
    """Of each bucket that was looked at, whether it keeps versions."""

    def __post_init__(self) -> None:
        self._client = client("s3", None if self.backends.project.aws is None else self.backends.project.aws.region)

    @property
    def _sources(self) -> S3Sources:
        return cast("S3Sources", self.backends.sources)

    def versions(self, uris: Sequence[str]) -> Iterator[SourceObject]:
        """All versions under the raw location, and of what else was loaded."""
        raw = "" if self.backends.project.aws is None else self.backends.project.aws.raw
        found = {(source.uri, source.identity): source for source in self._sources.find([])}
        for uri in uris:
            if not uri.startswith(f"{raw}/"):
                with suppress(NotFoundError):
                    found |= {(source.uri, source.identity): source for source in self._sources.find([uri])}
        yield from found.values()

    def fetched(self, source: SourceObject, folder: Path) -> Path:
        """A copy, however large."""
        try:
            return self._fetched(source, folder)
        except StorageUnavailableError as error:
            if _ARCHIVED in str(error):
                raise UnreadableObjectError("it is archived: restore it, and say this again") from error
            raise

    def _fetched(self, source: SourceObject, folder: Path) -> Path:
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
        file.save(copy)
        return copy

    def begin(self, uris: Iterable[str]) -> None:
        """Finish what somebody left who died in this, and write down which objects are to be rewritten."""
        self._written = rewritten(self._client, self.backends.root)
        for uri in [uri for uri, about in self._written.items() if not about.is_settled]:
            self._settle(uri)
        self._will_rewrite(uris)

    def _will_rewrite(self, uris: Iterable[str]) -> None:
        for uri in uris:
            self._require_versions(split(uri)[0])
            deletion = self._sources.deletion(uri)
            known = self._written.get(uri, Written())
            was_deleted = deletion is not None and deletion[1]
            self._written[uri] = Written(known.versions, was_deleted, is_settled=False)
        write_down(self._client, self.backends.root, self._written)

    def _require_versions(self, bucket: str) -> None:
        """ConfigError where a bucket has suspended its versions: what is stored there takes the place of another."""
        if bucket in self._keeps:
            return
        with translated(f"s3://{bucket}"):
            status = self._client.get_bucket_versioning(Bucket=bucket).get("Status")
        if status == "Suspended":
            raise ConfigError(
                f"the bucket {bucket} has suspended its versions, so none can be rewritten without another being lost: "
                "enable them (`aws s3api put-bucket-versioning`), and say this again"
            )
        self._keeps[bucket] = status == "Enabled"

    def finish(self) -> None:
        """Write down what became of them."""
        write_down(self._client, self.backends.root, self._written)

    def replace(self, versions: Sequence[SourceObject], new: Mapping[str, Path]) -> None:
        """Store them anew, and all versions that came later: those that come while this is done too."""
        uri = versions[0].uri
        if self._written.get(uri, Written()).is_settled:  # it has come since the beginning
            self._will_rewrite([uri])
        done: set[str] = set()
        for _ in range(_TRIES):
            try:
                while todo := self._to_do(uri, new, done):
                    for source, version in todo:
                        self._store(source, version, new.get(source.identity))
                        done.add(source.identity)
                break
            except NotFoundError:  # a version that has expired since it was listed
                continue
        self._settle(uri)

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
        where = {"Bucket": bucket, "Key": key}
        at = where | ({"VersionId": version} if version else {})
        try:
            with translated(source.uri):
                head = self._client.head_object(**at)
                about = {each: head[each] for each in _KEPT if each in head}
                about["Metadata"] = head["Metadata"] | {METADATA: stands_for(source)}
                if file is None:
                    self._client.copy(at, bucket, key, ExtraArgs=about | {"MetadataDirective": "REPLACE"})
                elif self._keeps[bucket]:
                    self._client.upload_file(str(file), bucket, key, ExtraArgs=about)
                else:
                    self._put(source, file, about, head["ETag"])
        except Boto3Error as error:
            kind = ConfigError if _REFUSED in str(error) else StorageUnavailableError
            raise kind(f"{source.uri}: {error}") from error

    def _put(self, source: SourceObject, file: Path, about: Mapping[str, Any], etag: str) -> None:
        """Replace an object that has no versions, unless it is another one by now."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - an optional extra

        bucket, key = split(source.location)
        with file.open("rb") as data:
            try:
                self._client.put_object(Bucket=bucket, Key=key, Body=data, IfMatch=etag, **about)
            except ClientError as error:
                if error_code(error) not in ("PreconditionFailed", "412"):
                    raise
                raise SourceChangedError(f"{source.uri}: it was replaced meanwhile") from error

    def _settle(self, uri: str) -> None:
        """Delete versions that newer ones stand for, and see to it that the key shows what it should."""
        bucket, key = split(uri)
        self._require_versions(bucket)
        was_deleted = self._written[uri].was_deleted
        stored = self._sources.stored(uri)
        newest = newest_of_each(source for source, _ in stored)[-1:]
        if newest and newest[0] != stored[-1][0]:
            self._store(newest[0], dict(stored)[newest[0]], None)
            stored = self._sources.stored(uri)
        told = {source.held: stands_for(source) for source, _ in stored if source.held}
        last = {source.identity: version for source, version in stored}
        for source, version in stored:
            if version != last[source.identity]:
                with translated(uri):
                    self._client.delete_object(Bucket=bucket, Key=key, VersionId=version)
        deletion = self._sources.deletion(uri) if newest and was_deleted else None
        # S3 tells times to the second; what came after the deletion is to stay.
        if deletion is not None and not deletion[1] and deletion[0] >= newest[0].version // _SECOND * _SECOND:
            with translated(uri):
                self._client.delete_object(Bucket=bucket, Key=key)
        self._written[uri] = Written(told, was_deleted)
