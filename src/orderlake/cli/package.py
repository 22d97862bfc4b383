"""`orderlake package`: build the zip of the Lambda functions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from orderlake.cli.grid import print_grid
from orderlake.deploy.package import Package, build
from orderlake.deploy.wheels import MACHINES, Target
from orderlake.values import json_text, size_text

EXAMPLE: Final = """
orderlake package
orderlake package --arch x86_64 --out orderlake.zip --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to build and where."""
    parser.add_argument("--arch", choices=sorted(MACHINES), default="arm64", help="the functions' architecture")
    parser.add_argument("--python", default="3.12", metavar="X.Y", help="their version of Python (default: 3.12)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: orderlake-lambda-ARCH.zip here")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="take the wheels from this folder, without network")


def run(args: argparse.Namespace) -> int:
    """Build it and print its parts by size."""
    out = Path(f"orderlake-lambda-{args.arch}.zip") if args.out is None else args.out
    package = build(out, Target(args.arch, args.python), args.wheels)
    if args.json:
        print(json_text(as_dict(package)))
        return 0
    rows = [(part.name, part.version, size_text(part.zipped), size_text(part.unzipped)) for part in package.parts]
    rows.append(("total", "", size_text(package.zipped), size_text(package.unzipped)))
    print_grid(("part", "version", "zipped", "unzipped"), rows, {"zipped", "unzipped"})
    print(f"\n{package.path}  sha256 {package.sha256}")
    if package.advice:
        print(package.advice)
    return 0


def as_dict(package: Package) -> dict[str, object]:
    """The package as JSON has it."""
    return {
        "path": str(package.path),
        "architecture": package.target.architecture,
        "python": package.target.python,
        "sha256": package.sha256,
        "zipped": package.zipped,
        "unzipped": package.unzipped,
        "bytecode": package.bytecode,
        "parts": [
            {"name": part.name, "version": part.version, "zipped": part.zipped, "unzipped": part.unzipped}
            for part in package.parts
        ],
    }
