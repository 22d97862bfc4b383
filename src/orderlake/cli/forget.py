"""`orderlake forget`: take a person's data out of everything that is stored."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from orderlake.errors import ConfigError, DataError, exit_code
from orderlake.lake import Lake
from orderlake.values import counted, json_text

if TYPE_CHECKING:
    from orderlake.forgetting import Forgot

EXAMPLE: Final = """
orderlake forget --email ada@mail.example --dry-run     # what it would do
orderlake forget --customer 1001 --email ada@mail.example --yes
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Who, and whether to ask."""
    parser.add_argument(
        "--customer", metavar="ID", action="append", default=[], help="a customer's id; may be repeated"
    )
    parser.add_argument(
        "--email",
        metavar="E",
        action="append",
        default=[],
        help="an e-mail address, whatever its case; may be repeated",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Forget, after asking."""
    with Lake(args.project, args.env) as lake:
        if args.dry_run or not args.yes:
            plan = lake.forget(customers=args.customer, emails=args.email, dry_run=True)
            if args.dry_run:
                return _print(plan, as_json=args.json)
            if not _agreed(plan):
                print("nothing was done", file=sys.stderr)
                return exit_code(ConfigError())
        return _print(lake.forget(customers=args.customer, emails=args.email), as_json=args.json)


def _agreed(plan: Forgot) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("there is nobody to ask here: say --yes, or --dry-run to see what would be done")
    print("\n".join(_lines(plan)), file=sys.stderr)
    print("This cannot be undone. Do it? Type yes to go on:", end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


def _print(done: Forgot, *, as_json: bool) -> int:
    print(json_text(done.as_dict()) if as_json else "\n".join(_lines(done)))
    return exit_code(DataError()) if done.left and done.is_done else 0


def _lines(done: Forgot) -> Iterator[str]:
    """What was done, or would be, for people; not of whom."""
    counts, who = done.counts, ", ".join(f"{kind} {each[:12]}…" for kind, each in done.hashes)
    yield f"{'forgotten' if done.is_done else 'would forget'}  {who}"
    verb = "lost" if done.is_done else "would lose"
    yield f"  {counted(counts.raw_records, 'record')} of {counted(counts.raw_files, 'raw file')} {verb} personal data"
    for table, rows in counts.tables.items():
        yield f"  {counted(rows, 'row')} of {table}"
    if counts.quarantine or counts.drops:
        yield f"  {counted(counts.quarantine, 'record')} in quarantine, {counted(counts.drops, 'reason')} of drops"
    gone = "expired" if done.is_done else "would expire: readers of the past lose them"
    files = f", {counted(counts.files_deleted, 'file')} deleted" if done.is_done else ""
    yield f"  {counted(counts.snapshots, 'old snapshot')} {gone}{files}"
    if counts.derived:
        yield f"  {', '.join(counts.derived)} {'removed' if done.is_done else 'would go'}, to be made again"
    yield from (f"  left: {each}" for each in done.left)
    if done.is_done:
        yield f"receipt: {done.receipt}"
