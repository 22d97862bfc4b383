"""`orderlake tables`: list the tables."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from orderlake.cli.grid import print_grid
from orderlake.lake import Lake
from orderlake.values import json_lines, size_text

if TYPE_CHECKING:
    from orderlake.inventory import TableInfo

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
                "-" if t.health is None else str(t.health.score),
            ]
            for t in tables
        ]
        header = ["table", "pipeline", "format", "rows", "files", "size", "snapshots", "health"]
        print_grid(header, rows, {"rows", "files", "size", "snapshots", "health"})
        for line in _unwell(tables):
            print(line)
    else:
        print("no tables: the project has no pipeline; `orderlake init . --pipeline orders` puts one in")
    return 0


def _unwell(tables: Sequence[TableInfo]) -> Iterator[str]:
    """Why tables are not at their best."""
    reasons = [
        f"{table.name}: {reason}" for table in tables if table.health is not None for reason in table.health.reasons
    ]
    if reasons:
        yield ""
        yield from reasons
