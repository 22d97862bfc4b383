"""What the console's pages share: the lake, one session of questions, and whether they may change anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.exceptions import HTTPException

from orderlake.console.arrivals import Arrivals
from orderlake.console.intake import Intake
from orderlake.console.live import EVERY, Pulse
from orderlake.errors import LakeError
from orderlake.explain.trace import Look
from orderlake.lake import Lake

if TYPE_CHECKING:
    from starlette.requests import Request

    from orderlake.model.source import SourceObject
    from orderlake.overview import Keeper
    from orderlake.query.saved import SavedQuery
    from orderlake.querying import Session

T = TypeVar("T")

_EVERY_ON_AWS: Final = 60.0
"""Seconds between two looks at a lake in buckets, where each is billed."""
_KEPT: Final = 64


@dataclass
class Console:
    """One open lake as its pages see it. `writable` is what the user asked for: fixing and loading from the page."""

    lake: Lake
    writable: bool = False
    session: Session = field(init=False)
    overview: Keeper = field(init=False)
    pulse: Pulse = field(init=False)
    intake: Intake | None = field(init=False)
    _arrivals: Arrivals = field(init=False)
    _made: dict[str, tuple[str, object]] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        project = self.lake.project
        self.session = self.lake.session(confined=True)  # a statement may come from a link
        self.overview = self.lake.overview(self.session)
        self.pulse = Pulse(self.look, EVERY if project.aws is None else _EVERY_ON_AWS)
        self.intake = Intake(project) if self.writable and project.aws is None else None
        self._arrivals = Arrivals(self.lake.sources, self.lake.ledger, project.raw if project.aws is None else None)

    @property
    def name(self) -> str:
        """What the project is called: its folder."""
        return self.lake.project.root.name

    @property
    def problem(self) -> str | None:
        """Why new files are not being loaded, where they should be."""
        return None if self.intake is None else self.intake.problem

    def saved_queries(self) -> tuple[list[SavedQuery], list[str]]:
        """The saved queries that can be asked, and what is wrong with those that cannot be read."""
        faults: list[str] = []
        try:
            return self.lake.saved_queries(lambda fault: faults.append(str(fault))), faults
        except LakeError as error:  # not of one of them: of what tables there are
            return [], [str(error)]

    @property
    def look_back(self) -> Look:
        """What tells where records come from."""
        return Look(self.lake.project, self.lake.pipelines, self.lake.ledger, self.session.query)

    def waiting(self) -> Sequence[SourceObject]:
        """The files that have arrived and that no load has taken yet, oldest first."""
        return self._arrivals.waiting()

    def look(self) -> str:
        """A text that changes when anything changes that a page shows: tables, the load history, files that wait."""
        seen = (self.session.token(), self.lake.ledger.stamp(), self._arrivals.stamp(), self.problem)
        return repr((*seen, self.overview.revision))

    def kept(self, name: str, stamp: str, make: Callable[[], T]) -> T:
        """What `make` gives, made anew only under another stamp: for figures that take long, and change with the lake.

        The few that were asked for last are kept.
        """
        with self._making:
            held = self._made.pop(name, None)
            if held is not None and held[0] == stamp:
                self._made[name] = held
                return held[1]  # type: ignore[return-value]  # a name is always of one kind
        made = make()
        with self._making:
            self._made[name] = (stamp, made)
            while len(self._made) > _KEPT:
                del self._made[next(iter(self._made))]
        return made

    def start(self) -> None:
        """Begin to look, and to load where that was asked for."""
        self.pulse.start()
        if self.intake is not None:
            self.intake.start()

    def close(self) -> None:
        """Finish the load in hand, stop looking, and give back the engine; the lake stays the caller's."""
        self.pulse.stop()
        if self.intake is not None:
            self.intake.stop()
        self.overview.close()
        self.session.close()


def console_of(request: Request) -> Console:
    """The console that a request is for."""
    found: Console = request.app.state.console
    return found


def writing(request: Request) -> Console:
    """The console that a request to change something is for; one that is read-only answers with 403."""
    console = console_of(request)
    if not console.writable:
        raise HTTPException(403)
    return console
