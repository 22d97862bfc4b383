"""People who are to be forgotten: known by an id or an address while that is being done, by a hash ever after."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from orderlake.model.person import KINDS, Kind

_WORD: Final = rb"(?<![0-9A-Za-z])"
_END: Final = rb"(?![0-9A-Za-z])"


def normal(kind: Kind, text: str) -> str:
    """A text as people are told apart by it: an address whatever its letter case, without blanks around it."""
    text = text.strip()
    return text.lower() if kind == "email" else text


def digest(key: bytes, kind: Kind, text: str) -> str:
    """What is remembered of a forgotten person: an HMAC, in which an id and an address that are equal texts differ."""
    return hmac.new(key, f"{kind}:{normal(kind, text)}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class People:
    """Some people, by kind and normal text. Never shown, never written down."""

    known: frozenset[tuple[Kind, str]] = field(repr=False)

    @staticmethod
    def of(found: Iterable[tuple[Kind, str]]) -> People:
        """These people."""
        return People(frozenset((kind, normal(kind, text)) for kind, text in found))

    def __bool__(self) -> bool:
        """Whether there is anybody."""
        return bool(self.known)

    def has(self, kind: Kind, text: str) -> bool:
        """Whether one of them is known so."""
        return (kind, normal(kind, text)) in self.known

    def texts(self, kind: Kind) -> list[str]:
        """By what they are known."""
        return sorted(text for known, text in self.known if known == kind)

    def forms(self) -> list[bytes]:
        """What they are known by as bytes, in small letters: plain, and as JSON escapes it."""
        texts = [text for kind in KINDS for text in self.texts(kind)]
        plain = {text.encode(errors="surrogatepass").lower() for text in texts}
        return sorted(plain | {json.dumps(text)[1:-1].encode().lower() for text in texts})

    def pattern(self) -> re.Pattern[bytes]:
        """What finds one of them in bytes: as a word of its own, in any letter case, plain or as JSON escapes it."""
        either = b"|".join(re.escape(form) for form in self.forms()) or b"(?!)"
        return re.compile(_WORD + rb"0*(?:" + either + rb")" + _END, re.IGNORECASE)
