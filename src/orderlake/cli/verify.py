"""`orderlake verify`: prove that every record is accounted for, and every file as it was written."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from orderlake.cli.durations import duration
from orderlake.errors import CheckFailedError, exit_code
from orderlake.lake import Lake
from orderlake.values import counted, json_text

if TYPE_CHECKING:
    from orderlake.verify import Finding, VerifyReport

EXAMPLE: Final = """
orderlake verify
orderlake verify --quick
orderlake verify --json
"""
_SHOWN: Final = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """How much is proven."""
    parser.add_argument(
        "--quick", action="store_true", help="open no data file: histories, metadata, the presence and size of files"
    )
    parser.add_argument(
        "--orphan-hours",
        type=duration("hours"),
        metavar="N",
        help="how old a file that nothing needs is told at (default: 24); no load may last longer",
    )


def run(args: argparse.Namespace) -> int:
    """Print what was proven, or each finding and what to do about it; 65 when there is one."""
    with Lake(args.project, args.env) as lake:
        report = lake.verify(quick=args.quick, orphan_hours=args.orphan_hours)
    if args.json:
        print(json_text(report.as_dict()))
    else:
        print("\n".join(_lines(report)))
    return 0 if report.ok else exit_code(CheckFailedError())


def _lines(report: VerifyReport) -> Iterator[str]:
    if report.ok:
        yield f"ok: {', '.join(_proven(report))}"
    else:
        looked = (
            f"{counted(report.sources, 'source')}, {counted(report.tables, 'table')}, {counted(report.files, 'file')}"
        )
        yield f"{counted(len(report.findings), 'finding')} in {looked}"
    for finding in report.found:
        if not finding.is_harmless:
            yield from _told("wrong", finding)
    for orphan in report.orphans[:_SHOWN]:
        yield from _told("waste", orphan)
    if len(report.orphans) > _SHOWN:
        yield f"waste  {len(report.orphans) - _SHOWN} more orphans: `orderlake verify --json` lists all"


def _told(what: str, finding: Finding) -> Iterator[str]:
    yield f"{what}  {finding.message}"
    yield f"       {finding.remedy}"


def _proven(report: VerifyReport) -> Iterator[str]:
    proven = report.proven
    yield f"{counted(report.sources, 'source')} conserved"
    yield counted(report.records, "record")
    yield counted(report.tables, "table")
    if report.quick:
        yield f"{counted(report.files, 'file')} there"
    elif proven.get("unsealed"):
        yield f"{counted(report.files, 'file')} whole ({proven['unsealed']} from before files were sealed)"
    else:
        yield f"{counted(report.files, 'file')} whole and sealed"
    if proven.get("unique"):
        yield "keys unique"
    if proven.get("agreeing"):
        yield "headers and lines agree"
    if proven.get("twins"):
        yield "plain files equal their tables"
    yield counted(len(report.orphans), "orphan") if report.orphans else "no orphan"
