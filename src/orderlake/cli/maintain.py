"""`orderlake maintain`: fold small files, expire old snapshots, delete what nothing needs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from orderlake.cli.durations import duration
from orderlake.cli.grid import print_grid
from orderlake.errors import LakeError
from orderlake.lake import Lake
from orderlake.values import counted, json_text, size_text

if TYPE_CHECKING:
    from orderlake.maintain import MaintainReport, TableUpkeep

EXAMPLE: Final = """
orderlake maintain --dry-run
orderlake maintain
orderlake maintain --table orders --snapshot-days 7
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which tables, and how long things stay."""
    parser.add_argument(
        "--table", action="append", default=[], metavar="T", help="this table alone; may be said more than once"
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    parser.add_argument(
        "--orphan-hours",
        type=duration("hours"),
        metavar="N",
        help="delete a file once nothing has needed it for so long (default: 24); no load or query may last longer",
    )
    parser.add_argument(
        "--snapshot-days",
        type=duration("days"),
        metavar="N",
        help="drop snapshots older than that (default: 30), the 10 newest of a table apart",
    )


def run(args: argparse.Namespace) -> int:
    """Print a line per table with something done or waiting."""
    with Lake(args.project, args.env) as lake:
        report = lake.maintain(
            args.table, dry_run=args.dry_run, orphan_hours=args.orphan_hours, snapshot_days=args.snapshot_days
        )
    if args.json:
        print(json_text(report.as_dict()))
        return 0
    rows = [_row(each) for each in report.tables if not each.is_idle]
    if rows:
        header = ["table", "files", "expired snapshots", "deleted files", "waiting files"]
        print_grid(header, rows, set(header[1:]))
        print()
    for line in _lines(report):
        print(line)
    return 0


def after_load(done: MaintainReport | LakeError) -> str:
    """A line on maintenance that followed a load; empty when there was nothing to do."""
    if isinstance(done, LakeError):
        return f"the tables were not looked after: {done}; the next load tries again"
    said = _done(done)
    more = "" if done.is_done else "; there was no time for all of it, the next load goes on"
    return f"tables looked after: {said}{more}" if said or more else ""


def _row(each: TableUpkeep) -> list[str]:
    files = f"{each.files_before:,} → {each.files_after:,}" if each.files_before != each.files_after else ""
    return [
        each.table,
        files or f"{each.files_after:,}",
        f"{each.expired:,}" if each.expired else "-",
        f"{each.deleted:,} ({size_text(each.deleted_bytes)})" if each.deleted else "-",
        f"{each.waiting:,} ({size_text(each.waiting_bytes)})" if each.waiting else "-",
    ]


def _done(report: MaintainReport) -> str:
    deleted = sum(each.deleted for each in report.tables)
    folded = sum(each.files_before - each.files_after for each in report.tables)
    expired = sum(each.expired for each in report.tables)
    done = [
        f"{counted(folded, 'file')} fewer" if folded else "",
        f"{counted(expired, 'snapshot')} dropped" if expired else "",
        f"{counted(deleted, 'file')} deleted" if deleted else "",
    ]
    return ", ".join(each for each in done if each)


def _lines(report: MaintainReport) -> Iterator[str]:
    said, waiting = _done(report), sum(each.waiting for each in report.tables)
    if report.is_dry:
        yield f"dry run, nothing was done: {said or 'nothing to do'}"
    else:
        yield said or "nothing to do"
    if waiting:
        yield f"{counted(waiting, 'file')} that nothing needs any more wait until no load or query can hold them"
    for each in report.tables:
        if each.note:
            yield f"{each.table}: {each.note}"
