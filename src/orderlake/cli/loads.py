"""`orderlake loads`: list what was loaded, when, and how it went; `loads show` tells all about one load."""

from __future__ import annotations

import argparse
from typing import Final

from orderlake.cli.grid import print_grid
from orderlake.cli.load_account import lines_of
from orderlake.errors import ConfigError
from orderlake.lake import Lake
from orderlake.model.report import FATES, RECORDED, LoadReport, Wanted
from orderlake.values import json_lines, json_text

EXAMPLE: Final = """
orderlake loads --limit 10
orderlake loads --status rejected --source 2024-03 --json
orderlake loads show 5f2c1a
orderlake loads show orders_2024-03.json --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which loads to list, which one to show."""
    parser.add_argument("action", choices=("list", "show"), nargs="?", default="list", help="list them (the default)")
    parser.add_argument("load", metavar="ID", nargs="?", help="show: a load's id or its beginning, or a source's name")
    parser.add_argument("--source", metavar="TEXT", help="only sources whose name holds this text")
    parser.add_argument("--status", choices=RECORDED, help="only loads that ended so")
    parser.add_argument("--limit", metavar="N", type=int, help="only the last N")


def run(args: argparse.Namespace) -> int:
    """Print the history, newest last; or all about one load."""
    if args.action == "show":
        return _show(args)
    if args.load is not None:
        raise ConfigError(f"loads lists all of them; all about one is `orderlake loads show {args.load}`")
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
        header = ["load", "at (UTC)", "status", "source", "read", *FATES, "seconds", "reason"]
        print_grid(header, [_row(load) for load in found], {"read", *FATES, "seconds"})
    elif not is_empty:
        print("no load is like that: leave out --source or --status to see all")
    else:
        print("nothing loaded yet: put files into raw/ and `orderlake run`")
    return 0


def _show(args: argparse.Namespace) -> int:
    if args.load is None:
        raise ConfigError("say which load to show: its id or the beginning of it, or a source's name")
    with Lake(args.project, args.env) as lake:
        account = lake.load_account(args.load)
    print(json_text(account.as_dict()) if args.json else "\n".join(lines_of(account)))
    return 0


def _row(load: LoadReport) -> list[str]:
    counts = [f"{load.read:,}", *(f"{getattr(load, fate):,}" for fate in FATES)]
    at = load.at[:19].replace("T", " ")
    return [load.load_id[:8], at, load.status, load.source, *counts, f"{load.seconds:.2f}", load.reason or ""]
