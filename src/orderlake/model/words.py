"""What a pipeline file is made of: mappings of known words, names, lists of texts."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any

from orderlake.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def mapping(
    value: object, at: str, known: set[str] | None = None, required: set[str] | None = None
) -> Mapping[str, Any]:
    """A mapping with these words; ConfigError names those that are unknown or missing."""
    if not isinstance(value, dict):
        raise ConfigError(f"{at}: expected `name: value` lines, found {type(value).__name__}")
    unknown = {str(key) for key in value} - known if known is not None else set()
    if unknown:
        raise ConfigError(f"{at}: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known or ()))}")
    missing = (required or set()) - set(value)
    if missing:
        raise ConfigError(f"{at}: {', '.join(sorted(missing))} is missing")
    return value


def name_of(value: object, what: str) -> str:
    """A name that tables and columns can have."""
    text = str(value)
    if not _NAME.match(text):
        raise ConfigError(f"{what} name {text!r}: use lower-case letters, digits and _, starting with a letter")
    return text


def encoding_of(at: str, name: str) -> str:
    """What Python calls an encoding."""
    try:
        return name if name == "auto" else codecs.lookup(name).name
    except LookupError:
        raise ConfigError(
            f"{at}.encoding: there is no encoding {name!r}; leave it out and it is told from the file"
        ) from None


def texts(value: object) -> tuple[str, ...]:
    """One text, or a list of them."""
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
