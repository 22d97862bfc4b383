"""S3 objects as files: read in ranges, written in parts."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from orderlake.clients import Client, error_code, translated
from orderlake.errors import LakeError, SourceChangedError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

_AHEAD: Final = 1 << 18
"""Bytes fetched at least, so that a footer and what lies before it come in one request."""
_FAR_AHEAD: Final = 8 << 20
"""Bytes fetched at once when an object is read in order."""
_TRIES: Final = 4
PART: Final = 8 << 20
"""Bytes of a part of a multipart upload; 10,000 of them are S3's limit."""
_GROWTH: Final = 1_000
"""Parts after which they double in size: 80 GB and more in 10,000 parts, with small buffers for small files."""


class RangedReader(io.RawIOBase):
    """One version of an object, open for reading anywhere; a request fetches what is asked for, and some ahead."""

    def __init__(self, client: Client, where: dict[str, str], size: int) -> None:
        """Read the object that `where` names (Bucket, Key, perhaps VersionId or IfMatch), which has `size` bytes."""
        self._client, self._where, self._size = client, where, size
        self._place = 0
        self._held_at, self._held = -1, b""
        self._ahead = _AHEAD

    def again(self) -> RangedReader:
        """The same version of the object, opened once more."""
        return RangedReader(self._client, self._where, self._size)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def read(self, size: int | None = -1, /) -> bytes:
        """Give up to `size` bytes from here, fewer only at the end."""
        end = self._size if size is None or size < 0 else min(self._size, self._place + size)
        if end <= self._place:
            return b""
        if self._place < self._held_at or end > self._held_at + len(self._held):
            self._fetch(end)
        at = self._place - self._held_at
        data = self._held[at : at + end - self._place]
        self._place += len(data)
        if self._place == self._held_at + len(self._held) > self._held_at + _AHEAD:
            self._held_at, self._held = self._place, b""  # there may be many readers: large ones hold what is of use
        return data

    def _fetch(self, end: int) -> None:
        """Hold the bytes from here to `end`: with more behind them when the object is read in order, or by little."""
        at = self._place - self._held_at
        in_order = self._held_at >= 0 and 0 <= at <= len(self._held)
        self._ahead = min(self._ahead * 2, _FAR_AHEAD) if in_order else _AHEAD
        kept = self._held[at:] if in_order else b""
        begin = self._place if in_order else min(self._place, max(0, self._size - _AHEAD))
        start = begin + len(kept)
        least = start + self._ahead if in_order or end - start < _AHEAD else end
        self._held_at, self._held = -1, b""
        self._held = kept + fetch(self._client, self._where, start, min(self._size, max(end, least)))
        self._held_at = begin

    def readall(self) -> bytes:
        """Give all bytes from here."""
        return self.read(-1)

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill the buffer as far as the object goes."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


def fetch(client: Client, where: dict[str, str], start: int, end: int) -> bytes:
    """The bytes [start, end) of an object; StorageUnavailableError when it has fewer."""
    data = _body(client, where, {"Range": f"bytes={start}-{end - 1}"})
    if len(data) != end - start:
        raise StorageUnavailableError(f"s3://{where['Bucket']}/{where['Key']} became shorter while it was read")
    return data


def whole(client: Client, where: dict[str, str]) -> bytes:
    """All bytes of an object."""
    return _body(client, where, {})


def _body(client: Client, where: dict[str, str], more: dict[str, str]) -> bytes:
    """Get an object, or a part of it; a reply that breaks off is asked for again, which botocore leaves to us.

    SourceChangedError when `where` has an IfMatch that does not hold any more.
    """
    from botocore.exceptions import (  # noqa: PLC0415 - an optional extra
        ClientError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
    )

    broken_off = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, OSError)
    name, why = f"s3://{where['Bucket']}/{where['Key']}", ""
    for _ in range(_TRIES):
        with translated(f"object {name}"):
            try:
                reply = client.get_object(**where, **more)
            except ClientError as error:
                if error_code(error) in ("PreconditionFailed", "412"):
                    raise SourceChangedError(f"{name} changed while it was read") from error
                raise
            try:
                data: bytes = reply["Body"].read()
            except broken_off as error:
                why = str(error)
            else:
                return data
    raise StorageUnavailableError(f"{name} breaks off whenever it is read: {why}")


class MultipartWriter(io.RawIOBase):
    """An object written piece by piece: one PUT when it is small, else parts. It is there once `close` has returned.

    `abort` leaves nothing. What a killed process leaves, the bucket's lifecycle rule clears away.
    """

    def __init__(self, client: Client, bucket: str, key: str) -> None:
        self._client, self._where = client, {"Bucket": bucket, "Key": key}
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._written = 0
        self._etag = ""
        self._failed = False

    def writable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """How much has been written."""
        return self._written

    def write(self, data: Buffer, /) -> int:
        """Take the bytes; a full part is sent."""
        view = memoryview(data).cast("B")
        self._buffer += view
        self._written += len(view)
        try:
            while len(self._buffer) >= self._part_size():
                self._send()
        except BaseException:  # whoever closes it all the same must not get an object with a hole
            self.abort()
            raise
        return len(view)

    def close(self) -> None:
        """Finish the object; raises when it could not be, and then there is none."""
        if self.closed:
            return
        super().close()
        if self._failed:
            return
        try:
            with translated(self._name()):
                if self._upload is None:
                    self._etag = self._client.put_object(**self._where, Body=bytes(self._buffer))["ETag"]
                else:
                    self._send(last=True)
                    self._etag = self._complete()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Give up what was sent. What cannot be taken back now, the bucket's lifecycle rule clears away."""
        self._failed = True
        self._buffer.clear()
        if self._upload is not None:
            with suppress(LakeError), translated(self._name()):
                self._client.abort_multipart_upload(**self._where, UploadId=self._upload)
            self._upload = None
        super().close()

    def _complete(self) -> str:
        """Make the parts the object, give its ETag; if it is there already, a first try's reply was lost."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - an optional extra

        try:
            done = self._client.complete_multipart_upload(
                **self._where, UploadId=self._upload, MultipartUpload={"Parts": self._parts}
            )
        except ClientError as error:
            if error_code(error) != "NoSuchUpload":
                raise
            done = self._client.head_object(**self._where)
            if done["ContentLength"] != self._written:
                raise
        return str(done["ETag"])

    def _name(self) -> str:
        return f"s3://{self._where['Bucket']}/{self._where['Key']}"

    def _part_size(self) -> int:
        return PART << (len(self._parts) // _GROWTH)

    def _send(self, *, last: bool = False) -> None:
        size = len(self._buffer) if last else self._part_size()
        if size == 0 and self._parts:
            return
        with translated(self._name()):
            if self._upload is None:
                self._upload = self._client.create_multipart_upload(**self._where)["UploadId"]
            number = len(self._parts) + 1
            part = bytes(memoryview(self._buffer)[:size])
            done = self._client.upload_part(**self._where, UploadId=self._upload, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": done["ETag"]})
        del self._buffer[:size]
