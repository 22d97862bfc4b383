"""`orderlake rollback`: take a load back, as if it had never come; and back again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from orderlake.cli.account import line, unloaded
from orderlake.errors import ConfigError, DataError, exit_code
from orderlake.lake import Lake
from orderlake.rollback import Wish
from orderlake.values import counted, json_lines, json_text

if TYPE_CHECKING:
    from orderlake.rollback.rollback import RolledBack

EXAMPLE: Final = """
orderlake rollback last --dry-run              # what it would do
orderlake rollback 5f2c1a --yes                # a load by the beginning of its id, as `loads` has it
orderlake rollback 5f2c1a --source raw/orders_2024-03.json --from backup/
orderlake rollback 5f2c1a --undo               # load it again
"""
_NAMED: Final = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which load, and how."""
    parser.add_argument("load", metavar="LOAD", help="a load's id as `orderlake loads` has it, its beginning, or last")
    parser.add_argument(
        "--source", metavar="FILE", action="append", default=[], help="only this file of the load; may be repeated"
    )
    parser.add_argument(
        "--from",
        metavar="PATH",
        dest="kept",
        action="append",
        default=[],
        help="where earlier versions of files are kept, to read again what the load took over",
    )
    parser.add_argument(
        "--without",
        metavar="FILE",
        action="append",
        default=[],
        help="go on although this file cannot be read again: what only it holds does not come back",
    )
    parser.add_argument("--undo", action="store_true", help="load again what was rolled back")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Roll back, after asking; or load again what was rolled back."""
    with Lake(args.project, args.env) as lake:
        if args.undo:
            return _undo(lake, args)
        wish = Wish(args.load, args.source, args.kept, args.without, dry_run=True)
        if args.dry_run or not args.yes:
            plan = lake.rollback(wish)
            if args.dry_run:
                _print(plan, as_json=args.json)
                return 0
            if not _agreed(plan):
                print("nothing was done", file=sys.stderr)
                return exit_code(ConfigError())
            wish = replace(wish, load=plan.loads[0])
        _print(lake.rollback(replace(wish, dry_run=False)), as_json=args.json)
    return 0


def _undo(lake: Lake, args: argparse.Namespace) -> int:
    if args.dry_run or args.kept or args.without:
        raise ConfigError("--undo loads files again from where they lie: leave --dry-run, --from and --without out")
    reports = lake.restore(args.load, args.source)
    for text in json_lines(report.as_dict() for report in reports) if args.json else map(line, reports):
        print(text)
    return exit_code(DataError()) if unloaded(reports) else 0


def _agreed(plan: RolledBack) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("there is nobody to ask here: say --yes, or --dry-run to see what would be done")
    print("\n".join(_lines(plan)), file=sys.stderr)
    print("Do this? Type yes to go on:", end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


def _print(done: RolledBack, *, as_json: bool) -> None:
    print(json_text(done.as_dict()) if as_json else "\n".join(_lines(done)))


def _lines(done: RolledBack) -> list[str]:
    """What was done, or would be, for people."""
    verbs = (
        ("rolled back", "removed", "put back") if done.is_done else ("would roll back", "would go", "would come back")
    )
    lines = [f"{verbs[0]}  load {done.loads[0]}: {_files(done.sources)}"]
    lines.append(f"  {counted(done.removed, 'record')} {verbs[1]}")
    lines += [f"  {counted(count, 'record')} of {uri} {verbs[2]}" for uri, count in sorted(done.restored.items())]
    if done.set_aside:
        closed = "closed" if done.is_done else "would be closed"
        lines.append(f"  {counted(done.set_aside, 'record')} in quarantine {closed}")
    if done.lost:
        lines.append(
            f"  without {_files(done.lost)}: what only {'it holds' if len(done.lost) == 1 else 'they hold'} is lost"
        )
    if done.is_done:
        lines.append(f"`orderlake rollback {done.loads[0][:12]} --undo` loads it again")
    return lines


def _files(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
