"""`orderlake quarantine`: list the records that were set aside, and why."""

from __future__ import annotations

import argparse
from typing import Final

from orderlake.cli.grid import print_grid, shortened
from orderlake.lake import Lake
from orderlake.values import counted, json_lines

EXAMPLE: Final = """
orderlake quarantine list --limit 20
orderlake quarantine list --source 2024-03 --json
"""
_RECORD_WIDTH: Final = 60


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which records to list."""
    parser.add_argument(
        "action", choices=("list",), nargs="?", default="list", help="list is all there is to do, and the default"
    )
    parser.add_argument("--source", metavar="TEXT", help="only sources whose name holds this text")
    parser.add_argument("--limit", metavar="N", type=int, help="only the last N")


def run(args: argparse.Namespace) -> int:
    """Print a line per record, newest last."""
    with Lake(args.project, args.env) as lake:
        found = lake.quarantine(args.source, args.limit)
    if args.json:
        for line in json_lines(found):
            print(line)
    elif found:
        header = ["source", "position", "line", "field", "reason", "record"]
        rows = [
            ["" if record[name] is None else str(record[name]) for name in header[:-1]]
            + [shortened(record["record"] or "", _RECORD_WIDTH)]
            for record in found
        ]
        print_grid(header, rows, {"position", "line"})
        print(f"({counted(len(found), 'record')}; --json shows them whole)")
    else:
        print("no record is in quarantine" + ("" if args.source is None else f" from a source like {args.source}"))
    return 0
