"""The watch loop behind a console that may write: it loads what lands in raw/, and keeps what goes wrong to be seen."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from orderlake.config import load_project
from orderlake.errors import LakeError
from orderlake.lake import Lake

if TYPE_CHECKING:
    from orderlake.config import Project
    from orderlake.model.report import LoadReport

log = logging.getLogger("orderlake.console")
_AGAIN: Final = 5.0
"""Seconds until a loop that ended, because of a pipeline that is wrong say, begins anew."""


class Intake:
    """Loads in a thread, with a lake of its own; `problem` says why loading does not go on, None while it does.

    A problem ends nothing: the project is read again after `again` seconds, and loading begins anew.
    """

    def __init__(self, project: Project, again: float = _AGAIN) -> None:
        self._project, self._again = project, again
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem: str | None = None

    def start(self) -> None:
        """Begin to load."""
        self._thread = threading.Thread(target=self._run, name="orderlake-intake", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the load in hand, and end."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with Lake.of(load_project(self._project.root)) as lake:
                    lake.watch(self._wait, self._done, self._failed)
            except (LakeError, OSError) as error:
                self.problem = str(error)
            except Exception as error:  # an entry point: who looks at pages must hear that nothing is loaded any more
                self.problem = f"This is a bug in orderlake: {type(error).__name__}: {error}. The terminal tells where."
                log.exception("loading has stopped, and begins anew")
            else:
                continue
            self._over.wait(self._again)

    def _wait(self, seconds: float) -> bool:
        return self._over.wait(seconds)

    def _done(self, _: LoadReport) -> None:
        self.problem = None

    def _failed(self, error: LakeError) -> None:
        self.problem = str(error)
