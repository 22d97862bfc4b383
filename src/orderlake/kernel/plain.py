"""A source object as plain UTF-8 text: in place when it is that already, else a copy without compression or BOM."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from orderlake.errors import UnreadableObjectError
from orderlake.kernel.sniff import Form, form_of, legacy_encoding, text_chunks
from orderlake.model.source import RemoteFile

_EAGER: Final = 8 << 20
"""Up to this size (bytes) a file is looked through for old encodings at once; beyond it, when strict reading fails."""


def plain_text(path: Path | RemoteFile, target: Path, declared: str) -> Path:
    """The path itself when its bytes are plain UTF-8 and on this machine, else `target` with a plain copy in it.

    UnreadableObjectError when the compression is damaged, or the path is none of a file: a pipe would never end.
    """
    if isinstance(path, Path):
        _check_kind(path)
    form = form_of(path, declared)
    if isinstance(path, RemoteFile) or not form.is_plain:
        _copy(path, target, form)
        path = target
    if declared == "auto" and form.encoding == "utf-8" and path.stat().st_size <= _EAGER:
        encoding = legacy_encoding(path)
        if encoding is not None:
            decoded = target.with_name(f"{target.name}-{encoding}")
            _copy(path, decoded, Form("none", encoding, 0))
            target.unlink(missing_ok=True)
            return decoded
    return path


def _check_kind(path: Path) -> None:
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise UnreadableObjectError("is a folder by now: what is in it is loaded by its own name")
    if not stat.S_ISREG(kind):
        raise UnreadableObjectError("is a pipe, a socket or a device, not a file: copy what it gives to a file")


def _copy(path: Path | RemoteFile, target: Path, form: Form) -> None:
    with target.open("wb") as out:
        for chunk in text_chunks(path, form):
            out.write(chunk)
