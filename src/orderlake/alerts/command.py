"""An alert as a call of a program of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orderlake.alerts.alert import Alert, Kind
from orderlake.alerts.target import Secret, UndeliveredError, shown_program

TEXT: str = "ORDERLAKE_ALERT_TEXT"
"""The variable that the program finds the text in; the JSON is on its stdin."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments, run in the project's folder, ended with all that it began after `seconds`.

    With `shell` the only word is a line for the shell.
    """

    words: Sequence[str]
    shell: bool
    folder: Path
    on: Sequence[Kind]
    seconds: float

    @property
    def name(self) -> str:
        """Its program."""
        return "command (shell)" if self.shell else f"command {shown_program(self.words)}"

    def deliver(self, alert: Alert) -> None:
        """Run it once: it may have done its work although it says otherwise."""
        words = ["/bin/sh", "-c", *self.words] if self.shell else [Secret(word).value() for word in self.words]
        # Files, no pipes: a program that reads nothing, or leaves a child behind, must not keep us.
        with tempfile.TemporaryFile() as given:
            given.write(json.dumps(alert.as_dict(), ensure_ascii=False).encode(errors="replace") + b"\n")
            given.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603 - the project's own settings say what to run
                    words,
                    cwd=self.folder,
                    env={**os.environ, TEXT: alert.text.replace("\0", " ")},
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                raise UndeliveredError(f"it cannot be run: {error.strerror}") from None
            code = self._ended(process)
        if code:
            raise UndeliveredError(f"it ended with {code}")

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(self.seconds)
        except subprocess.TimeoutExpired:
            raise UndeliveredError(f"it took longer than {self.seconds:g} s, and was ended") from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
