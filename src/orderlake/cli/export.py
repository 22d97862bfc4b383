"""`orderlake export`: tables for other tools, as a DuckDB file, Parquet or CSV."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from orderlake.cli.query import warned
from orderlake.cli.saved import given
from orderlake.errors import ConfigError
from orderlake.exporting import Export, Exported, Form
from orderlake.lake import Lake
from orderlake.values import counted, json_lines, size_text

EXAMPLE: Final = """
orderlake export --duckdb shop.duckdb            # views of the tables, for Metabase, Superset, Tableau, DBeaver
orderlake export --duckdb shop.duckdb --copy     # the rows themselves: a file to mail or to move
orderlake export --parquet out --table orders --table order_lines
orderlake export --csv big.csv --sql 'SELECT * FROM orders WHERE total_amount > 1000'
orderlake export --csv top.csv --saved top_customers --param limit=100
"""
_FORMS: Final[tuple[Form, ...]] = ("duckdb", "parquet", "csv")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to export, and into what."""
    into = parser.add_mutually_exclusive_group(required=True)
    into.add_argument("--duckdb", metavar="FILE", help="a DuckDB database with a view per table")
    into.add_argument("--parquet", metavar="DIR", help="a Parquet file per table; with --sql the file itself")
    into.add_argument("--csv", metavar="DIR", help="a CSV file per table; with --sql the file itself")
    parser.add_argument("--table", metavar="NAME", action="append", default=[], help="only this table; may be repeated")
    answer = parser.add_mutually_exclusive_group()
    answer.add_argument("--sql", metavar="SQL", help="export the answer of one SELECT instead of tables")
    answer.add_argument("--saved", metavar="NAME", help="export the answer of a saved query (`orderlake query --list`)")
    parser.add_argument("--param", metavar="NAME=VALUE", action="append", default=[], help="a value for --saved")
    parser.add_argument("--copy", action="store_true", help="put the rows into the DuckDB file, not views of them")
    parser.add_argument("--force", action="store_true", help="replace a file that is no export of orderlake")
    parser.add_argument("--no-lineage", action="store_true", help="leave out _source_file and the like")
    parser.add_argument("--gzip", action="store_true", help="compress the CSV files")
    parser.add_argument(
        "--excel-safe", action="store_true", help="put ' before texts that a spreadsheet would run as formulas (CSV)"
    )


def run(args: argparse.Namespace) -> int:
    """Export, and tell of each file."""
    form = next(each for each in _FORMS if getattr(args, each) is not None)
    target = str(getattr(args, form))
    if not target:
        raise ConfigError(f"--{form} needs the name of a {'file' if form == 'duckdb' else 'folder'}")
    if args.param and args.saved is None:
        raise ConfigError("--param is for a saved query: name it with --saved")
    with Lake(args.project, args.env) as lake:
        sql = args.sql if args.saved is None else lake.saved_query(args.saved).bound(given(args.param))
        wanted = Export(
            form,
            Path(target),
            tuple(args.table),
            sql,
            copy=args.copy,
            force=args.force,
            lineage=not args.no_lineage,
            gzip=args.gzip,
            excel_safe=args.excel_safe,
        )
        warnings = [] if sql is None else lake.lint(sql)
        done = lake.export(wanted)
    if args.json:
        print("\n".join(json_lines(one.as_dict() for one in done)))
    elif form == "duckdb":
        _tell_database(wanted, done)
    else:
        for one in done:
            print(f"{one.file}  {counted(one.rows or 0, 'row')}, {size_text(one.file.stat().st_size)}")
    for warning in warnings:
        print(warned(warning, as_json=args.json), file=sys.stderr)
    return 0


def _tell_database(wanted: Export, done: list[Exported]) -> None:
    size = size_text(wanted.target.stat().st_size)
    if done and not done[0].fresh:
        print(f"{wanted.target} is up to date: nothing was loaded or built since it was made")
    elif wanted.copy:
        rows = sum(one.rows or 0 for one in done)
        print(f"{wanted.target}  {counted(len(done), 'table')}, {counted(rows, 'row')}, {size}")
    else:
        print(f"{wanted.target}  {counted(len(done), 'view')}, {size}")
        print(
            "The views show the tables as they are now, on this machine only: export again after a load or a build, or "
            "--copy the rows"
        )
