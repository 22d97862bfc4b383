"""Who may speak to the console: pages of its own, on this machine.

A web page anywhere can make a browser send requests to 127.0.0.1, under that page's origin, or under a name of its own
that it lets point here (DNS rebinding). So the name asked for must be this machine's, and who asks must be our page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HOST: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_READING: Final = frozenset({"GET", "HEAD"})
_OWN: Final = "same-origin"
_TYPED: Final = "none"
"""Sec-Fetch-Site of the console's own pages, and of an address that was typed in."""
_ONCE: Final = frozenset({"host", "origin", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"})
"""What is decided by, and may not be said twice: one would be checked, and the other believed."""
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",  # without one, browsers hide the origin of our own forms, too
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def refusal(method: str, headers: Mapping[str, str]) -> str | None:
    """Why a request is refused, or None; `headers` by lower-case name.

    >>> refusal("GET", {"host": "127.0.0.1:7373"})
    >>> refusal("GET", {"host": "evil.example"})
    'this console answers to 127.0.0.1 and localhost only, not to evil.example'
    >>> refusal("POST", {"host": "localhost:7373", "origin": "https://evil.example"})
    'https://evil.example is not this console: a request from elsewhere is refused'
    """
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        return f"this console answers to 127.0.0.1 and localhost only, not to {host or 'a request without a host'}"
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin.lower() != f"http://{host}".lower():
        return f"{origin} is not this console: a request from elsewhere is refused"
    if method not in _READING:
        if origin is None and site is None:
            return "a change must come from one of the console's own pages"
        return None if site in (None, _OWN) else "a change from another site is refused"
    navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if site is not None and site not in (_OWN, _TYPED) and not navigates:
        return "a request from another site is refused"
    return None


def _said(headers: Iterable[tuple[bytes, bytes]]) -> tuple[dict[str, str], str | None]:
    """Headers by lower-case name, and one of those that count that is there twice."""
    found: dict[str, str] = {}
    twice = None
    for raw, value in headers:
        name = raw.decode("latin-1").lower()
        twice = name if name in found and name in _ONCE else twice
        found[name] = value.decode("latin-1")
    return found, twice


class Guard:
    """Refuses foreign requests before anything else sees them, and gives every answer the headers above."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403; WebSockets, of which there are none, are closed."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found, twice = _said(scope["headers"])
        reason = refusal(scope["method"], found) if twice is None else f"{twice} is there twice"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [each for each in message["headers"] if each[0].decode("latin-1").lower() not in HEADERS]
                own = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in HEADERS.items()]
                message = {**message, "headers": [*given, *own]}
            await send(message)

        if reason is None:
            await self._app(scope, receive, guarded)
            return
        body = f"Refused: {reason}.\n".encode()
        head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await guarded({"type": "http.response.start", "status": 403, "headers": head})
        await guarded({"type": "http.response.body", "body": body})
