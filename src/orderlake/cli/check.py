"""`orderlake check`: whether the tables are as the pipelines' checks expect them, now."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from orderlake.cli.grid import print_grid, shortened
from orderlake.errors import DataError, exit_code
from orderlake.lake import Lake
from orderlake.values import counted, json_lines, json_text

if TYPE_CHECKING:
    from orderlake.checking import State

EXAMPLE: Final = """
orderlake check                                   # every check of the tables as they are
orderlake check total_is_the_sum_of_the_lines     # one, with the orders that do not tie out
orderlake check order_lines.line_is_complete --limit 5 --json
orderlake check --strict                          # what only warns counts as a failure too
"""
_LIMIT: Final = 20
_EXPECTED_WIDTH: Final = 48


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which checks, and how much of what does not hold."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="only this one (NAME or TABLE.NAME), with what fails it"
    )
    parser.add_argument(
        "--limit", metavar="N", type=int, help=f"with NAME: at most N rows (default: {_LIMIT}; with --json all)"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 65 for what only warns, too")


def run(args: argparse.Namespace) -> int:
    """Print how each check stands; 65 when one does not hold that does more than warn."""
    with Lake(args.project, args.env) as lake:
        if args.name is not None:
            return _one(lake, args)
        states = lake.check()
    if args.json:
        print("\n".join(json_lines(state.as_dict() for state in states)))
    elif states:
        _print(states, _EXPECTED_WIDTH)
    else:
        print("no pipeline declares a check: `checks` of a table, see docs/checks.md")
    return _code(states, strict=args.strict)


def _one(lake: Lake, args: argparse.Namespace) -> int:
    limit = args.limit if args.limit is not None or args.json else _LIMIT
    found = lake.failing(args.name, limit)
    if args.json:
        print(json_text([state.as_dict() | {"rows": result.as_dicts()} for state, result in found]))
    else:
        for state, result in found:
            _print([state])
            if state.failed and result.rows:
                print()
                rows = [["" if cell is None else str(cell) for cell in row] for row in result.rows]
                numeric = {
                    column
                    for column, kind in zip(result.columns, result.types, strict=True)
                    if kind.startswith(("DECIMAL", "BIGINT", "INTEGER", "DOUBLE", "HUGEINT"))
                }
                print_grid(list(result.columns), rows, numeric)
                if state.failed > len(result.rows):
                    print(f"({len(result.rows)} of {state.failed:,}; --limit shows more)")
    return _code([state for state, _ in found], strict=args.strict)


def _print(states: list[State], width: int | None = None) -> None:
    header = ["", "table", "check", "checked", "failed", "expected", "for example"]
    rows = [
        [
            "ok" if not state.failed else state.on_fail,
            state.table,
            state.name,
            f"{state.checked:,}",
            f"{state.failed:,}",
            _expected(state, width),
            "; ".join(state.examples),
        ]
        for state in states
    ]
    print_grid(header, rows, {"checked", "failed"})
    failing = sum(bool(state.failed) for state in states)
    if len(states) > 1:
        told = f"{counted(failing, 'check')} of {len(states)} do not hold" if failing else "all hold"
        print(f"({told})")


def _expected(state: State, width: int | None) -> str:
    text = state.message + (f", found {state.measured}" if state.failed and state.measured else "")
    return text if width is None else shortened(text, width)


def _code(states: list[State], *, strict: bool) -> int:
    bad = any(state.failed and (strict or state.on_fail != "warn") for state in states)
    return exit_code(DataError()) if bad else 0
