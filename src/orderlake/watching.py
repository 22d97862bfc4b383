"""The watch loop: looks at raw/ again and again, and loads each file once it is complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from orderlake.errors import CommitStateUnknownError, ConfigError, LakeError, TransientError
from orderlake.model.source import SourceObject

_AT_ONCE: Final = 100
"""How many files one load takes: the loop can stop between loads."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks, and for how long a file has to stay as it is; `once` ends after the first round."""

    interval: float = 1.0
    settle: float = 1.0
    once: bool = False


EVERY_SECOND: Final = Pace()


@dataclass(frozen=True, slots=True)
class _Sight:
    """A file as it was first seen like this."""

    state: tuple[int, int]
    since: float


@dataclass
class Watch:
    """Loads what `look` finds, through `load`, until `wait(seconds)` gives True.

    A file is complete when two looks find it unchanged and its time is `settle` seconds old; by our own
    clock where its time lies in the future. A file that was loaded, or rejected, is taken again when it
    changes. When a load fails and trying again may help, its files stay due. ConfigError ends the watch.
    `then` follows each round that loaded something, again in the next one when that may help.
    """

    look: Callable[[], Sequence[SourceObject]]
    load: Callable[[Sequence[SourceObject]], object]
    wait: Callable[[float], bool]
    on_error: Callable[[LakeError], None]
    pace: Pace = EVERY_SECOND
    clock: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    then: Callable[[], object] = lambda: None
    _seen: dict[str, _Sight] = field(default_factory=dict)
    _done: dict[str, tuple[int, int]] = field(default_factory=dict)
    _follows: bool = False

    def run(self) -> None:
        """Look, load, wait; the load in hand is always finished."""
        self._complete()
        while not self.wait(max(self.pace.interval, self.pace.settle) if self.pace.once else self.pace.interval):
            ready = self._complete()
            for start in range(0, len(ready), _AT_ONCE):
                if start and self.wait(0):
                    return
                self._take(ready[start : start + _AT_ONCE])
            self._follow()
            if self.pace.once:
                return

    def _complete(self) -> list[SourceObject]:
        """The files that are complete and not done; remembers how all were seen."""
        before, self._seen = self._seen, {}
        ready: list[SourceObject] = []
        for source in self.look():
            state = (source.size, source.version)
            sight = before.get(source.uri)
            same = sight is not None and sight.state == state
            self._seen[source.uri] = sight if same and sight is not None else _Sight(state, self.steady())
            if same and self._done.get(source.uri) != state and self._settled(source):
                ready.append(source)
        self._done = {uri: state for uri, state in self._done.items() if uri in self._seen}
        return ready

    def _settled(self, source: SourceObject) -> bool:
        age = max(self.clock() - source.version / 1e9, self.steady() - self._seen[source.uri].since)
        return age >= self.pace.settle

    def _take(self, sources: Sequence[SourceObject]) -> None:
        try:
            self.load(sources)
        except ConfigError:
            raise
        except LakeError as error:
            self.on_error(error)
            if isinstance(error, TransientError | CommitStateUnknownError):
                return
        self._follows = True
        self._done |= {source.uri: (source.size, source.version) for source in sources}

    def _follow(self) -> None:
        if not self._follows:
            return
        self._follows = False
        try:
            self.then()
        except ConfigError:
            raise
        except LakeError as error:
            self.on_error(error)
            self._follows = isinstance(error, TransientError)
