"""Turns by tickets: files with rising numbers, each locked for as long as its process lives and has not had its turn.

The system lets those who wait for one lock have it in no order. So each waits for the ones before it, the last of them
first: that one has waited for those before, unless it died. Nobody asks again and again: each sleeps in the kernel.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Hold the turn of a folder of tickets, in the order in which tickets were drawn."""
    ticket, before = _drawn(folder)
    with ticket:
        try:
            for number in reversed(before):
                _outlast(folder / str(number))
            yield
        finally:
            Path(ticket.name).unlink()


def _drawn(folder: Path) -> tuple[IO[str], list[int]]:
    """A ticket of our own, locked, and the numbers of those before it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as only:
        fcntl.flock(only, fcntl.LOCK_EX)
        before = sorted(int(each.name) for each in folder.iterdir() if each.name.isdecimal())
        ticket = (folder / str(before[-1] + 1 if before else 1)).open("x")
        fcntl.flock(ticket, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return ticket, before


def _outlast(path: Path) -> None:
    """Wait until the holder of a ticket is done or dead; the dead leave theirs behind."""
    try:
        with path.open("r+") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
