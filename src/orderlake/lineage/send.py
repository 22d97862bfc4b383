"""Sending events: in a thread of its own, so that a load neither waits for an endpoint nor fails with it.

What cannot be sent is said once per outage, and counted.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

log = logging.getLogger("orderlake.lineage")
Make = Callable[[], "RunEvent"]
MakeAll = Callable[[], Sequence["RunEvent"]]
Deliver = Callable[["RunEvent"], object]
TIMEOUT: Final = 2.0
"""Seconds that an endpoint has to answer, and that a load waits at its end for what was not sent yet."""
_PAUSE: Final = 30.0
"""Seconds for which nothing is sent after a failure: an endpoint that is away costs one wait, not one per event."""
_OPENING: Final = 15.0
"""Seconds that loading the client may take, which is this machine's work and no endpoint's."""
_CAUSED: Final = "(Caused by "
_MOST: Final = 10_000
"""Events that wait at most; more than that is an endpoint that does not keep up."""


@dataclass
class Sender:
    """Makes and delivers events in order. `open_` gives what delivers, when the first event is there.

    Whatever goes wrong with lineage stays here: it is never worth a load.
    """

    open_: Callable[[], Deliver]
    where: str
    clock: Callable[[], float] = time.monotonic
    unsent: int = 0
    """Events that were given up."""
    _deliver: Deliver | None = None
    _away: float | None = None
    _todo: queue.Queue[MakeAll | None] = field(default_factory=lambda: queue.Queue(_MOST))
    _thread: threading.Thread | None = None
    _done: threading.Condition = field(default_factory=threading.Condition)
    _pending: int = 0
    _opened: threading.Event = field(default_factory=threading.Event)

    def send(self, make: Make) -> None:
        """Have an event made and sent, soon."""
        self.each(lambda: [make()])

    def each(self, make: MakeAll) -> None:
        """Have several events made and sent, in order; when one cannot be, nor can those after it."""
        with self._done:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="orderlake-lineage", daemon=True)
                self._thread.start()
            self._pending += 1
        try:
            self._todo.put_nowait(make)
        except queue.Full:
            self._settle(OSError(f"{_MOST} events wait already"))

    def drain(self, seconds: float = TIMEOUT) -> None:
        """Wait until all is sent or given up, but no longer than that once the client is loaded."""
        if self._thread is not None:
            self._opened.wait(_OPENING)
        with self._done:
            if not self._done.wait_for(lambda: self._pending == 0, seconds) and self._away is None:
                self._away = self.clock()
                log.warning("lineage: %s answers too slowly; %d events are still to be sent", self.where, self._pending)

    def close(self) -> None:
        """Drain, let the thread go, and say how many events were given up in all."""
        self.drain()
        if self._thread is not None and self._pending == 0:
            self._todo.put(None)
            self._thread.join(TIMEOUT)
            self._thread = None
        if self.unsent > 1:
            log.warning("lineage: %d events were not sent to %s; the data itself is complete", self.unsent, self.where)

    def _run(self) -> None:
        while (make := self._todo.get()) is not None:
            self._settle(self._attempt(make))

    def _attempt(self, make: MakeAll) -> Exception | None:
        if self._away is not None and self.clock() - self._away < _PAUSE:
            return OSError("it did not answer before")
        try:
            deliver = self._open()
            for event in make():
                deliver(event)
        except Exception as error:  # noqa: BLE001 - an entry point: the thread must live, the load must not notice
            return error
        return None

    def _open(self) -> Deliver:
        try:
            if self._deliver is None:
                self._deliver = self.open_()
            return self._deliver
        finally:
            self._opened.set()

    def _settle(self, error: Exception | None) -> None:
        with self._done:
            self._pending -= 1
            if error is None:
                self._away = None
            else:
                self.unsent += 1
                if self._away is None or self.clock() - self._away >= _PAUSE:
                    self._away = self.clock()
                    log.warning("lineage: an event was not sent to %s: %s", self.where, _said(error))
            self._done.notify_all()


def _said(error: Exception) -> str:
    """What went wrong, in a line; of a chain of causes the last."""
    text = str(error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    if _CAUSED in line:
        line = line.rsplit(_CAUSED, 1)[1].rsplit(": ", 1)[-1].rsplit("('", 1)[-1].rstrip("\"')")
    return line
