"""`orderlake loads`: list what was loaded, when, and how it went."""

from __future__ import annotations

import argparse
from typing import Final

from orderlake.cli.account import FATES
from orderlake.cli.grid import print_grid
from orderlake.lake import Lake
from orderlake.model.report import LoadReport
from orderlake.values import json_lines

EXAMPLE: Final = """
orderlake loads --limit 10
orderlake loads --status rejected --source 2024-03 --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which loads to list."""
    parser.add_argument("--source", metavar="TEXT", help="only sources whose name holds this text")
    parser.add_argument("--status", choices=("loaded", "rejected"), help="only loads that ended so")
    parser.add_argument("--limit", metavar="N", type=int, help="only the last N")


def run(args: argparse.Namespace) -> int:
    """Print the history, newest last."""
    with Lake(args.project, args.env) as lake:
        history = lake.loads()
    found = [
        load
        for load in history
        if (args.source is None or args.source in load.source) and (args.status is None or args.status == load.status)
    ]
    if args.limit is not None:
        found = found[max(0, len(found) - max(0, args.limit)) :]
    if args.json:
        for line in json_lines(load.as_dict() for load in found):
            print(line)
    elif found:
        header = ["at (UTC)", "status", "source", "read", *FATES, "seconds", "reason"]
        print_grid(header, [_row(load) for load in found], {"read", *FATES, "seconds"})
    elif history:
        print("no load is like that: leave out --source or --status to see all")
    else:
        print("nothing loaded yet: put files into raw/ and `orderlake run`")
    return 0


def _row(load: LoadReport) -> list[str]:
    counts = [f"{load.read:,}", *(f"{getattr(load, fate):,}" for fate in FATES)]
    return [load.at[:19].replace("T", " "), load.status, load.source, *counts, f"{load.seconds:.2f}", load.reason or ""]
