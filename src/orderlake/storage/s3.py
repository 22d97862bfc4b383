"""Bytes in S3 buckets: a PUT shows a whole object or none, and every read sees the last one."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from orderlake.clients import Client, client, error_code, translated
from orderlake.errors import NotFoundError, StorageUnavailableError
from orderlake.model.ports import R, StoredObject, T
from orderlake.model.seal import Sealing, seal_of_file
from orderlake.storage.s3_streams import MultipartWriter, RangedReader, whole

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

_LARGEST_COPY: Final = 5 << 30
"""Bytes that CopyObject takes."""
_SMALL: Final = 2 << 20
"""Objects of up to so many bytes are fetched whole, and kept for a while: an engine opens a file several times."""
_AT_HAND: Final = 256 << 10
"""Written objects of up to so many bytes are kept for a while."""
_HELD: Final = 16 << 20
_KNOWN: Final = 10_000
_AT_ONCE: Final = 16
_SEVERAL: Final = 2
_VERSIONS: Final = 1_000
"""Of one DeleteObjects."""
_SCHEME: Final = "s3://"
_FOLDER: Final = "to-upload-"


def split(location: str) -> tuple[str, str]:
    """The bucket and the key of a location.

    >>> split("s3://shop-lake/lake/orders/data/a=1/x.parquet")
    ('shop-lake', 'lake/orders/data/a=1/x.parquet')
    """
    bucket, _, key = location.removeprefix(_SCHEME).partition("/")
    return bucket, key


class S3Store:
    """ObjectStore over S3; locations are `s3://bucket/key`. Plain paths are files of this machine.

    The objects of a lake never change under their names, but for the published Parquet files; so sizes and small
    objects are remembered, until a write, a publication or a deletion by this store, or until `stat` or `list` finds
    that another one has replaced them. Safe to share between threads.
    """

    def __init__(self, region: str | None = None, scratch: Path | None = None) -> None:
        """Reach S3 in `region`; the engine's files wait in `scratch` until they are uploaded."""
        self._client: Client = client("s3", region)
        self._scratch = scratch
        self._lock = Lock()
        self._sizes: OrderedDict[str, tuple[int, str]] = OrderedDict()
        """Bytes and ETag."""
        self._small: OrderedDict[str, bytes] = OrderedDict()
        self._held = 0
        """Bytes of the small ones."""
        self._new: OrderedDict[str, None] = OrderedDict()
        """What the engine is about to write."""
        self._seals: OrderedDict[str, str] = OrderedDict()
        """Of what was uploaded, until they are asked for."""

    def read(self, location: str) -> bytes:
        """Give the whole object; metadata of a table is fetched once."""
        bucket, key = split(location)
        with self._lock:
            data = self._small.get(location) if _is_metadata(location) else None
        if data is None:
            data = whole(self._client, {"Bucket": bucket, "Key": key})
            if _is_metadata(location):
                self._hold(location, data)
        return data

    def open(self, location: str) -> BinaryIO:
        """Open an object, or a file of this machine, for reading anywhere in it."""
        if not location.startswith(_SCHEME):
            return Path(location.removeprefix("file://")).open("rb")
        return cast("BinaryIO", self.reader(location))

    def reader(self, location: str) -> io.BytesIO | RangedReader:
        """Open an object: small ones are fetched whole, once. SourceChangedError when it is replaced meanwhile."""
        size, etag = self._sized(location)
        bucket, key = split(location)
        where = {"Bucket": bucket, "Key": key, "IfMatch": etag}
        if size > _SMALL:
            return RangedReader(self._client, where, size)
        with self._lock:
            data = self._small.get(location)
        if data is None:
            data = whole(self._client, where)
            self._hold(location, data)
        return io.BytesIO(data)

    def size(self, location: str) -> int:
        """The bytes of an object; NotFoundError when there is none."""
        return self._sized(location)[0]

    def _sized(self, location: str) -> tuple[int, str]:
        with self._lock:
            known, is_new = self._sizes.get(location), location in self._new
        if known is not None:
            return known
        found = None if is_new else self._head(location)
        if found is None:
            raise NotFoundError(f"there is no object {location}")
        self._remember(location, found["ContentLength"], found["ETag"])
        return found["ContentLength"], found["ETag"]

    def write(self, location: str, data: bytes) -> None:
        """Create or replace the object in one request."""
        self._forget(location)
        bucket, key = split(location)
        with translated(f"object {location}"):
            self._client.put_object(Bucket=bucket, Key=key, Body=data)
        if _is_metadata(location):
            self._hold(location, data)

    def create(self, location: str, data: bytes) -> None:
        """Create the object if its name is free (If-None-Match); finding our own bytes there is fine."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - an optional extra

        bucket, key = split(location)
        with translated(f"object {location}"):
            try:
                self._client.put_object(Bucket=bucket, Key=key, Body=data, IfNoneMatch="*")
            except ClientError as error:
                if error_code(error) != "PreconditionFailed":
                    raise
                if self.read(location) != data:
                    raise StorageUnavailableError(f"there is another object at {location} already") from error
        if _is_metadata(location):
            self._hold(location, data)

    @contextmanager
    def writer(self, location: str) -> Iterator[BinaryIO]:
        """Write an object, or a file of this machine, piece by piece; after an error there is none."""
        if not location.startswith(_SCHEME):
            with Path(location.removeprefix("file://")).open("wb") as file:
                yield file
            return
        out = self.upload(location)
        try:
            yield cast("BinaryIO", out)
        except BaseException:
            out.abort()
            raise
        out.close()

    def upload(self, location: str, end: bytes = b"") -> MultipartWriter:
        """A stream whose bytes are the object once it is closed; without this `end` they are not, and that raises."""
        return _Upload(self, self._client, location, end)

    def folder(self, location: str) -> Path:  # noqa: ARG002 - what is adopted says where it goes
        """A folder of this machine, new for each call."""
        return Path(tempfile.mkdtemp(prefix=_FOLDER, dir=self._scratch))

    def adopt(self, file: Path, location: str) -> None:
        """Upload a file, and remove it."""
        with file.open("rb") as source, self.writer(location) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        file.unlink()
        for folder in file.parents:  # those of `folder` that are empty now
            try:
                folder.rmdir()
            except OSError:
                break
            if folder.name.startswith(_FOLDER):
                break

    def sync(self, locations: Iterable[str]) -> None:
        """See to it that every object is there: an upload is durable once it has been answered."""
        self.each(self.size, locations)

    def publish(self, source: str, target: str) -> bool:
        """Copy an object over `target`, then delete it; False when it is gone."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - an optional extra

        (from_bucket, from_key), (bucket, key) = split(source), split(target)
        origin = {"Bucket": from_bucket, "Key": from_key}
        with translated(f"object {source}"):
            try:
                size = self.size(source)
            except NotFoundError:
                return False
            self._forget(source, target)
            try:
                if size > _LARGEST_COPY:
                    self._client.copy(origin, bucket, key)
                else:
                    self._client.copy_object(Bucket=bucket, Key=key, CopySource=origin)
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return False
                raise
        self._forget(target)  # what was read of it meanwhile
        self.delete(source)
        return True

    def delete(self, location: str) -> None:
        """Remove the object if it is there."""
        self._forget(location)
        bucket, key = split(location)
        with translated(f"object {location}"):
            self._client.delete_object(Bucket=bucket, Key=key)

    def purge(self, prefix: str) -> int:
        """Remove all versions but current ones; give how many."""
        bucket, key = split(prefix)
        root = f"{key.rstrip('/')}/" if key else ""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=root)
        purged, markers = 0, []
        with translated(prefix):
            for page in pages:
                old = [each for each in page.get("Versions", ()) if not each["IsLatest"]]
                markers += page.get("DeleteMarkers", ())
                delete_versions(self._client, bucket, old)
                purged += len(old)
            # The markers last, or what they hide would show for a moment, and be taken for a current one.
            delete_versions(self._client, bucket, markers)
        return purged

    def list(self, prefix: str, *, hidden: bool = False) -> Iterator[StoredObject]:
        """Every object under a prefix, in key order; `hidden` ones only when asked for."""
        bucket, key = split(prefix)
        root = f"{key.rstrip('/')}/" if key else ""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=root)
        with translated(prefix):
            for page in pages:
                for found in page.get("Contents", ()):
                    inner = found["Key"].removeprefix(root)
                    if inner and (hidden or not any(part.startswith(".") for part in inner.split("/"))):
                        location = f"{_SCHEME}{bucket}/{found['Key']}"
                        self._compare(location, found["ETag"])
                        yield StoredObject(location, found["Size"], _ns(found))

    def stat(self, location: str) -> StoredObject | None:
        """The object's size and modification time (ns, to the second), or None."""
        found = self._head(location)
        return None if found is None else StoredObject(location, found["ContentLength"], _ns(found))

    def _head(self, location: str) -> dict[str, Any] | None:
        bucket, key = split(location)
        try:
            with translated(f"object {location}"):
                found: dict[str, Any] = self._client.head_object(Bucket=bucket, Key=key)
        except NotFoundError:
            self._forget(location)
            return None
        self._compare(location, found["ETag"])
        return found

    def seal(self, location: str) -> str:
        """The seal of an object: that of the bytes as they were uploaded, which is known once."""
        with self._lock:
            seal = self._seals.pop(location, None)
        return self.seal_now(location) if seal is None else seal

    def seal_now(self, location: str) -> str:
        """The seal of an object's bytes, fetched anew."""
        self._forget(location)
        with self.open(location) as file:
            return seal_of_file(file)

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
        """Sixteen at a time."""
        todo = list(items)
        if len(todo) < _SEVERAL:
            return [work(item) for item in todo]
        with ThreadPoolExecutor(min(_AT_ONCE, len(todo)), thread_name_prefix="s3") as pool:
            return list(pool.map(work, todo))

    def engine_path(self, location: str) -> str:
        """The location itself: the engine reads and writes S3 through this store."""
        return location

    def target_path(self, location: str) -> str:
        """The location itself: S3 has no folders. Nothing is there yet, so the engine's asking needs no request."""
        self._forget(location)
        with self._lock:
            self._new[location] = None
            while len(self._new) > _KNOWN:
                self._new.popitem(last=False)
        return location

    def wrote(self, location: str, etag: str, size: int, seal: str, data: bytes = b"") -> None:
        """An upload was answered: what it made is known, and small files are at hand when they are soon folded."""
        self._forget(location)
        self._remember(location, size, etag)
        with self._lock:
            self._seals[location] = seal
            while len(self._seals) > _KNOWN:
                self._seals.popitem(last=False)
        if data:
            self._hold(location, data)

    def _compare(self, location: str, etag: str) -> None:
        """Forget what is known of an object that another store has replaced."""
        with self._lock:
            known = self._sizes.get(location)
        if known is not None and known[1] != etag:
            self._forget(location)

    def _remember(self, location: str, size: int, etag: str) -> None:
        with self._lock:
            self._sizes[location] = size, etag
            while len(self._sizes) > _KNOWN:
                self._sizes.popitem(last=False)

    def _hold(self, location: str, data: bytes) -> None:
        with self._lock:
            self._held -= len(self._small.pop(location, b""))
            if len(data) <= _SMALL:
                self._small[location] = data
                self._held += len(data)
            while self._held > _HELD:
                self._held -= len(self._small.popitem(last=False)[1])

    def _forget(self, *locations: str) -> None:
        with self._lock:
            for location in locations:
                self._sizes.pop(location, None)
                self._held -= len(self._small.pop(location, b""))
                self._new.pop(location, None)


class _Upload(MultipartWriter):
    """Tells its store when it is done."""

    def __init__(self, store: S3Store, client: Client, location: str, end: bytes) -> None:
        super().__init__(client, *split(location))
        self._store, self._location = store, location
        self._end, self._tail = end, b""
        self._sealing = Sealing()

    def write(self, data: Buffer, /) -> int:
        """Take the bytes."""
        view = memoryview(data).cast("B")
        if self._end:
            self._tail = (self._tail + bytes(view[-len(self._end) :]))[-len(self._end) :]
        self._sealing.update(view)
        return super().write(data)

    def close(self) -> None:
        """Finish the object; one that lacks its end is given up."""
        if self.closed:
            return
        if self._tail != self._end:
            self.abort()
            raise StorageUnavailableError(f"{self._location} was not written to its end")
        super().close()
        if not self._failed:
            data = bytes(self._buffer) if self._written == len(self._buffer) <= _AT_HAND else b""
            self._store.wrote(self._location, self._etag, self._written, self._sealing.seal, data)


def delete_versions(client: Client, bucket: str, found: Sequence[dict[str, Any]]) -> None:
    """Delete versions and delete markers of a listing for good; StorageUnavailableError names one that stays."""
    keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
    for start in range(0, len(keys), _VERSIONS):
        some = {"Objects": keys[start : start + _VERSIONS], "Quiet": True}
        for fault in client.delete_objects(Bucket=bucket, Delete=some).get("Errors", ()):
            said = fault.get("Message", fault["Code"])
            raise StorageUnavailableError(f"{_SCHEME}{bucket}/{fault['Key']} cannot be deleted: {said}")


def _is_metadata(location: str) -> bool:
    """Whether an object is an Iceberg table's metadata: such a name is given once, whoever writes it."""
    return "/metadata/" in location


def _ns(found: dict[str, Any]) -> int:
    return int(found["LastModified"].timestamp()) * 1_000_000_000
