"""The console as an ASGI application: pages, files, live events, and what it says when something is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from orderlake.console.pages import data, lineage, loads, overview, quality, query
from orderlake.console.render import FOLDER, page
from orderlake.console.security import Guard
from orderlake.console.state import Console, console_of
from orderlake.errors import ConfigError, DataError, LakeError, NotFoundError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from orderlake.console.live import Pulse

_PAGES: Final = (overview, data, loads, quality, query, lineage)
_SAID: Final = {
    HTTPStatus.NOT_FOUND: "There is no such page.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This page is for looking at: nothing can be sent to it.",
    HTTPStatus.FORBIDDEN: "This console is read-only: start it with `orderlake console --write` to change anything.",
}


def make_app(console: Console) -> ASGIApp:
    """The application over one open console, which it starts, and closes at its end."""

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(console.start)
        try:
            yield
        finally:
            await run_in_threadpool(console.close)

    app = Starlette(
        routes=[
            *(route for module in _PAGES for route in module.routes),
            Route("/live", _live),
            Mount("/static", _Files(directory=FOLDER / "static")),
        ],
        middleware=[Middleware(_Stamp, pulse=console.pulse)],
        exception_handlers={HTTPException: _missing, LakeError: _failed, Exception: _broken},
        lifespan=life,
    )
    app.state.console = console
    return Guard(app)  # around all of it: what Starlette says of a fault of ours has its headers, too


class _Stamp:
    """Notes what the lake was when a request came: a page made of it knows whether it is out of date."""

    def __init__(self, app: ASGIApp, pulse: Pulse) -> None:
        self._app, self._pulse = app, pulse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        scope.setdefault("state", {})["token"] = self._pulse.token
        await self._app(scope, receive, send)


class _Files(StaticFiles):
    """Files that a browser asks for again each time: another version of orderlake may serve others."""

    def file_response(self, *args: Any, **more: Any) -> Response:  # noqa: ANN401 - passed on
        """A file, or that it has not changed."""
        response = super().file_response(*args, **more)
        response.headers["cache-control"] = "no-cache"
        return response


async def _live(request: Request) -> Response:
    changes = console_of(request).pulse.changes()
    return StreamingResponse(changes, media_type="text/event-stream", headers={"cache-control": "no-store"})


async def _missing(request: Request, error: Exception) -> Response:
    code = HTTPStatus(error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND)
    detail = error.detail if isinstance(error, HTTPException) else ""
    message = _SAID.get(code, detail) if detail in ("", code.phrase) else detail
    return page(request, "error.html", code, title=code.phrase, message=message)


async def _failed(request: Request, error: Exception) -> Response:
    code = HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, NotFoundError):
        code = HTTPStatus.NOT_FOUND
    elif isinstance(error, ConfigError | DataError):
        code = HTTPStatus.BAD_REQUEST
    return page(request, "error.html", code, title=code.phrase, message=str(error))


async def _broken(request: Request, error: Exception) -> Response:
    message = f"This is a bug in orderlake: {type(error).__name__}: {error}. The terminal tells where."
    return page(request, "error.html", HTTPStatus.INTERNAL_SERVER_ERROR, title="That went wrong", message=message)
