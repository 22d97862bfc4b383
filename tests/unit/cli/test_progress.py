"""The line that tells that long work goes on."""

import io
import sys
import threading

import pytest

from orderlake.cli import progress
from orderlake.cli.progress import Progress


class Terminal(io.StringIO):
    """A stderr that tells when something was written."""

    def __init__(self):
        super().__init__()
        self.written = threading.Event()

    def isatty(self):
        return True

    def write(self, text):
        done = super().write(text)
        self.written.set()
        return done


def test_nothing_is_said_without_a_terminal(capsys):
    with Progress(lambda: "working") as shown:
        shown.clear()
    assert capsys.readouterr().err == ""


def test_at_a_terminal_the_line_is_shown_and_taken_away(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_FIRST", 0.0)
    with Progress(lambda: "loading, 3 files done"):
        assert terminal.written.wait(10)
    assert "loading, 3 files done, 0 s" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K")


def test_short_work_shows_nothing(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(ValueError, match="x"), Progress(lambda: "working"):
        raise ValueError("x")
    assert terminal.getvalue() == ""
