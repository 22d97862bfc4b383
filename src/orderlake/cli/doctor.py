"""`orderlake doctor`: check this machine and this project."""

from __future__ import annotations

import argparse
from typing import Final

from orderlake.doctor import examine
from orderlake.errors import ConfigError, exit_code
from orderlake.values import json_lines

EXAMPLE: Final = """
orderlake doctor
orderlake doctor --env aws
orderlake doctor --json | jq '.[] | select(.status != "ok")'
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to choose."""


def run(args: argparse.Namespace) -> int:
    """Print a line per check; 78 when one failed."""
    checks = examine(args.project, args.env)
    if args.json:
        for line in json_lines(check.as_dict() for check in checks):
            print(line)
    else:
        for check in checks:
            print(f"{check.status:<4}  {check.message}")
            if check.remedy:
                print(f"      {check.remedy}")
    return exit_code(ConfigError()) if any(check.status == "fail" for check in checks) else 0
