"""`orderlake deadletter`: list the events that were set aside, and send them to the ingest queue again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.cli.grid import print_grid
from orderlake.config import find_project, in_environment, load_project
from orderlake.errors import ConfigError
from orderlake.values import counted, json_lines, json_text

if TYPE_CHECKING:
    from orderlake.aws.deadletter import DeadLetter, DeadLetters, Redriven

EXAMPLE: Final = """
orderlake deadletter list
orderlake deadletter redrive --id 5fea7756-0ea4-451a-a703-a558b933e274
orderlake deadletter redrive --all --dry-run
"""
_MOST: Final = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which messages."""
    parser.description = (
        "Events that failed so often that SQS set them aside. Records that were set aside are in `quarantine`, "
        "files that cannot be read are in `loads --status rejected`."
    )
    parser.add_argument("action", choices=("list", "redrive"), nargs="?", default="list", help="list is the default")
    parser.add_argument("--id", metavar="ID", nargs="+", action="extend", help="redrive these messages")
    parser.add_argument("--all", action="store_true", help="redrive all messages")
    parser.add_argument("--dry-run", action="store_true", help="only say how many would be sent")
    parser.add_argument(
        "--limit", metavar="N", type=int, default=_MOST, help=f"look at no more than N (default: {_MOST})"
    )


def run(args: argparse.Namespace) -> int:
    """List or redrive; all that is not sent stays where it is."""
    if args.action == "redrive" and bool(args.id) == args.all:
        raise ConfigError("say which messages to send again: --id ID… or --all; `orderlake deadletter` lists them")
    from orderlake.aws.deadletter import DeadLetters  # noqa: PLC0415 - an optional extra
    from orderlake.aws.settings import DeployedLake  # noqa: PLC0415 - same

    root = find_project(Path.cwd()) if args.project is None else Path(args.project)
    project = in_environment(load_project(root), "aws")
    if project.aws is None:
        raise ConfigError(f"{root} is not deployed")
    lake = DeployedLake(project)
    try:
        letters = DeadLetters(project.aws, lake)
        return _list(letters, args) if args.action == "list" else _redrive(letters, args)
    finally:
        lake.close()


def _list(letters: DeadLetters, args: argparse.Namespace) -> int:
    found = letters.list(max(1, args.limit))
    if args.json:
        for line in json_lines(letter.as_dict() for letter in found):
            print(line)
    elif found:
        print_grid(
            ["sent (UTC)", "received", "id", "objects", "reason"], [_row(letter) for letter in found], {"received"}
        )
        print(f"({counted(len(found), 'dead letter')}; --json shows them whole)")
    else:
        print("no event was set aside")
    return 0


def _row(letter: DeadLetter) -> Sequence[str]:
    return [
        letter.sent[:19].replace("T", " "),
        f"{letter.receives:,}",
        letter.id,
        ", ".join(letter.objects),
        "; ".join(_brief(reason, letter.objects) for reason in letter.reasons),
    ]


def _brief(reason: str, objects: Sequence[str]) -> str:
    """A reason beside the only object that it can be about."""
    return reason.removeprefix(f"{objects[0]}: ") if len(objects) == 1 else reason


def _redrive(letters: DeadLetters, args: argparse.Namespace) -> int:
    found = letters.redrive(args.id, most=max(1, args.limit), dry_run=args.dry_run)
    if args.json:
        print(json_text({
            "messages": found.messages, "in_progress": found.in_progress,
            "missing": list(found.missing), "dry_run": args.dry_run,
        }))  # fmt: skip
    else:
        print(_said(found, dry_run=args.dry_run))
    return 0 if not found.missing else 66


def _said(found: Redriven, *, dry_run: bool) -> str:
    messages = counted(found.messages, "message")
    if dry_run:
        text = f"{messages} would be sent to the ingest queue again"
    elif found.in_progress:
        text = f"SQS moves about {messages} to the ingest queue"
    else:
        text = f"{messages} sent to the ingest queue again"
    return text if not found.missing else f"{text}; not found: {', '.join(found.missing)}"
