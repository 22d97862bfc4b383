"""`orderlake infer`: draft a pipeline from files."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.config import find_project
from orderlake.errors import ConfigError, NotFoundError
from orderlake.lake import Lake
from orderlake.values import counted, json_text

if TYPE_CHECKING:
    from orderlake.infer import Draft

EXAMPLE: Final = """
orderlake infer export.json                     # read the draft
orderlake infer export.json --add               # into pipelines/; then `orderlake run export.json`
orderlake infer sales/*.csv --name sales --out sales.yaml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """From which files, under which name, and where to."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="JSON or CSV in any form, compressed or not")
    parser.add_argument("--name", metavar="NAME", help="the pipeline's name (default: after the files)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", metavar="FILE", default="-", help="write the draft there (default: -, to stdout)")
    where.add_argument("--add", action="store_true", help="add the draft to the project's pipelines")


def run(args: argparse.Namespace) -> int:
    """Draft, and print or write it; what the data leaves open is told on stderr."""
    if args.add:
        with Lake(args.project, "local") as lake:
            draft = lake.infer(args.files, args.name)
            written: Path | None = lake.add(draft)
    else:
        draft = _drafted(args)
        written = None if args.out == "-" else _write(Path(args.out), draft.text)
    if args.json:
        print(json_text(draft.as_dict() | {"file": None if written is None else str(written)}))
    elif written is None:
        print(draft.text, end="")
        _tell(draft)
    else:
        print(f"{written}: {_tables(draft)}")
        _tell(draft)
        if args.add:
            print(f"\nNext:\n  orderlake run {shlex.join(args.files)}")
    return 0


def _drafted(args: argparse.Namespace) -> Draft:
    """A draft beside the project's pipelines; without a project, on its own."""
    try:
        root = Path(args.project) if args.project is not None else find_project(Path.cwd())
    except NotFoundError:
        from orderlake.infer import infer  # noqa: PLC0415 - it is loaded only when it is asked for

        return infer([Path(file) for file in args.files], args.name)
    with Lake(root, "local") as lake:
        return lake.infer(args.files, args.name)


def _write(file: Path, text: str) -> Path:
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ConfigError(f"{os.fspath(file)} is there already: remove it, or name another --out") from None
    return file


def _tables(draft: Draft) -> str:
    tables = [table.name for stream in draft.pipeline.streams for table in stream.tables]
    return f"pipeline {draft.name}, {counted(len(tables), 'table')} ({', '.join(tables)})"


def _tell(draft: Draft) -> None:
    """Say what is to be decided."""
    for remark in draft.remarks:
        print(f"orderlake: {remark}", file=sys.stderr)
    for question in draft.questions:
        print(f"orderlake: ? {question}", file=sys.stderr)
    if draft.broken:
        print(
            f"orderlake: {counted(draft.broken, 'record')} will be set aside: the draft says which, and why",
            file=sys.stderr,
        )
