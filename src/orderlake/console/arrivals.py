"""Files that lie where new files are looked for, and those of them that no load has taken yet.

A look at a folder of ten thousand files costs a good part of a second's work, so they are listed only when a folder
has changed, and else as seldom as keeps listing below a fiftieth of the time: a file may change in its place, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.storage.touched import touched

if TYPE_CHECKING:
    from orderlake.model.ports import Ledger, SourceFiles
    from orderlake.model.source import SourceObject

_SHARE: Final = 50
"""Times as long as listing takes, at least, until it is done again without cause."""


class Arrivals:
    """What has arrived, by `sources`, and what of it waits, by `ledger`; `raw` is the folder, None for a bucket.

    Safe to share between threads.
    """

    def __init__(
        self,
        sources: SourceFiles,
        ledger: Ledger,
        raw: Path | None,
        steady: Callable[[], float] = time.monotonic,
        changed: Callable[[Iterable[Path]], object] = touched,
    ) -> None:
        self._sources, self._ledger, self._raw = sources, ledger, raw
        self._steady, self._changed = steady, changed
        self._lock = threading.Lock()
        self._found: dict[str, SourceObject] = {}
        self._known: set[str] = set()
        self._folders: list[Path] = []
        self._times: object = None
        self._due = float("-inf")
        self._stamp = 0

    def stamp(self) -> str:
        """A text that changes with what has arrived."""
        with self._lock:
            self._look()
            return str(self._stamp)

    def waiting(self) -> Sequence[SourceObject]:
        """What no load has taken, or tried to take, oldest first."""
        with self._lock:
            self._look()
            self._known &= self._found.keys()
            self._known |= self._ledger.applied(self._found.keys() - self._known).keys()
            return [source for identity, source in self._found.items() if identity not in self._known]

    def _look(self) -> None:
        begun = self._steady()
        times = self._changed(self._folders)
        if begun < self._due and times is not None and times == self._times:
            return
        found = {source.identity: source for source in self._sources.find(())}
        if found.keys() != self._found.keys():
            self._stamp += 1
        self._found = found
        if self._raw is not None:
            self._folders = sorted({self._raw, *(Path(source.location).parent for source in found.values())})
            self._times = times if times == self._changed(self._folders) else None
        self._due = self._steady() + _SHARE * (self._steady() - begun)
