"""Shared libraries without what only a debugger or a linker reads: half of some wheels."""

from __future__ import annotations

import struct
from typing import Final

_MAGIC: Final = b"\x7fELF\x02\x01"
"""64 bits, little endian: both of Lambda's architectures."""
_HEADER_SIZE: Final = 64
_PROGRAM_HEADERS: Final = 32
_SECTION_HEADERS: Final = 40
_COUNTS: Final = 54
_OFFSET_IN_FILE: Final = 8


def slimmed(content: bytes) -> bytes:
    """The library cut off behind the last byte that the loader maps; anything else than a 64-bit ELF file as it is.

    The loader reads program headers only. Sections (symbols, debugging tables) name parts of the file for linkers and
    debuggers; their table goes, and with it whatever lies behind the last segment.
    """
    if not content.startswith(_MAGIC) or len(content) < _HEADER_SIZE:
        return content
    (programs,) = struct.unpack_from("<Q", content, _PROGRAM_HEADERS)
    size, count = struct.unpack_from("<HH", content, _COUNTS)
    end = programs + size * count
    for at in range(programs, programs + size * count, size):
        offset, _, _, length = struct.unpack_from("<QQQQ", content, at + _OFFSET_IN_FILE)
        end = max(end, offset + length)
    slim = bytearray(content[:end])
    struct.pack_into("<Q", slim, _SECTION_HEADERS, 0)
    struct.pack_into("<HH", slim, _COUNTS + 6, 0, 0)
    return bytes(slim)
