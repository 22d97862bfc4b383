"""Live pages: one look a second at the lake, told to every open page as a server-sent event."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final

from orderlake.errors import LakeError

EVERY: Final = 1.0
"""Seconds between two looks."""
_KEEP_ALIVE: Final = 15.0
"""Seconds after which a page that hears nothing is told so, for its connection to be seen as open or lost."""


class Pulse:
    """Looks at the lake in a thread of its own, and wakes who waits for a change.

    `look` gives a text that changes when the lake does; one that fails for now is no change.
    """

    def __init__(self, look: Callable[[], str], every: float = EVERY) -> None:
        self._look, self._every = look, every
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.Lock()
        self.token = ""

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, name="orderlake-pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking, and let go who waits."""
        self._stopped.set()
        self._wake()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def beat(self) -> bool:
        """Look once, now; whether anything has changed since the last time."""
        with suppress(LakeError, OSError):
            seen = hashlib.sha256(self._look().encode()).hexdigest()[:16]
            changed = seen != self.token
            self.token = seen
            if changed:
                self._wake()
            return changed
        return False

    async def changes(self) -> AsyncIterator[str]:
        """Server-sent events: one now, one for each change, and a comment when there is long none."""
        told, event, loop = "", asyncio.Event(), asyncio.get_running_loop()
        with self._lock:
            self._waiting.add((loop, event))
        try:
            while not self._stopped.is_set():
                if self.token != told:
                    told = self.token
                    yield f"event: change\ndata: {told}\n\n"
                event.clear()
                try:
                    await asyncio.wait_for(event.wait(), _KEEP_ALIVE)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            with self._lock:
                self._waiting.discard((loop, event))

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.beat()
            self._stopped.wait(self._every)

    def _wake(self) -> None:
        with self._lock:
            for loop, event in self._waiting:
                with suppress(RuntimeError):  # its loop has ended
                    loop.call_soon_threadsafe(event.set)
