"""Runs a command in a fresh process and says what it cost.

The kernel keeps a process's peak resident set across `exec`, so a child never reports less than
its parent held when it was started. The benchmark's own process therefore imports nothing heavy:
data, comparison and library loops all run in children.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 3600.0
_NUMPY_TUNING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class CommandFailedError(Exception):
    """A measured command ended with an error, so its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The cost of one process and the children it waited for; `peak` is in MiB."""

    cpu: float
    wall: float
    peak: float
    out: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do the job. `before` and `after` run around each repetition, outside the timing."""

    name: str
    command: Sequence[str]
    before: Callable[[], object] = lambda: None
    after: Callable[[Sample], object] = lambda _: None


def environment() -> dict[str, str]:
    """Give every way the same environment, without settings that slow the import of numpy."""
    kept = {name: value for name, value in os.environ.items() if name not in _NUMPY_TUNING}
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


def run(command: Sequence[str], *, timeout: float = TIMEOUT) -> Sample:
    """Run a command to its end and measure it; raise with its last words when it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(  # noqa: S603  commands are our own
                list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment(), cwd=ROOT
            )
        except OSError as error:
            message = f"{command[0]} cannot be run: {error}. Is orderlake installed beside this interpreter?"
            raise CommandFailedError(message) from error
        alarm = threading.Timer(timeout, process.kill)
        alarm.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            alarm.cancel()
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
        if process.returncode != 0:
            err.seek(0)
            words = (err.read().decode(errors="replace") or text)[-2000:]
            message = f"exit {process.returncode}: {' '.join(map(str, command))}\n{words}"
            raise CommandFailedError(message)
    return Sample(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, text)


def interleave(ways: Iterable[Way], repeat: int, say: Callable[[str], object]) -> dict[str, list[Sample]]:
    """Run the ways in turn, A B C A B C …, so that a noisy spell falls on all of them alike."""
    ways = list(ways)
    samples: dict[str, list[Sample]] = {way.name: [] for way in ways}
    for turn in range(1, repeat + 1):
        for way in ways:
            way.before()
            sample = run(way.command)
            say(f"{turn}/{repeat} {way.name}: {sample.cpu:.2f} CPU s, {sample.wall:.2f} s, {sample.peak:.0f} MB")
            way.after(sample)
            samples[way.name].append(sample)
    return samples


def median(samples: Sequence[Sample], what: str) -> float:
    """Give the median of one figure (`cpu`, `wall` or `peak`) over the repetitions."""
    return statistics.median(float(getattr(sample, what)) for sample in samples)


def ratio(samples: Mapping[str, Sequence[Sample]], above: str, below: str, what: str) -> float:
    """Give the median over the pairs of `above` ÷ `below`, each pair measured side by side."""
    pairs = zip(samples[above], samples[below], strict=True)
    return statistics.median(float(getattr(a, what) / getattr(b, what)) for a, b in pairs)


def warm(*files: Path) -> None:
    """Read the files once, so that the first repetition does not pay for the disk."""
    for file in files:
        with file.open("rb") as stream:
            while stream.read(1 << 20):
                pass
