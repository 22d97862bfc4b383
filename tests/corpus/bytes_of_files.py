"""Files whose bytes are the matter: encodings, compression, and what is something else altogether."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import Final

import zstandard

from tests.corpus.case import Case, loads, rejects, sets_aside

TEXT: Final = '[{"id": 1, "note": "Zoë"},\n{"id": 2, "note": "€ 5"}]'
PAIR: Final = ("Zoë", "€ 5")
ROWS: Final = "id,day,amount,note\n1,2024-01-05,1.00,Zoë\n2,2024-01-06,2.00,€ 5\n"
PACKED: Final = gzip.compress(TEXT.encode(), mtime=0)
LONG: Final = gzip.compress(b"\n".join(b'{"id": %d, "note": "%x"}' % (n, n * 7919**3) for n in range(3000)), mtime=0)
FRAME: Final = zstandard.compress(TEXT.encode())
LONG_FRAME: Final = zstandard.ZstdCompressor(write_checksum=True).compress(
    b"\n".join(b'{"id": %d, "note": "%x"}' % (n, n * 7919**3) for n in range(3000))
)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def _archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name.replace("_", "/") + ".xml"), data)
    return out.getvalue()


def _of_one(name: str, encoding: str, file: str = ".json") -> Case:
    text, column = (ROWS, "note") if file == ".csv" else (TEXT, "note")
    return loads(name, text.encode(encoding), 2, file, **{column: PAIR})


CASES: Final[tuple[Case, ...]] = (
    # Encodings.
    _of_one("UTF-8 with a byte order mark", "utf-8-sig"),
    _of_one("UTF-16 with a byte order mark", "utf-16"),
    _of_one("UTF-16 little-endian without a byte order mark", "utf-16-le"),
    _of_one("UTF-16 big-endian without a byte order mark", "utf-16-be"),
    _of_one("UTF-32 with a byte order mark", "utf-32"),
    _of_one("Windows' encoding", "cp1252"),
    _of_one("CSV in UTF-8 with a byte order mark", "utf-8-sig", ".csv"),
    _of_one("CSV in UTF-16", "utf-16", ".csv"),
    _of_one("CSV in Windows' encoding", "cp1252", ".csv"),
    loads("CSV in latin-1", "id,day,amount,note\n1,,,Zoë\n".encode("latin-1"), 1, ".csv", note=("Zoë",)),
    loads("a byte order mark alone", b"\xef\xbb\xbf", 0),
    loads("a byte order mark of UTF-16 alone", b"\xff\xfe", 0),
    loads("a byte order mark alone in CSV", b"\xef\xbb\xbf", 0, ".csv"),
    loads(
        "a byte order mark in UTF-16 CSV", "id,day,amount,note\r\n1,,,x\r\n".encode("utf-16"), 1, ".csv", note=("x",)
    ),
    sets_aside(
        "CSV in two encodings",
        "id,day,amount,note\n1,,,Zoë\n".encode() + "2,,,Zoë\n".encode("latin-1") + b"3,,,x\n",
        2,
        (2, 3, "", "is not valid UTF-8"),
        file=".csv",
    ),
    sets_aside(
        "JSON in two encodings",
        '{"id": 1, "note": "Zoë"}\n'.encode() + '{"id": 2, "note": "Zoë"}\n'.encode("latin-1") + b'{"id": 3}\n',
        2,
        (2, 2, "", "is not valid UTF-8"),
        file=".ndjson",
    ),
    loads("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbf" + b'{"id": 1}\n{"id": 2}', 2),
    sets_aside(
        "UTF-16 with half a character at the end", TEXT.encode("utf-16") + b"\n", 2, (3, 2, "", "is not valid JSON")
    ),
    # Compression.
    loads("gzip", PACKED, 2, ".json.gz", note=PAIR),
    loads("gzip without the ending", PACKED, 2, note=PAIR),
    loads(
        "gzip of several members",
        gzip.compress(b'{"id": 1}\n', mtime=0) + gzip.compress(b'{"id": 2}\n', mtime=0),
        2,
        ".json.gz",
    ),
    loads(
        "gzip cut between two records of two members",
        gzip.compress(b'{"id": 1}\n{"id"', mtime=0) + gzip.compress(b": 2}\n", mtime=0),
        2,
        ".json.gz",
    ),
    loads("gzip with an empty member", gzip.compress(b"", mtime=0) + PACKED, 2, ".json.gz"),
    loads("gzip of nothing", gzip.compress(b"", mtime=0), 0, ".json.gz"),
    loads("gzip of a CSV", gzip.compress(ROWS.encode(), mtime=0), 2, ".csv.gz", note=PAIR),
    loads("gzip padded with zeros", PACKED + bytes(512), 2, ".json.gz"),
    rejects("gzip cut short", PACKED[:-9], "the gzip data ends too early: was the upload cut short?", ".json.gz"),
    rejects(
        "gzip cut in its checksum", PACKED[:-2], "the gzip data ends too early: was the upload cut short?", ".json.gz"
    ),
    rejects(
        "gzip cut in its header", PACKED[:5], "the gzip data ends too early: was the upload cut short?", ".json.gz"
    ),
    rejects("gzip cut in the middle", LONG[: len(LONG) // 2], "the gzip data ends too early", ".json.gz"),
    rejects("gzip damaged in the middle", _flipped(LONG, len(LONG) // 2), "the gzip data is damaged", ".json.gz"),
    rejects("gzip with a wrong checksum", _flipped(PACKED, len(PACKED) - 6), "the gzip data is damaged", ".json.gz"),
    rejects("gzip with a wrong method", _flipped(PACKED, 2), "the gzip data is damaged", ".json.gz"),
    rejects("gzip with something after it", PACKED + b"trailing", "the gzip data is damaged", ".json.gz"),
    rejects("gzip of gzip", gzip.compress(PACKED, mtime=0), "compressed twice", ".json.gz"),
    loads("plain JSON named gzip", TEXT, 2, ".json.gz", note=PAIR),
    loads("plain CSV named gzip", ROWS, 2, ".csv.gz", note=PAIR),
    rejects("rubbish named gzip", b"\x01\x02\x03\x04" * 100, "nor is it gzip, as it is named", ".json.gz"),
    loads("an empty file named gzip", b"", 0, ".json.gz"),
    rejects("zlib without gzip around it", zlib.compress(TEXT.encode()), "nor is it gzip, as it is named", ".json.gz"),
    loads("zstd", FRAME, 2, ".json.zst", note=PAIR),
    loads(
        "zstd of two frames", zstandard.compress(b'{"id": 1}\n') + zstandard.compress(b'{"id": 2}\n'), 2, ".json.zst"
    ),
    loads("zstd of nothing", zstandard.compress(b""), 0, ".json.zst"),
    rejects("zstd cut short", FRAME[:-3], "the zstd data ends too early: was the upload cut short?", ".json.zst"),
    rejects("zstd cut in the middle", LONG_FRAME[: len(LONG_FRAME) // 2], "the zstd data ends too early", ".json.zst"),
    rejects(
        "zstd damaged in the middle",
        _flipped(LONG_FRAME, len(LONG_FRAME) // 2),
        "the zstd data is damaged",
        ".json.zst",
    ),
    rejects("zstd with something after it", FRAME + b"trailing", "the zstd data is damaged", ".json.zst"),
    loads("plain JSON named zstd", TEXT, 2, ".json.zst", note=PAIR),
    rejects("rubbish named zstd", b"\x01\x02\x03\x04" * 100, "nor is it zstd, as it is named", ".json.zst"),
    # Something else.
    rejects("a zip archive named JSON", _archive(a=TEXT.encode()), "is a zip archive"),
    rejects("a zip archive named CSV", _archive(a=ROWS.encode()), "is a zip archive", ".csv"),
    rejects("a spreadsheet named CSV", _archive(xl_workbook=b"<workbook/>"), "is an Excel workbook", ".csv"),
    rejects(
        "an old spreadsheet named CSV", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an Excel workbook", ".csv"
    ),
    rejects("a PDF named JSON", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\n", "is a PDF"),
    rejects("a PDF named CSV", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\n", "is a PDF", ".csv"),
    rejects(
        "an error page named JSON",
        "<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>",
        "is an HTML page",
    ),
    rejects("an error page named CSV", "<html>\n<head><title>Login</title></head></html>\n", "is an HTML page", ".csv"),
    rejects("XML named JSON", '<?xml version="1.0"?>\n<orders><order id="1"/></orders>', "is XML"),
    rejects(
        "an error of S3 named CSV", '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "is XML", ".csv"
    ),
    rejects("Parquet named JSON", b"PAR1" + bytes(100) + b"PAR1", "is a Parquet file"),
    rejects("a PNG named JSON", b"\x89PNG\r\n\x1a\n" + bytes(100), "is an image"),
    rejects("bzip2 named JSON", b"BZh91AY&SY" + bytes(100), "is compressed with bzip2"),
    rejects("xz named JSON", b"\xfd7zXZ\x00\x00\x04" + bytes(100), "is compressed with xz"),
    rejects("CSV named JSON", ROWS, "is not JSON: it begins with 'id,day,amount,note"),
    rejects("JSON named CSV", TEXT, "no header row names any of", ".csv"),
    rejects("YAML named JSON", "id: 1\nnote: a\n", "is not JSON: it begins with 'id: 1"),
    rejects(
        "a stack trace named JSON", "Traceback (most recent call last):\n  File 'x'\n", "is not JSON: it begins with"
    ),
    rejects("JavaScript named JSON", 'callback([{"id": 1}]);', "is not JSON: it begins with 'callback("),
    rejects("zeros named JSON", bytes(4096), "begins with nothing but NUL bytes"),
    rejects("zeros named CSV", bytes(4096), "begins with nothing but NUL bytes", ".csv"),
    rejects("every byte there is", bytes(range(256)) * 4, "is not JSON"),
    rejects(
        "a pointer of Git LFS",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "is not JSON: it begins with 'version https",
    ),
)
