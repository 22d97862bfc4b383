"""`orderlake verify`: prove that every record is accounted for."""

from __future__ import annotations

import argparse
from typing import Final

from orderlake.errors import CheckFailedError, exit_code
from orderlake.lake import Lake
from orderlake.values import counted, json_text

EXAMPLE: Final = """
orderlake verify
orderlake verify --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to choose."""


def run(args: argparse.Namespace) -> int:
    """Print ok with what was counted, or each finding; 65 when there is one."""
    with Lake(args.project, args.env) as lake:
        report = lake.verify()
    if args.json:
        print(json_text(report.as_dict()))
    elif report.ok:
        counts = [
            counted(value, name.removesuffix("s")) for name, value in report.as_dict().items() if type(value) is int
        ]
        print("ok" + (f": {', '.join(counts)}" if counts else ""))
    else:
        for finding in report.findings:
            print(f"wrong  {finding}")
    return 0 if report.ok else exit_code(CheckFailedError())
