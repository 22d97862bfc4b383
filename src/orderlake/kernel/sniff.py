"""What a file is: its compression, its encoding, and how records lie in it."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from orderlake.errors import UnreadableObjectError
from orderlake.kernel.foreign import foreign_kind
from orderlake.model.source import RemoteFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

Layout = Literal["array", "lines", "values", "csv", "empty"]
CHUNK: Final = 1 << 20
_HEAD: Final = 1 << 16
_ZSTD_PIECE: Final = 1 << 12
"""Compressed bytes taken at once: even the densest of them become no more than 128 MiB."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF16_SHARE: Final = 0.3
_SAMPLE: Final = 100
"""Lines looked at to tell one record per line from records over several lines."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a file's bytes become text: `skip` is the byte length of its BOM, encoding a Python codec."""

    compression: Literal["none", "gzip", "zstd"]
    encoding: str
    skip: int

    @property
    def is_plain(self) -> bool:
        """Whether the file's own bytes are already plain UTF-8 text."""
        return self.compression == "none" and self.encoding == "utf-8" and self.skip == 0


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written: its delimiter, the byte where its header starts, and the header's names."""

    delimiter: str
    start: int
    header: tuple[str, ...]


def form_of(path: Path | RemoteFile, declared: str = "auto") -> Form:
    """Tell compression and encoding from the first bytes; UTF-8 unless a BOM, NULs or `declared` say otherwise.

    UnreadableObjectError says what a file is that cannot hold records at all.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    compression: Literal["none", "gzip", "zstd"] = "none"
    if magic[:2] == _GZIP:
        compression = "gzip"
    elif magic == _ZSTD:
        compression = "zstd"
    head = next(raw_chunks(path, compression, _HEAD), b"")
    foreign = foreign_kind(head)
    if foreign is not None:
        raise UnreadableObjectError(foreign)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            skip = len(bom)
            while head.startswith(bom, skip):  # joined from files with one each; the engine skips a second one
                skip += len(bom)
            return Form(compression, encoding, skip)
    if declared != "auto":
        return Form(compression, codecs.lookup(declared).name, 0)
    sample = head[:1024]
    if sample and sample[1::2].count(0) > len(sample) * _UTF16_SHARE:
        return Form(compression, "utf-16-le", 0)
    if sample and sample[0::2].count(0) > len(sample) * _UTF16_SHARE:
        return Form(compression, "utf-16-be", 0)
    return Form(compression, "utf-8", 0)


def raw_chunks(path: Path | RemoteFile, compression: str, size: int = CHUNK) -> Iterator[bytes]:
    """The decompressed bytes in chunks; UnreadableObjectError when the compression is cut short or damaged."""
    with path.open("rb") as file:
        if compression == "none":
            yield from _read(file, size)
            return
        try:
            yield from _read(_decompressor(file, compression), size)
        except EOFError:
            raise UnreadableObjectError(f"the {compression} data ends too early: was the upload cut short?") from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableObjectError(f"the gzip data is damaged: {error}") from None


def _read(file: BinaryIO, size: int) -> Iterator[bytes]:
    while chunk := file.read(size):
        yield chunk


def _decompressor(file: BinaryIO, compression: str) -> BinaryIO:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]  # a BinaryIO in all but name
    return io.BufferedReader(_Zstd(file), CHUNK)


class _Zstd(io.RawIOBase):
    """Read zstd frames, one after another; an unfinished frame is an EOFError, as gzip has it."""

    def __init__(self, file: BinaryIO) -> None:
        import zstandard  # noqa: PLC0415 - only files compressed with zstd need it

        self._file = file
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._damage = zstandard.ZstdError
        self._frame = self._new()
        self._pending = self._out = b""
        self._fresh = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill some of the buffer; 0 at the end."""
        view = memoryview(buffer)
        while not self._out:
            data = self._pending or self._file.read(_ZSTD_PIECE)
            if not data:
                if self._fresh:
                    return 0
                raise EOFError
            try:
                self._out = self._frame.decompress(data)
            except self._damage as error:
                raise UnreadableObjectError(f"the zstd data is damaged: {error}") from None
            self._fresh, self._pending = False, b""
            if self._frame.eof:
                self._pending = self._frame.unused_data
                self._frame, self._fresh = self._new(), True
        count = min(len(self._out), len(view))
        view[:count], self._out = self._out[:count], self._out[count:]
        return count


def text_chunks(path: Path | RemoteFile, form: Form) -> Iterator[bytes]:
    """The file as UTF-8 bytes without BOM, in chunks. Bytes that are no text in UTF-8 stay as they are."""
    skip = form.skip
    decoder = None if form.encoding == "utf-8" else codecs.getincrementaldecoder(form.encoding)("replace")
    for chunk in raw_chunks(path, form.compression):
        data = chunk[skip:] if skip else chunk
        skip = 0
        yield data if decoder is None else decoder.decode(data).encode()
    if decoder is not None and (rest := decoder.decode(b"", final=True)):
        yield rest.encode()


_MULTIBYTE: Final = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def legacy_encoding(path: Path) -> str | None:
    """cp1252 or latin-1 for a plain file that is no UTF-8 anywhere; None for UTF-8, a byte of which may be damaged."""
    if is_utf8(raw_chunks(path, "none")) or any(_MULTIBYTE.search(chunk) for chunk in raw_chunks(path, "none")):
        return None
    return "cp1252" if _decodes(raw_chunks(path, "none"), "cp1252") else "latin-1"


def is_utf8(chunks: Iterable[Buffer]) -> bool:
    """Whether a text decodes as UTF-8."""
    return _decodes(chunks, "utf-8")


def _decodes(chunks: Iterable[Buffer], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in chunks:
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def json_layout(path: Path) -> Layout:
    """`layout_of` a plain file."""
    with path.open("rb") as file:
        return layout_of(_read(file, _HEAD))


def layout_of(chunks: Iterable[bytes]) -> Layout:
    """Tell how JSON records lie in a text: an array, one per line, values in a row, or nothing.

    Strict reading proves it right; where it fails, the careful reader wants only the kind of border between records.
    """
    head, rest = b"", b""
    for chunk in chunks:
        rest = chunk if len(chunk) <= _HEAD else chunk.lstrip()[:_HEAD]
        head = rest.lstrip()
        if head:
            break
    if not head:
        return "empty"
    if head[:1] == b"[":
        return "array"
    lines = head.split(b"\n") if len(rest) < _HEAD else head.split(b"\n")[:-1]
    lines = [line for line in lines if line.strip()][:_SAMPLE]
    good = sum(_is_json(line) for line in lines)
    if head[:1] != b"{" and not good:
        raise UnreadableObjectError(f"is not JSON: it begins with {head[:20].decode(errors='replace')!r}")
    goes_on = len(lines) > 1 or (len(lines) == 1 and len(rest) == _HEAD)
    return "lines" if goes_on and good * 2 >= len(lines) else "values"


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
