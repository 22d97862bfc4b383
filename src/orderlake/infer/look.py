"""A bounded look at a file: its first records, and of a large one some from further on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from orderlake.errors import NotFoundError
from orderlake.infer.header import header_of
from orderlake.infer.places import Place
from orderlake.kernel.sniff import CHUNK, Dialect, form_of, is_utf8, layout_of, legacy_encoding, text_chunks
from orderlake.model.source import RemoteFile

RECORDS: Final = 10_000
"""Records looked at from a file's beginning."""
BYTES: Final = 32 << 20
"""Bytes, after decompression, that those records may take."""
PLACES: Final = 8
"""A large file is looked at in so many places, its beginning among them."""
EACH: Final = 500
"""Records looked at in each place but the first."""
LARGE: Final = 16 << 20
_LEAST: Final = 200
_LEAST_BYTES: Final = 1 << 20
_HEAD: Final = 1 << 16
_REASONS: Final = 3
_JSON: Final = {".json", ".jsonl", ".ndjson"}
_CSV: Final = {".csv", ".tsv"}
Format = Literal["json", "csv"]


@dataclass(slots=True)
class Look:
    """What was seen of a file; `root` has its places, `trial` the same records as a plain file, to load on trial."""

    path: Path
    head: Path
    trial: Path
    format: Format
    root: Place
    most: int = RECORDS
    """So many records are looked at from its beginning."""
    dialect: Dialect | None = None
    envelope: str | None = None
    within: tuple[str, ...] | None = None
    """The keys under which records may lie in an envelope, where that is declared."""
    is_whole: bool = True
    """Whether all of the file was looked at."""
    places: int = 1
    """In how many places it was looked at."""
    records: int = 0
    broken: int = 0
    """Records that are none, whatever a pipeline says; `reasons` for the first of them."""
    reasons: list[str] = field(default_factory=list)

    @property
    def is_large(self) -> bool:
        """Whether it was not looked at to its end, and can be looked into further on."""
        return not self.is_whole and self.path.stat().st_size > LARGE and form_of(self.path).is_plain

    def breaks(self, reason: str) -> None:
        """Count a record that is none."""
        self.broken += 1
        if len(self.reasons) < _REASONS:
            self.reasons.append(reason)


def glance(path: Path, work: Path, files: int = 1) -> Look:
    """Copy a file's beginning into the folder `work`, and tell JSON from CSV.

    `files` is how many are looked at: they share the room. UnreadableObjectError, NotFoundError say what is wrong.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}" if not path.exists() else f"{path} is a folder: name its files")
    work.mkdir(parents=True, exist_ok=True)
    head = work / "head"
    is_whole = copy_head(path, head, most=max(_LEAST_BYTES, BYTES // files))
    with head.open("rb") as file:
        begin = file.read(_HEAD)
    kind = _format(path, begin)
    look = Look(path, head, work / f"trial.{kind}", kind, Place(), max(_LEAST, RECORDS // files), is_whole=is_whole)
    if kind == "csv":
        look.dialect = header_of(begin)
    return look


def copy_head(path: Path | RemoteFile, target: Path, encoding: str = "auto", most: int = BYTES) -> bool:
    """Copy a file's beginning as plain UTF-8; give whether that is all of it."""
    left, is_whole = most, True
    with target.open("wb") as out:
        for chunk in text_chunks(path, form_of(path, encoding)):
            out.write(chunk[:left])
            left -= len(chunk)
            if left < 0:
                is_whole = False
                break
    if encoding == "auto" and not is_utf8(_lines_of(target)):
        legacy = legacy_encoding(target)
        if legacy is not None:
            text = target.read_bytes().decode(legacy, errors="replace")
            target.write_text(text, encoding="utf-8", newline="")
    return is_whole


def _lines_of(path: Path) -> Iterator[bytes]:
    """A head's chunks up to its last line end, if it has any: a letter may be cut in two at its end."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk if len(chunk) == CHUNK else chunk[: chunk.rfind(b"\n") + 1 or None]


def _format(path: Path, begin: bytes) -> Format:
    """JSON or CSV: by the first letter, and by the name where that could be either."""
    endings = {each.lower() for each in path.suffixes}
    if begin.lstrip()[:1] in (b"{", b"["):
        return "csv" if endings & _CSV and not endings & _JSON else "json"
    if endings & _JSON:
        layout_of([begin])  # it says what the file begins with instead
        return "json"
    return "csv"
