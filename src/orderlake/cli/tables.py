"""`orderlake tables`: list the tables."""

from __future__ import annotations

import argparse
from typing import Final

from orderlake.cli.grid import print_grid
from orderlake.lake import Lake
from orderlake.values import json_lines, size_text

EXAMPLE: Final = """
orderlake tables
orderlake tables --all --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which tables to list."""
    parser.add_argument("--all", action="store_true", help="also the tables orderlake keeps for itself")


def run(args: argparse.Namespace) -> int:
    """Print a line per table."""
    with Lake(args.project, args.env) as lake:
        tables = lake.tables(system=args.all)
    if args.json:
        for line in json_lines(table.as_dict() for table in tables):
            print(line)
    elif tables:
        rows = [
            [
                t.name,
                t.pipeline,
                t.format,
                f"{t.rows:,}",
                f"{t.files:,}",
                size_text(t.bytes),
                f"{t.snapshots:,}" if t.format == "iceberg" else "-",
            ]
            for t in tables
        ]
        header = ["table", "pipeline", "format", "rows", "files", "size", "snapshots"]
        print_grid(header, rows, {"rows", "files", "size", "snapshots"})
    else:
        print("no tables: the project has no pipeline; `orderlake init . --pipeline orders` puts one in")
    return 0
