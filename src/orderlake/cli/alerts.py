"""`orderlake alerts`: list the alerts that were sent from here, or try them out."""

from __future__ import annotations

import argparse
from typing import Final

from orderlake.cli.grid import print_grid, shortened
from orderlake.errors import ConfigError, TransientError, exit_code
from orderlake.lake import Lake
from orderlake.values import json_lines

EXAMPLE: Final = """
orderlake alerts --limit 10
orderlake alerts test          # tells every target that this is a trial
"""
_WIDTH: Final = 80


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and how many to list."""
    parser.add_argument("action", choices=("list", "test"), nargs="?", default="list", help="list them (the default)")
    parser.add_argument("--limit", metavar="N", type=int, default=20, help="list: only the last N (default: 20)")


def run(args: argparse.Namespace) -> int:
    """Print a line per alert, or per target that was tried; 75 when one of those was not told."""
    with Lake(args.project, args.env) as lake:
        if args.action == "test":
            return _tried(lake, as_json=args.json)
        found = lake.alerts(max(0, args.limit))
    if args.json:
        print("\n".join(json_lines(found)))
    elif found:
        rows = [
            [one["at"][:19].replace("T", " "), one["target"], one["error"] or "told", shortened(one["text"], _WIDTH)]
            for one in found
        ]
        print_grid(["at (UTC)", "target", "outcome", "text"], rows)
    else:
        print("no alert was sent from here")
    return 0


def _tried(lake: Lake, *, as_json: bool) -> int:
    tried = lake.try_alerts()
    if not tried:
        raise ConfigError(
            "the project alerts nobody: write `alerts:` with a webhook or a command into orderlake.yaml, "
            "or `orderlake deploy apply --set alerts=true` for a topic on AWS"
        )
    if as_json:
        print("\n".join(json_lines({"target": target, "error": error} for target, error in tried)))
    else:
        for target, error in tried:
            print(f"{'told' if error is None else 'failed':<7} {target}{f': {error}' if error else ''}")
    return exit_code(TransientError()) if any(error for _, error in tried) else 0
