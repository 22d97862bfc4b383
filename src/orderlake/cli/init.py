"""`orderlake init`: make a project folder."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import Final

from orderlake.cli.values import json_text
from orderlake.config import PROJECT_FILE
from orderlake.lake import Lake

EXAMPLE: Final = """
orderlake init shop
orderlake init shop --pipeline orders shopify
"""


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
            return 0
        print(f"Made a project in {root}:" if made else f"{root} is a project already; nothing to make")
        notes = {
            f"pipelines/{pipeline.name}.yaml": _note([t.name for s in pipeline.streams for t in s.tables])
            for pipeline in lake.pipelines
        }
        notes |= {PROJECT_FILE: "settings", "raw/": "drop order files here"}
        for name in made:
            print(f"  {name:<24}{notes.get(name, '')}".rstrip())
        print("\nNext:")
        for step in _next(root, lake):
            print(f"  {step}")
    return 0


def _files(root: Path) -> set[str]:
    known = [root / PROJECT_FILE, *(root / "pipelines").glob("*.yaml")]
    found = {path.relative_to(root).as_posix() for path in known if path.exists()}
    return found | {"raw/"} if (root / "raw").is_dir() else found


def _note(tables: list[str]) -> str:
    shown = ", ".join(tables[:4])
    return f"makes {shown} and {len(tables) - 4} more tables" if len(tables) > 5 else f"makes {', '.join(tables)}"  # noqa: PLR2004


def _next(root: Path, lake: Lake) -> list[str]:
    steps = [] if root.resolve() == Path.cwd() else [f"cd {shlex.quote(os.fspath(root))}"]
    if lake.pipelines:
        first = lake.pipelines[0]
        steps.append(f"orderlake generate {first.name} --out raw     # or put files of your own into raw/")
        steps.append("orderlake run")
        steps.append(f"orderlake query 'SELECT * FROM {first.streams[0].tables[0].name} LIMIT 5'")
    return steps
