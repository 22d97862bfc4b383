"""Serves the console on loopback until it is told to stop."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import Final

import uvicorn

from orderlake.console.app import make_app
from orderlake.console.state import Console
from orderlake.errors import ConfigError

HOST: Final = "127.0.0.1"
_TRIED: Final = 20
_GRACE_SECONDS: Final = 5


def serve(console: Console, bound: socket.socket, on_ready: Callable[[str], None]) -> None:
    """Answer until Ctrl-C or a request to end; `on_ready` hears the address. Closes the socket."""
    config = uvicorn.Config(
        make_app(console),
        log_config=None,  # warnings go to stderr, requests nowhere
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with closing(bound):
        address = f"http://{HOST}:{bound.getsockname()[1]}"
        _Server(config, lambda: on_ready(address), console.pulse.end).run([bound])


def bind(port: int | None, usual: int) -> socket.socket:
    """A socket on loopback: at `port` (0 is any that is free), else at the usual one or the next that is free.

    ConfigError when it is taken.
    """
    if port is not None:
        return _bound(port)
    for candidate in range(usual, usual + _TRIED):
        try:
            return _bound(candidate)
        except ConfigError:
            continue
    raise ConfigError(f"the ports from {usual} to {usual + _TRIED - 1} are all taken: name another one with --port")


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
        bound.listen()  # else another may be bound to it as well
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} is taken, by another console perhaps: name another one with --port"
            ) from None
        if error.errno == errno.EACCES:
            raise ConfigError(f"port {port} is not for everybody to use: name one from 1024 on") from None
        raise
    return bound


class _Server(uvicorn.Server):
    """Says when it is ready, lets pages go before it waits for them, and leaves signals as it found them."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready, self._on_end = on_ready, on_end

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:  # told twice: the load in hand is not finished, which the next one makes good
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()  # a page that listens for changes would keep its connection for ever
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
