"""The page Quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from orderlake.console.render import page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def show(request: Request) -> Response:
    """The page."""
    return page(request, "quality.html")


routes: Final = [Route("/quality", show)]
