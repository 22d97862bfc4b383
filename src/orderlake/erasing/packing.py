"""A changed text as a file of the same size as it had: in its old encoding and compression, with the time it had."""

from __future__ import annotations

import os
import shutil
import struct
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from orderlake.kernel.sniff import Form, raw_chunks

_CHUNK: Final = 1 << 20
_GZIP_HEAD: Final = b"\x1f\x8b\x08"
_COMMENT: Final = 0x10
"""The flag of a gzip header with a comment, which may be of any length and which nobody reads."""
_SKIPPED: Final = 0x184D2A50
"""What begins a zstd frame that readers skip; its own length takes four bytes more."""
_LEVELS: Final = (19, 22, 12, 3)


class UnpackableError(Exception):
    """A text cannot be packed to a given size."""


def packed(plain: Path, original: Path, form: Form, target: Path) -> None:
    """Write plain UTF-8 text to `target` as the original is written, and as large.

    UnpackableError when it cannot be.
    """
    size = original.stat().st_size
    whole = target.with_name(f"{target.name}.whole")
    try:
        with whole.open("wb") as out:
            out.write(_head(original, form))
            for chunk in _encoded(plain, form.encoding):
                out.write(chunk)
        if form.compression == "none":
            shutil.move(whole, target)
        elif form.compression == "gzip":
            _gzip(whole, target, size)
        else:
            _zstd(whole, target, size)
    finally:
        whole.unlink(missing_ok=True)
    if target.stat().st_size != size:
        raise UnpackableError(
            "it cannot be written as large as it is without what is to be forgotten: unpack it by hand "
            "(gunzip, unzstd), delete the packed one, and say this again"
        )


def _head(original: Path, form: Form) -> bytes:
    """The byte order marks."""
    return next(raw_chunks(original, form.compression, form.skip), b"") if form.skip else b""


def _encoded(plain: Path, encoding: str) -> Iterator[bytes]:
    with plain.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
        while chunk := text.read(_CHUNK):
            yield chunk.encode(encoding, errors="surrogateescape")


def _gzip(whole: Path, target: Path, size: int) -> None:
    body = target.with_name(f"{target.name}.body")
    squeeze, crc, length = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9), 0, 0
    try:
        with whole.open("rb") as text, body.open("wb") as out:
            while chunk := text.read(_CHUNK):
                crc, length = zlib.crc32(chunk, crc), length + len(chunk)
                out.write(squeeze.compress(chunk))
            out.write(squeeze.flush())
        room = size - body.stat().st_size - 18
        with target.open("wb") as out:
            out.write(_GZIP_HEAD + bytes([_COMMENT if room > 0 else 0, 0, 0, 0, 0, 2, 255]))
            out.write(b" " * (room - 1) + b"\0" if room > 0 else b"")
            with body.open("rb") as packed_text:
                shutil.copyfileobj(packed_text, out)
            out.write(struct.pack("<II", crc, length & 0xFFFFFFFF))
    finally:
        body.unlink(missing_ok=True)


def _zstd(whole: Path, target: Path, size: int) -> None:
    import zstandard  # noqa: PLC0415 - only files compressed with zstd need it

    for level in _LEVELS:
        with whole.open("rb") as text, target.open("wb") as out:
            zstandard.ZstdCompressor(level=level).copy_stream(text, out)
            room = size - out.tell()
            if room >= 8:  # noqa: PLR2004 - the beginning of a frame that is skipped
                out.write(struct.pack("<II", _SKIPPED, room - 8) + b"\0" * (room - 8))
        if target.stat().st_size == size:
            return


def swap(new: Path, path: Path) -> None:
    """Put a file in the place of another in one step, with its time and rights: nobody can tell that it is another."""
    place = path.resolve()
    about = place.stat()
    part = place.with_name(f".part-{uuid.uuid4().hex}")
    try:
        shutil.copyfile(new, part)
        part.chmod(about.st_mode)
        os.utime(part, ns=(about.st_atime_ns, about.st_mtime_ns))
        for each in (part, place.parent):
            handle = os.open(each, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
