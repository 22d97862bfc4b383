"""The seal of an object: a digest of its bytes, taken by whoever wrote them, for `verify` to compare later."""

from __future__ import annotations

import hashlib
from io import BufferedReader
from typing import BinaryIO, Final, cast

_DIGITS: Final = 32
"""Of SHA-256's 64: machines have instructions for it, and nobody finds other bytes with the same 128 bits."""


class Sealing:
    """The seal of bytes that come piece by piece."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        self._digest.update(data)

    @property
    def seal(self) -> str:
        """The seal of what came so far."""
        return self._digest.hexdigest()[:_DIGITS]


def seal_of(data: bytes) -> str:
    """The seal of these bytes.

    >>> seal_of(b"orders")
    '1c168adb00d208e42f93314529f1fa9c'
    """
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def seal_of_file(file: BinaryIO) -> str:
    """The seal of an open file's bytes, from where it stands; in bounded memory."""
    return hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()[:_DIGITS]
