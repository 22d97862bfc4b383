"""What a form sent: its fields, from an address or from the body of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST: Final = 8 << 20
"""Bytes of a form; a record in quarantine may be large."""
_FIELDS: Final = 200


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a form, each with all its values."""

    values: Mapping[str, Sequence[str]]

    def one(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return next(iter(self.values.get(name, ())), default)

    def all(self, name: str) -> Sequence[str]:
        """All values of a field."""
        return self.values.get(name, ())

    def number(self, name: str) -> int | None:
        """A whole number; None when the field has none."""
        text = self.one(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(1 << 63)) else None


async def fields(request: Request) -> Fields:
    """The fields of this request; 413 when it is larger than any form here."""
    if request.method in ("GET", "HEAD"):
        return _parsed(request.url.query)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST:
            raise HTTPException(413, f"a form of more than {_MOST >> 20} MiB is not read")
    try:
        return _parsed(body.decode("ascii"))
    except UnicodeDecodeError:
        raise HTTPException(400, "this is no form: it is not percent-encoded") from None


def _parsed(text: str) -> Fields:
    try:
        return Fields(parse_qs(text, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"))
    except ValueError as error:  # too many fields, or no UTF-8
        raise HTTPException(400, f"this is no form of this console: {error}") from None
