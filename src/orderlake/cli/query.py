"""`orderlake query`: ask the tables in SQL."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.cli.grid import print_grid
from orderlake.cli.values import counted, csv_row, json_lines, plain
from orderlake.errors import ConfigError, NotFoundError
from orderlake.lake import Lake

if TYPE_CHECKING:
    from orderlake.query.duckdb import Result

EXAMPLE: Final = """
orderlake query 'SELECT order_date, sum(total_amount) FROM orders GROUP BY ALL ORDER BY 1'
orderlake query --file report.sql --format csv > report.csv
echo 'SELECT count(*) FROM orders' | orderlake query - --json
"""
_NUMBERS: Final = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
_PLAN: Final = ("explain_key", "explain_value")
_INEXACT: Final = ("FLOAT", "DOUBLE", "DECIMAL")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The statement, and how to show its answer."""
    parser.add_argument(
        "sql", metavar="SQL", nargs="?", help="one SELECT over the tables by name; - reads it from stdin"
    )
    parser.add_argument("--file", metavar="FILE", help="read the SQL from a file")
    parser.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="how to print rows (default: table)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the answer; 65 when the statement is refused."""
    sql = _statement(args)
    with Lake(args.project, args.env) as lake:
        result = lake.query(sql)
    form = "json" if args.json else args.format
    if form == "json":
        names = _distinct(result.columns)
        for line in json_lines(dict(zip(names, row, strict=True)) for row in result.rows):
            print(line)
    elif form == "csv":
        for values in (result.columns, *result.rows):
            print(csv_row(values), end="\r\n")
    else:
        _print_table(result)
    return 0


def _statement(args: argparse.Namespace) -> str:
    if (args.sql is None) == (args.file is None):
        raise ConfigError("give one statement: orderlake query 'SELECT …', or - for stdin, or --file FILE")
    if args.sql is not None:
        return sys.stdin.read() if args.sql == "-" else str(args.sql)
    try:
        return Path(args.file).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {args.file}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read SQL from {args.file}: {error}") from error


def _print_table(result: Result) -> None:
    if result.columns == _PLAN:
        print("\n".join(str(drawing).rstrip() for _, drawing in result.rows))
        return
    names = _distinct(result.columns)
    right = {
        name for name, kind in zip(names, result.types, strict=True) if kind in _NUMBERS or kind.startswith(_INEXACT)
    }
    print_grid(names, [[_cell(value) for value in row] for row in result.rows], right)
    print(f"({counted(len(result.rows), 'row')})")


def _cell(value: object) -> str:
    return "NULL" if value is None else plain(value)


def _distinct(columns: Sequence[str]) -> list[str]:
    """Column names, the second `a` as `a_2`: JSON would keep only one."""
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names
