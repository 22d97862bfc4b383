"""What the console's pages share: the lake, one session of questions, and whether they may change anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orderlake.console.live import Pulse
from orderlake.lake import Lake

if TYPE_CHECKING:
    from starlette.requests import Request

    from orderlake.overview import Keeper
    from orderlake.querying import Session


@dataclass
class Console:
    """One open lake as its pages see it. `writable` is what the user asked for: fixing and loading from the page."""

    lake: Lake
    writable: bool = False
    session: Session = field(init=False)
    overview: Keeper = field(init=False)
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        self.session = self.lake.session()
        self.overview = self.lake.overview(self.session)
        self.pulse = Pulse(self.look)

    @property
    def name(self) -> str:
        """What the project is called: its folder."""
        return self.lake.project.root.name

    def look(self) -> str:
        """A text that changes when anything changes that a page shows: tables, the load history, files that wait."""
        waiting = [(source.uri, source.version) for source in self.lake.sources.find(())]
        return repr((self.session.token(), len(self.lake.ledger.loads()), waiting, self.overview.revision))

    def close(self) -> None:
        """Stop looking, and give back the engine; the lake stays the caller's."""
        self.pulse.stop()
        self.overview.close()
        self.session.close()


def console_of(request: Request) -> Console:
    """The console that a request is for."""
    found: Console = request.app.state.console
    return found
