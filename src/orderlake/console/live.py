"""Live pages: looks at the lake while a page is open, told to every open page as a server-sent event."""

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
    """Looks at the lake in a thread of its own while somebody waits for a change, and wakes them.

    `look` gives a text that changes when the lake does; one that fails for now is no change.
    """

    def __init__(self, look: Callable[[], str], every: float = EVERY) -> None:
        self._look, self._every = look, every
        self._thread: threading.Thread | None = None
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._state = threading.Condition()
        """Held to read and change who waits and whether it is over; notified when either changes."""
        self._looking = threading.Lock()
        self._is_over = False
        self.token = ""

    def start(self) -> None:
        """Look once, and begin to look when somebody waits."""
        self.beat()
        self._thread = threading.Thread(target=self._run, name="orderlake-pulse", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let go who waits, and look no more; returns at once."""
        with self._state:
            self._is_over = True
            self._state.notify_all()
        self._wake()

    def stop(self) -> None:
        """End, and wait for a look that is under way."""
        self.end()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def beat(self) -> bool:
        """Look once, now; whether anything has changed since the last time."""
        with self._looking:
            try:
                seen = hashlib.sha256(self._look().encode("utf-8", "surrogatepass")).hexdigest()[:16]
            except (LakeError, OSError):
                return False
            changed, self.token = seen != self.token, seen
        if changed:
            self._wake()
        return changed

    async def changes(self) -> AsyncIterator[str]:
        """Server-sent events: one now, one for each change, and a comment when there is long none."""
        told, event, loop = "", asyncio.Event(), asyncio.get_running_loop()
        with self._state:
            self._waiting.add((loop, event))
            self._state.notify_all()
        try:
            while not self._is_over:
                event.clear()  # before the look at the token: what changes after it sets the event again
                if self.token != told:
                    told = self.token
                    yield f"event: change\ndata: {told}\n\n"
                    continue
                try:
                    await asyncio.wait_for(event.wait(), _KEEP_ALIVE)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            with self._state:
                self._waiting.discard((loop, event))

    def _run(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._waiting or self._is_over)
            if self._is_over:
                return
            self.beat()
            with self._state:
                self._state.wait_for(lambda: self._is_over, self._every)

    def _wake(self) -> None:
        with self._state:
            for loop, event in self._waiting:
                with suppress(RuntimeError):  # its loop has ended
                    loop.call_soon_threadsafe(event.set)
