"""The words by which a field is tagged as personal data, and what is stored in its place."""

from __future__ import annotations

import re
from typing import Final, Literal

from orderlake.errors import ConfigError

Tag = Literal["tag", "mask", "hash", "drop"]
"""`tag` says that a field is personal and no more; the others are policies: what is stored instead."""
POLICIES: Final[tuple[Tag, ...]] = ("mask", "hash", "drop")
WORDS: Final = "pii, pii(mask), pii(hash) or pii(drop)"
_FORM: Final = re.compile(r"pii(?:\((\w+)\))?\Z")


def parse_tag(text: object, at: str) -> Tag:
    """Read `pii` or `pii(POLICY)`; ConfigError says what there is.

    >>> parse_tag("pii", "email"), parse_tag("pii(hash)", "email")
    ('tag', 'hash')
    """
    found = _FORM.match(str(text))
    if found is not None and found[1] is None:
        return "tag"
    for policy in POLICIES:
        if found is not None and found[1] == policy:
            return policy
    raise ConfigError(f"{at}: {text!r} is none of {WORDS}")
