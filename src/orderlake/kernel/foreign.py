"""What is no text of records at all, whatever its name says: archives, workbooks, pages, images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_KINDS: Final = (
    (rb"PK\x03\x04.{0,4096}?(?:xl/|\[Content_Types\]\.xml)", "is an Excel workbook: export its sheet as CSV"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook, or another old Office file: export its sheet as CSV"),
    (rb"PK\x03\x04|PK\x05\x06", "is a zip archive: unpack it, or pack the file with gzip"),
    (rb"\x1f\x8b", "is compressed twice: unpack it once"),
    (rb"\x28\xb5\x2f\xfd", "is compressed twice: unpack it once"),
    (rb"BZh[1-9]1AY&SY", "is compressed with bzip2: use gzip or zstd"),
    (rb"\xfd7zXZ\x00", "is compressed with xz: use gzip or zstd"),
    (rb"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it, or pack the file with gzip"),
    (rb"%PDF-", "is a PDF: ask for the data itself"),
    (rb"PAR1[\x00-\x1f]", "is a Parquet file: its rows can be queried as they are"),
    (rb"Obj\x01", "is an Avro file: export it as JSON"),
    (rb"SQLite format 3\x00", "is a SQLite database: export its tables as CSV"),
    (rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a", "is an image"),
    (
        rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)\b",
        "is an HTML page, an error page or a login perhaps",
    ),
    (rb"(?:\xef\xbb\xbf)?\s*<\?xml\b", "is XML, an error of the service it was fetched from perhaps"),
    (rb"\x00{512}", "begins with nothing but NUL bytes: was it written in full?"),
)
_PATTERNS: Final = tuple((re.compile(start, re.DOTALL | re.IGNORECASE), said) for start, said in _KINDS)
_PACKED: Final = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}


def foreign_kind(head: bytes) -> str | None:
    """What a file is by its first bytes, once unpacked, and what to do about it; None where it may hold records.

    >>> foreign_kind(b"%PDF-1.7")
    'is a PDF: ask for the data itself'
    >>> foreign_kind(b'{"order_id": 1}') is None
    True
    """
    return next((said for start, said in _PATTERNS if start.match(head)), None)


def misnamed(path: Path) -> str:
    """A remark on a file that is not compressed, though it is named so; empty for others.

    >>> misnamed(Path("orders.json.gz"))
    '; nor is it gzip, as it is named'
    """
    packed = _PACKED.get(path.suffix.lower())
    return "" if packed is None else f"; nor is it {packed}, as it is named"
