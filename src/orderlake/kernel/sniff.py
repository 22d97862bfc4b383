"""What a file is: its compression, its encoding, and how records lie in it."""

from __future__ import annotations

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

from orderlake.errors import UnreadableObjectError

Layout = Literal["array", "lines", "values", "csv", "empty"]
CHUNK: Final = 1 << 20
_HEAD: Final = 1 << 16
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF16_SHARE = 0.3


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


def form_of(path: Path, declared: str = "auto") -> Form:
    """Tell compression and encoding from the first bytes; UTF-8 unless a BOM, NULs or `declared` say otherwise."""
    with path.open("rb") as file:
        magic = file.read(4)
    compression: Literal["none", "gzip", "zstd"] = "none"
    if magic[:2] == _GZIP:
        compression = "gzip"
    elif magic == _ZSTD:
        compression = "zstd"
    head = next(raw_chunks(path, compression, _HEAD), b"")
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return Form(compression, encoding, len(bom))
    if declared != "auto":
        return Form(compression, codecs.lookup(declared).name, 0)
    sample = head[:1024]
    if sample and sample[1::2].count(0) > len(sample) * _UTF16_SHARE:
        return Form(compression, "utf-16-le", 0)
    if sample and sample[0::2].count(0) > len(sample) * _UTF16_SHARE:
        return Form(compression, "utf-16-be", 0)
    return Form(compression, "utf-8", 0)


def raw_chunks(path: Path, compression: str, size: int = CHUNK) -> Iterator[bytes]:
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
    import zstandard  # noqa: PLC0415 - only files compressed with zstd need it

    return _Zstd(file, zstandard)  # type: ignore[return-value]  # offers read(), which is all that is used


class _Zstd:
    """Read zstd frames; an unfinished frame is an EOFError, as gzip has it."""

    def __init__(self, file: BinaryIO, zstandard: object) -> None:
        self._file = file
        self._zstandard = zstandard
        self._frame = self._new_frame()
        self._fresh = True

    def _new_frame(self) -> object:
        return self._zstandard.ZstdDecompressor().decompressobj()  # type: ignore[attr-defined]

    def read(self, size: int) -> bytes:
        """Some bytes, b"" at the end; EOFError when the last frame is unfinished."""
        pending = b""
        while True:
            data = pending or self._file.read(max(size >> 2, 4096))
            if not data:
                if self._fresh:
                    return b""
                raise EOFError
            try:
                out: bytes = self._frame.decompress(data)  # type: ignore[attr-defined]
            except self._zstandard.ZstdError as error:  # type: ignore[attr-defined]
                raise UnreadableObjectError(f"the zstd data is damaged: {error}") from None
            self._fresh = False
            pending = b""
            if self._frame.eof:  # type: ignore[attr-defined]
                pending = self._frame.unused_data  # type: ignore[attr-defined]
                self._frame, self._fresh = self._new_frame(), True
                if pending:
                    self._file.seek(-len(pending), 1)
                    pending = b""
            if out:
                return out


def text_chunks(path: Path, form: Form) -> Iterator[bytes]:
    """The file as UTF-8 bytes without BOM, in chunks. Bytes that are no text in UTF-8 stay as they are."""
    skip = form.skip
    decoder = None if form.encoding == "utf-8" else codecs.getincrementaldecoder(form.encoding)("replace")
    for chunk in raw_chunks(path, form.compression):
        data = chunk[skip:] if skip else chunk
        skip = 0
        yield data if decoder is None else decoder.decode(data).encode()
    if decoder is not None and (rest := decoder.decode(b"", final=True)):
        yield rest.encode()


def is_utf8(path: Path) -> bool:
    """Whether the whole file decodes as UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in raw_chunks(path, "none"):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def has_utf8_letters(path: Path) -> bool:
    """Whether any multi-byte UTF-8 sequence stands in the file: then bad bytes are damage, not latin-1."""
    return any(_MULTIBYTE.search(chunk) for chunk in raw_chunks(path, "none"))


def json_layout(path: Path) -> Layout:
    """Tell how JSON records lie in a plain file: an array, one per line, values in a row, or nothing."""
    with path.open("rb") as file:
        head = file.read(_HEAD).lstrip()
        while not head and (more := file.read(_HEAD)):
            head = more.lstrip()
    if not head:
        return "empty"
    if head[:1] == b"[":
        return "array"
    first, newline, rest = head.partition(b"\n")
    if newline and rest.strip() and _is_json(first):
        return "lines"
    return "values" if head[:1] == b"{" and (not newline or not _looks_like_lines(head)) else "lines"


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _looks_like_lines(head: bytes) -> bool:
    """Whether the first line is broken, but those after it are whole records."""
    lines = [line for line in head.splitlines()[1:4] if line.strip()]
    return bool(lines) and all(line.lstrip()[:1] == b"{" and _is_json(line) for line in lines[:1])
