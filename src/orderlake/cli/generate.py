"""`orderlake generate`: write sample order files of any size."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Final

from orderlake.cli.progress import Progress
from orderlake.generate import FORMATS, generate
from orderlake.values import counted, json_lines, size_text

EXAMPLE: Final = """
orderlake generate orders --orders 100000 --seed 7 --out raw
orderlake generate shopify --orders 500 --format ndjson --start 2025-06-01 --days 30 --out raw
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What, how much, and where."""
    parser.add_argument("kind", choices=tuple(FORMATS), help="what kind of shop the files come from")
    parser.add_argument("--orders", metavar="N", type=int, default=1000, help="how many orders (default: 1000)")
    parser.add_argument(
        "--seed", metavar="S", type=int, default=1, help="the same seed gives the same bytes (default: 1)"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path(), help="the folder to write into (default: this one)"
    )
    parser.add_argument(
        "--format", choices=("json", "ndjson", "csv"), help="the file format (default: what the kind usually is)"
    )
    parser.add_argument(
        "--start",
        metavar="DATE",
        type=date.fromisoformat,
        default=date(2025, 1, 1),
        help="the first day (default: 2025-01-01)",
    )
    parser.add_argument(
        "--days", metavar="N", type=int, default=365, help="how many days the orders spread over (default: 365)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the files and print their paths and sizes."""
    written = 0

    def on_progress(orders: int) -> None:
        nonlocal written
        written = orders

    with Progress(lambda: f"{counted(written, 'order')} of {args.orders:,} written"):
        paths = generate(args.kind, args.orders, args.seed, args.out, args.format, args.start, args.days, on_progress)
    sizes = {path: path.stat().st_size for path in paths}
    if args.json:
        for line in json_lines({"path": str(path), "bytes": size} for path, size in sizes.items()):
            print(line)
    else:
        for path, size in sizes.items():
            print(f"{path}  {size_text(size)}")
    return 0
