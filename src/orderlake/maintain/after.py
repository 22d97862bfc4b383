"""Maintenance after loads: on by default, seldom, and never for long.

When tables were looked after is remembered in the project. A load that comes a day later is followed by maintenance,
for a minute at most; what is left then is done after the next load.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orderlake.config import Project
from orderlake.maintain.maintain import Wanted, maintained
from orderlake.maintain.report import MaintainReport
from orderlake.maintain.settings import Maintenance, settings_of
from orderlake.storage.local import LocalStore
from orderlake.tables.compact import Folding
from orderlake.wiring import Backends

_HOUR: Final = 3_600_000_000_000
_SECONDS: Final = 60.0
"""How long it may go on beginning new steps, after a load."""
_WORTH: Final = 5
"""So many files are worth the rewriting of one, when nobody has asked for it."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time (ns since 1970), and seconds that only go forward."""

    now_ns: Callable[[], int] = time.time_ns
    steady: Callable[[], float] = time.monotonic


CLOCKS: Final = Clocks()


def after_loads(backends: Backends, clocks: Clocks = CLOCKS) -> MaintainReport | None:
    """Look after tables, if it is time; None when it is not, or another process is at it.

    ConfigError when the settings are wrong, TransientError when a part of the lake does not answer.
    """
    settings = settings_of(backends.project)
    if not is_due(backends.project, settings, clocks.now_ns()):
        return None
    with backends.ledger.claim(["maintenance"]) as won:
        if not won or not is_due(backends.project, settings, clocks.now_ns()):
            return None
        end = clocks.steady() + _SECONDS
        folding = Folding(settings.target, _WORTH, lambda: clocks.steady() < end)
        wanted = Wanted((), settings.orphan_hours, settings.snapshot_days, folding=folding, now_ns=clocks.now_ns)
        report = maintained(backends, wanted)
        _remember(backends.project, clocks.now_ns(), is_done=report.is_done)
        return report


def is_due(project: Project, settings: Maintenance, now_ns: int) -> bool:
    """Whether tables want to be looked after now; the first time it is asked, time begins to run."""
    if settings.every_hours is None:
        return False
    try:
        found = json.loads(_memory(project).read_bytes())
        at, is_done = int(found["at"]), bool(found["is_done"])
    except (OSError, ValueError, TypeError, KeyError):
        _remember(project, now_ns, is_done=True)
        return False
    return not is_done or now_ns - at >= settings.every_hours * _HOUR


def _memory(project: Project) -> Path:
    return project.state / "maintained.json"


def _remember(project: Project, now_ns: int, *, is_done: bool) -> None:
    document = {"format": 1, "at": now_ns, "is_done": is_done}
    LocalStore().write(str(_memory(project)), json.dumps(document).encode())
