"""A line that tells that long work goes on, for people at a terminal only."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_FIRST: Final = 1.0
_EVERY: Final = 0.5
_ERASE: Final = "\r\033[K"


class Progress:
    """Rewrites one line on stderr while the block runs, from its second second on.

    `clear()` before printing anything else. Does nothing when stderr is no terminal.
    """

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._shown = False
        self._thread: threading.Thread | None = None

    def clear(self) -> None:
        """Take the line away until its next turn."""
        if self._thread is not None:
            with self._lock:
                if self._shown:
                    sys.stderr.write(_ERASE)
                    sys.stderr.flush()
                    self._shown = False

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._thread = threading.Thread(target=self._tell, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self.clear()

    def _tell(self) -> None:
        started = time.monotonic()
        pause = _FIRST
        while not self._done.wait(pause):
            pause = _EVERY
            with self._lock:
                sys.stderr.write(f"{_ERASE}{self._text()}, {time.monotonic() - started:.0f} s")
                sys.stderr.flush()
                self._shown = True
