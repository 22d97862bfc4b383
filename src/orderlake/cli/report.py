"""`orderlake report`: the overview as one page to mail or to publish."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from orderlake.cli.progress import Progress
from orderlake.errors import ConfigError, MissingExtraError
from orderlake.lake import Lake
from orderlake.storage.local import LocalStore
from orderlake.values import json_text, size_text

EXAMPLE: Final = """
orderlake report --html report.html
orderlake report --html january.html --from 2025-01-01 --to 2025-01-31 --title 'January'
orderlake report --html - --shop olist --period 12m > olist.html
"""
_PERIODS: Final = ("7d", "30d", "90d", "12m", "year", "all")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, of which shop, and of which days."""
    parser.add_argument(
        "--html", metavar="FILE", required=True, help="write one self-contained HTML page; - is standard output"
    )
    parser.add_argument("--shop", metavar="NAME", help="one shop (default: each that has orders)")
    parser.add_argument(
        "--period", choices=_PERIODS, help="counted back from the shop's newest order (default: the last 90 days)"
    )
    parser.add_argument("--from", metavar="DATE", dest="start", help="the first day, instead of --period")
    parser.add_argument("--to", metavar="DATE", dest="end", help="the last day")
    parser.add_argument("--title", metavar="TEXT", help="what stands at its top")


def run(args: argparse.Namespace) -> int:
    """Write the report, whole or not at all."""
    try:
        from orderlake.console.report import Wish, report  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"reports need the extra `console` ({error}): pip install 'orderlake[console]'"
        ) from error
    if args.period and (args.start or args.end):
        raise ConfigError("give --period, or --from and --to, not both")
    target = None if args.html == "-" else Path(args.html).absolute()
    if target is not None and target.exists() and not target.is_file():
        raise ConfigError(f"{args.html} is no file: name the file that the report is to be")
    wish = Wish(args.shop, args.period or "", args.start or "", args.end or "", args.title or "")
    with Lake(args.project, args.env) as lake, Progress(lambda: "counting the orders"):
        made = report(lake, wish, datetime.now(UTC))
    data = made.html.encode()
    if target is None:
        sys.stdout.write(made.html)
        return 0
    LocalStore().write(str(target), data)
    if args.json:
        print(json_text({"file": str(target), "bytes": len(data), "shops": list(made.shops)}))
    else:
        print(f"{args.html}  {size_text(len(data))}, of {' and '.join(made.shops)}: open it in a browser")
    return 0
