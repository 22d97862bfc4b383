"""`orderlake init`: make a project folder."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from orderlake.config import PROJECT_FILE
from orderlake.generate import FORMATS
from orderlake.lake import Lake
from orderlake.values import json_text

EXAMPLE: Final = """
orderlake init shop
orderlake init shop --pipeline orders shopify
"""
_SHOWN: Final = 3
_FIRST: Final = "orders"
"""The pipeline to begin with, where there is a choice."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where, and with which pipelines."""
    parser.add_argument("folder", metavar="DIR", help="the folder to make; files that are there already stay")
    parser.add_argument(
        "--pipeline",
        dest="pipelines",
        metavar="NAME",
        nargs="+",
        action="extend",
        default=[],
        help="a bundled pipeline to put in (default: all of them)",
    )


def run(args: argparse.Namespace) -> int:
    """Make it, and say what was made and what to type next."""
    root = Path(args.folder)
    before = _files(root)
    with Lake.init(root, args.pipelines) as lake:
        made = sorted(_files(root) - before)
        if args.json:
            names = [pipeline.name for pipeline in lake.pipelines]
            print(json_text({"project": str(lake.project.root), "made": made, "pipelines": names}))
        elif made:
            print(f"Added to the project in {root}:" if PROJECT_FILE in before else f"Made a project in {root}:")
            _tell(made, lake)
            print("\nNext:\n  " + "\n  ".join(_next(root, lake)))
        else:
            print(f"{root} is a project already: nothing to make")
    return 0


def _tell(made: Sequence[str], lake: Lake) -> None:
    notes = {PROJECT_FILE: "settings", "raw/": "drop order files here"}
    for pipeline in lake.pipelines:
        tables = [table.name for stream in pipeline.streams for table in stream.tables]
        shown = ", ".join(tables[:_SHOWN]) + (f" and {len(tables) - _SHOWN} more" if len(tables) > _SHOWN else "")
        notes[f"pipelines/{pipeline.name}.yaml"] = f"makes the tables {shown}"
    for name in made:
        print(f"  {name:<24}{notes.get(name, '')}".rstrip())


def _files(root: Path) -> set[str]:
    known = [root / PROJECT_FILE, *(root / "pipelines").glob("*.yaml")]
    found = {path.relative_to(root).as_posix() for path in known if path.exists()}
    return found | {"raw/"} if (root / "raw").is_dir() else found


def _next(root: Path, lake: Lake) -> list[str]:
    steps = [] if root.resolve() == Path.cwd() else [f"cd {shlex.quote(os.fspath(root))}"]
    first = next((pipeline for pipeline in lake.pipelines if pipeline.name == _FIRST), lake.pipelines[0])
    if first.name in FORMATS:
        steps.append(f"orderlake generate {first.name} --out raw     # or put files of your own into raw/")
    return [*steps, "orderlake run", f"orderlake query 'SELECT * FROM {first.streams[0].tables[0].name} LIMIT 5'"]
