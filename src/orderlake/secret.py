"""The project's secret key: personal data is hashed with it. It is never in the lake, in a log, or in SQL."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from orderlake.errors import ConfigError

VARIABLE: Final = "ORDERLAKE_PII_KEY"
"""The environment variable that holds the key, where it is not to be in a file."""
FILE: Final = "pii.key"
FORGOTTEN: Final = "forgotten.json"
"""Hashes of the people who are forgotten (see erasing.forgotten): beside the key, or in the bucket of the lake."""
_SHORTEST: Final = 16
_BYTES: Final = 32


def has_key(state: Path) -> bool:
    """Whether a key is given: in the environment, or in the project."""
    return bool(os.environ.get(VARIABLE, "").strip()) or (state / FILE).exists()


def keep_key(state: Path, key: str) -> None:
    """Make this the project's key, unless it has one."""
    _put(state / FILE, key)


def project_key(state: Path, *, is_made: bool) -> bytes:
    """The key: ORDERLAKE_PII_KEY, else what `state`/pii.key holds; made there at first, readable by its owner only.

    ConfigError when there is none and `is_made` forbids to make one, or when it is too short to be secret.
    """
    text = os.environ.get(VARIABLE, "").strip()
    file = state / FILE
    where = VARIABLE if text else str(file)
    if not text and is_made and not file.exists():
        _put(file, secrets.token_hex(_BYTES))
    if not text:
        try:
            text = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise ConfigError(
                f"there is no key to hash personal data with: set {VARIABLE} (on AWS `orderlake deploy apply` does), "
                f"or put {file} back as it was. "
                "A new one would give other hashes than those that are stored"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} cannot be read: {error}") from error
    if len(text) < _SHORTEST:
        raise ConfigError(f"{where}: a key has at least {_SHORTEST} letters; `openssl rand -hex 32` makes one")
    return text.encode()


def mark(key: bytes, people: Iterable[tuple[str, str]]) -> str:
    """What tells a key, and those who are forgotten, from others, and says nothing about either."""
    told = "\n".join(" ".join(each) for each in sorted(people))
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()[:16] if key or told else ""


def _put(file: Path, key: str) -> None:
    """Put a key there, whole or not at all; another process may do so at once, and one of them wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{FILE}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(f"{key}\n")
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            os.link(part, file)
    finally:
        part.unlink()
