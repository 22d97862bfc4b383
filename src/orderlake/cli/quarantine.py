"""`orderlake quarantine`: list the records that were set aside, and why; fix and replay them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from orderlake.cli.grid import print_grid, shortened
from orderlake.errors import ConfigError, DataError, NotFoundError, exit_code
from orderlake.lake import Lake
from orderlake.mending import Mended
from orderlake.values import counted, json_lines, json_text

EXAMPLE: Final = """
orderlake quarantine list --limit 20
orderlake quarantine list --source 2024-03 --json
orderlake quarantine fix --source raw/orders.json --position 7 --record mended.json
orderlake quarantine replay --source raw/orders.json --position 7
"""
_RECORD_WIDTH: Final = 60


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which records to list, which one to mend."""
    parser.add_argument(
        "action",
        choices=("list", "fix", "replay"),
        nargs="?",
        default="list",
        help="list them (the default), load one with another text, or load one as it is",
    )
    parser.add_argument("--source", metavar="TEXT", help="only sources whose name holds this text; for one, its name")
    parser.add_argument("--limit", metavar="N", type=int, help="only the last N")
    parser.add_argument("--position", metavar="N", type=int, help="fix, replay: which record of the source, from 1")
    parser.add_argument(
        "--record", metavar="FILE", help="fix: the file that holds the record as it should be; - reads it"
    )


def run(args: argparse.Namespace) -> int:
    """Print a line per record, newest last; or what became of the one that was mended."""
    with Lake(args.project, args.env) as lake:
        if args.action != "list":
            return _told(_mended(lake, args), as_json=args.json)
        found = lake.quarantine(args.source, args.limit)
    if args.json:
        for line in json_lines(found):
            print(line)
    elif found:
        header = ["source", "position", "line", "status", "field", "reason", "record"]
        rows = [
            ["" if cell is None else str(cell) for cell in (dict(record)[name] for name in header[:-1])]
            + [shortened(record["record"] or "", _RECORD_WIDTH)]
            for record in found
        ]
        print_grid(header, rows, {"position", "line"})
        print(f"({counted(len(found), 'record')}; --json shows them whole)")
    else:
        print("no record is in quarantine" + ("" if args.source is None else f" from a source like {args.source}"))
    return 0


def _mended(lake: Lake, args: argparse.Namespace) -> Mended:
    if args.source is None or args.position is None:
        raise ConfigError(
            f"say which record to {args.action}: --source NAME --position N, as `quarantine list` has them"
        )
    if args.action == "replay":
        return lake.replay(args.source, args.position)
    if args.record is None:
        raise ConfigError(
            "say which file holds the record as it should be: --record FILE, or --record - to read it here"
        )
    try:
        text = sys.stdin.read() if args.record == "-" else Path(args.record).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {args.record}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{args.record} is not valid UTF-8: {error.reason} at byte {error.start + 1}") from None
    return lake.fix(args.source, args.position, text)


def _told(mended: Mended, *, as_json: bool) -> int:
    if as_json:
        print(json_text(mended.as_dict()))
    else:
        print(f"record {mended.position} of {mended.source}: {mended.said}")
    return 0 if mended.is_closed else exit_code(DataError())
