"""`orderlake watch`: load files as they land in raw/."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Final

from orderlake.cli.account import line, resumed
from orderlake.cli.build import build, summary
from orderlake.cli.maintain import after_load
from orderlake.errors import LakeError
from orderlake.lake import Lake
from orderlake.model.report import LoadReport
from orderlake.values import json_text
from orderlake.watching import Pace

if TYPE_CHECKING:
    from orderlake.maintain import MaintainReport
    from orderlake.model.source import SourceObject

EXAMPLE: Final = """
orderlake watch                       # Ctrl-C ends it, once the load in hand is finished
orderlake watch --interval 10 --settle 30 --json >> loads.ndjson
orderlake watch --once                # for cron: what is complete now, then end
"""

_LONGEST: Final = 86_400


class Stop:
    """A signal handler that `wait` can sleep on: the first signal ends the watch, the next one ends it at once."""

    def __init__(self) -> None:
        self._listen, self._tell = os.pipe()
        os.set_blocking(self._tell, False)

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Hear a signal."""
        os.write(self._tell, b".")
        signal.signal(number, signal.SIG_DFL)

    def wait(self, seconds: float) -> bool:
        """Sleep for so long, or until there was a signal; whether there was one."""
        return bool(select.select([self._listen], [], [], seconds)[0])

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._listen)
        os.close(self._tell)


def arguments(parser: argparse.ArgumentParser) -> None:
    """How often to look, and when a file counts as complete."""
    parser.add_argument(
        "--interval", metavar="S", type=seconds, default=1.0, help="seconds between two looks (default: 1)"
    )
    parser.add_argument(
        "--settle",
        metavar="S",
        type=seconds,
        default=1.0,
        help="take a file once it has not changed for so long (default: 1)",
    )
    parser.add_argument("--build", action="store_true", help="build the marts whenever something was loaded")
    parser.add_argument("--once", action="store_true", help="end after the first round")


def seconds(text: str) -> float:
    """A span that can be slept."""
    number = float(text)
    if not 0 <= number <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_LONGEST} seconds")
    return number


def run(args: argparse.Namespace) -> int:
    """Load until a signal comes, a line per file; rejected files do not end it."""
    stop = Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_report(report: LoadReport) -> None:
        if report.status != "unchanged":
            print(json_text(report.as_dict()) if args.json else line(report), flush=True)

    try:
        with Lake(args.project, args.env) as lake:
            if lake.project.aws is None:  # else `watch` refuses
                print(f"orderlake: watching {lake.project.raw}; Ctrl-C ends it", file=sys.stderr, flush=True)
            lake.on_maintained = partial(_maintained, args)
            lake.on_resumed = partial(_resumed, args)
            pace = Pace(args.interval, args.settle, args.once)
            lake.watch(stop.wait, on_report, _complain, pace, _builder(lake, args) if args.build else None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
    return 0


def _builder(lake: Lake, args: argparse.Namespace) -> Callable[[], None]:
    def then() -> None:
        built = build(lake, [], as_json=args.json)
        if not args.json:
            print(summary(built), flush=True)

    return then


def _resumed(args: argparse.Namespace, source: SourceObject, before: int, parts: int) -> None:
    if not args.json:
        print(resumed(source, before, parts), flush=True)


def _maintained(args: argparse.Namespace, done: MaintainReport | LakeError) -> None:
    said = after_load(done)
    if said and not args.json:
        print(said, flush=True)


def _complain(error: LakeError) -> None:
    print(f"orderlake: {error}", file=sys.stderr, flush=True)
