"""`orderlake query`: ask the tables in SQL."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.cli.grid import print_grid
from orderlake.cli.saved import check_words, given, print_list
from orderlake.errors import ConfigError, NotFoundError, QueryError
from orderlake.lake import Lake
from orderlake.values import counted, csv_row, json_lines, json_text, plain, size_text

if TYPE_CHECKING:
    from orderlake.query.duckdb import QueryStats, Result
    from orderlake.query.grain import FanOut

EXAMPLE: Final = """
orderlake query 'SELECT order_date, sum(total_amount) FROM orders GROUP BY ALL ORDER BY 1'
orderlake query --file report.sql --format csv > report.csv
echo 'SELECT count(*) FROM orders' | orderlake query - --json
orderlake query --on athena 'SELECT count(*) FROM orders'
orderlake query --as-of 2024-03-01T12:00 'SELECT count(*) FROM orders'
orderlake query --as-of '2 hours ago' --saved daily_revenue
orderlake query --list
orderlake query --saved top_customers --param start=today-90 --param limit=5
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
_PLANS: Final = (("explain_key", "explain_value"), ("Query Plan",))
_LEAST_SHOWN: Final = Decimal("0.001")
_INEXACT: Final = ("FLOAT", "DOUBLE", "DECIMAL")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The statement, and how to show its answer."""
    parser.add_argument(
        "sql", metavar="SQL", nargs="?", help="one SELECT over the tables by name; - reads it from stdin"
    )
    parser.add_argument(
        "--on", choices=("duckdb", "athena"), default="duckdb", help="which engine answers (default: duckdb)"
    )
    parser.add_argument("--file", metavar="FILE", help="read the SQL from a file")
    parser.add_argument("--saved", metavar="NAME", help="ask a saved query; --list shows those of this project")
    parser.add_argument(
        "--param",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a value for a parameter of the saved query; may be repeated",
    )
    parser.add_argument("--list", action="store_true", help="list the saved queries with their parameters")
    parser.add_argument("--show", action="store_true", help="print the saved query's SQL instead of asking it")
    parser.add_argument(
        "--as-of",
        metavar="TIME|LOAD",
        help="ask the Iceberg tables as they were at a time (ISO; '2 hours ago'), or right after a load (its id)",
    )
    parser.add_argument("--strict", action="store_true", help="refuse a statement that counts a measure more than once")
    parser.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="how to print rows (default: table)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the answer; 65 when the statement is refused."""
    check_words(args)
    with Lake(args.project, args.env) as lake:
        if args.list:
            return print_list(lake.saved_queries(), as_json=args.json)
        sql = _statement(args) if args.saved is None else lake.saved_query(args.saved).bound(given(args.param))
        if args.show:
            print(json_text({"name": args.saved, "sql": sql}) if args.json else sql)
            return 0
        warnings = lake.lint(sql)
        if warnings and args.strict:
            raise QueryError("\n".join(one.message for one in warnings))
        result = lake.query(sql, args.on, as_of=args.as_of)
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
    for said in _beside(result, warnings, as_json=args.json):
        print(said, file=sys.stderr)
    return 0


def _beside(result: Result, warnings: Sequence[FanOut], *, as_json: bool) -> Iterator[str]:
    """What is to be said of an answer, beside its rows."""
    for note in result.notes:
        yield json_text({"note": note}) if as_json else f"orderlake: {note}"
    for warning in warnings:
        yield warned(warning, as_json=as_json)
    if result.stats is not None:
        yield _took(result, result.stats)


def warned(warning: FanOut, *, as_json: bool) -> str:
    """A measure that is counted more than once, in words or as JSON."""
    if as_json:
        return json.dumps({"warning": "FanOut", **warning.as_dict()}, ensure_ascii=False)
    return f"orderlake: warning: {warning.message}"


def _took(result: Result, stats: QueryStats) -> str:
    cost = (
        "" if stats.cost is None else f", ${stats.cost:.4f}" if stats.cost >= _LEAST_SHOWN else f", ${stats.cost:.6f}"
    )
    return (
        f"{stats.engine}: {counted(len(result.rows), 'row')}, {size_text(stats.bytes_scanned)} scanned, "
        f"{stats.engine_seconds:.1f} s{cost} ({stats.query_id})"
    )


def _statement(args: argparse.Namespace) -> str:
    if args.sql is not None:
        return sys.stdin.read() if args.sql == "-" else str(args.sql)
    try:
        return Path(args.file).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {args.file}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read SQL from {args.file}: {error}") from error


def _print_table(result: Result) -> None:
    if result.columns in _PLANS:
        print("\n".join(str(row[-1]).rstrip() for row in result.rows))
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
