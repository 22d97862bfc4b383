"""`orderlake loads`: list what was loaded, when, and how it went."""

from __future__ import annotations

import argparse
from typing import Final

from orderlake.cli.account import FATES
from orderlake.cli.grid import print_grid
from orderlake.lake import Lake
from orderlake.model.report import LoadReport, Wanted
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
    wanted = Wanted(args.status, args.source)
    with Lake(args.project, args.env) as lake:
        if args.limit is None:
            found = [load for load in lake.loads() if wanted.fits(load)]
        else:
            found = list(reversed(lake.recent(max(0, args.limit), None, wanted).loads))
        is_empty = not found and not lake.recent(1).loads
    if args.json:
        for line in json_lines(load.as_dict() for load in found):
            print(line)
    elif found:
        header = ["at (UTC)", "status", "source", "read", *FATES, "seconds", "reason"]
        print_grid(header, [_row(load) for load in found], {"read", *FATES, "seconds"})
    elif not is_empty:
        print("no load is like that: leave out --source or --status to see all")
    else:
        print("nothing loaded yet: put files into raw/ and `orderlake run`")
    return 0


def _row(load: LoadReport) -> list[str]:
    counts = [f"{load.read:,}", *(f"{getattr(load, fate):,}" for fate in FATES)]
    return [load.at[:19].replace("T", " "), load.status, load.source, *counts, f"{load.seconds:.2f}", load.reason or ""]
