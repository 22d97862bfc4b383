"""`orderlake quarantine`: the records that were set aside: listed, shown, written out to be mended, loaded, closed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from orderlake.cli.set_aside import print_list, print_mending, print_one
from orderlake.errors import ConfigError, DataError, NotFoundError, exit_code
from orderlake.lake import Lake
from orderlake.mending import STATUSES, Mended, Which
from orderlake.values import counted, json_lines, json_text

EXAMPLE: Final = """
orderlake quarantine list
orderlake quarantine show e2dd9b3bab19-7
orderlake quarantine export mend.ndjson           # edit the records in it, then:
orderlake quarantine fix mend.ndjson
orderlake quarantine replay --source 2024-03      # as they are, once the pipeline takes them
orderlake quarantine drop e2dd9b3bab19-7 --reason 'a test order'
orderlake quarantine fix --source raw/orders.json --position 7 --record mended.json
"""
_ACTIONS: Final = ("list", "show", "export", "fix", "replay", "drop")
_FILTERS: Final = ("status", "source", "reason", "matching", "position", "limit")
_TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "list": _FILTERS,
    "show": ("source", "position"),
    "export": (*_FILTERS, "force"),
    "fix": ("source", "position", "record"),
    "replay": _FILTERS,
    "drop": (*_FILTERS, "yes"),
}
"""The options that each action has a use for."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with which records."""
    parser.add_argument(
        "action",
        choices=_ACTIONS,
        nargs="?",
        default="list",
        help="list them (the default), show one whole, export them to a file, load those of a mended file (fix), "
        "load them as they are (replay), close them without loading (drop)",
    )
    parser.add_argument(
        "what", nargs="*", metavar="ID|FILE", help="export, fix: the file, - for standard output or input; else ids"
    )
    parser.add_argument(
        "--status", choices=(*STATUSES, "all"), help="only those that are so (default: open; of those named, all)"
    )
    parser.add_argument("--source", metavar="TEXT", help="only sources whose name holds this text; for one, its name")
    parser.add_argument("--position", metavar="N", type=int, help="with --source NAME: the one record there, from 1")
    parser.add_argument("--reason", metavar="TEXT", help="only reasons that hold this text; drop: why you drop them")
    parser.add_argument("--matching", metavar="TEXT", help="drop: only reasons that hold this text")
    parser.add_argument("--limit", metavar="N", type=int, help="only the last N")
    parser.add_argument("--record", metavar="FILE", help="fix one: the file that holds the record alone; - reads it")
    parser.add_argument("--force", action="store_true", default=None, help="export: replace the file")
    parser.add_argument("--yes", action="store_true", default=None, help="drop: do not ask")


def run(args: argparse.Namespace) -> int:
    """Do it; 65 when a record was set aside again, or could not be tried."""
    strange = [name for name in (*_FILTERS, "record", "force", "yes") if name not in _TAKES[args.action]]
    for name in strange:
        if getattr(args, name) is not None:
            raise ConfigError(f"`quarantine {args.action}` has no use for --{name}")
    if args.position is not None and args.source is None:
        raise ConfigError("--position is the place in a file: name it with --source, as `quarantine list` has it")
    actions: Mapping[str, Callable[[Lake, argparse.Namespace], int]] = {
        "list": _list, "show": _show, "export": _export, "fix": _fix, "replay": _replay, "drop": _drop,
    }  # fmt: skip
    with Lake(args.project, args.env) as lake:
        return actions[args.action](lake, args)


def _which(args: argparse.Namespace, ids: list[str]) -> Which:
    reason = args.matching or ("" if args.action == "drop" else args.reason) or ""
    is_named = bool(ids) or args.position is not None
    status = args.status or ("all" if is_named else "open")
    return Which(
        tuple(ids), "" if status == "all" else status, args.source or "", reason, args.position, limit=args.limit
    )


def _list(lake: Lake, args: argparse.Namespace) -> int:
    which = _which(args, args.what)
    found = lake.quarantine(which=which)
    if args.json:
        for line in json_lines(found):
            print(line)
        return 0
    others: Mapping[str, int] = {}
    if which.status:
        from dataclasses import replace  # noqa: PLC0415 - for people only

        counts = lake.quarantine_counts(replace(which, status="", limit=None))
        others = {status: count for status, count in counts.items() if status != which.status}
    print_list(found, others, "" if args.source is None else f" from a source like {args.source}", which.status)
    return 0


def _show(lake: Lake, args: argparse.Namespace) -> int:
    if len(args.what) == 1 and args.source is None:
        key = args.what[0]
    elif not args.what and args.position is not None:
        key = _one(lake, args)
    else:
        raise ConfigError("say which record to show: its id, as `quarantine list` has it")
    record, tries = lake.quarantined(key)
    if args.json:
        print(json_text({**record, "tries": [each.as_dict() for each in tries]}))
    else:
        print_one(record, tries)
    return 0


def _export(lake: Lake, args: argparse.Namespace) -> int:
    if not args.what:
        raise ConfigError("say which file to write: quarantine export FILE, - for standard output")
    file, *ids = args.what
    count = lake.export_quarantine(file, _which(args, ids), force=bool(args.force))
    said = sys.stderr if file == "-" else sys.stdout
    if args.json:
        print(json_text({"file": file, "records": count}), file=said)
    else:
        then = f": mend them there, then `orderlake quarantine fix {file}`" if count and file != "-" else ""
        print(f"{file}  {counted(count, 'record')}{then}", file=said)
    return 0


def _fix(lake: Lake, args: argparse.Namespace) -> int:
    if args.record is None and args.source is None and len(args.what) == 1:
        done = lake.fix_file(args.what[0])
        if args.json:
            print(json_text(done.as_dict()))
        elif done.records:
            print_mending(done)
        else:
            print(f"{args.what[0]} has no record in it")
        return 0 if done.ok else exit_code(DataError())
    if args.record is None:
        raise ConfigError(
            "say which file holds the records as they should be: quarantine fix FILE, as `quarantine export` writes "
            "it; or for one, its id and --record FILE (- reads it)"
        )
    if len(args.what) != 1 and args.position is None:
        raise ConfigError("say which record to fix: its id, or --source NAME --position N, as `quarantine list` has it")
    record, _ = lake.quarantined(args.what[0] if args.what else _one(lake, args))
    return _told(lake.fix(record["source"], record["position"], _text(args.record), record["version"]), args)


def _replay(lake: Lake, args: argparse.Namespace) -> int:
    if not args.what and args.position is not None:
        record, _ = lake.quarantined(_one(lake, args))
        return _told(lake.replay(record["source"], record["position"], record["version"]), args)
    done = lake.replay_all(_which(args, args.what))
    if args.json:
        print(json_text(done.as_dict()))
    else:
        print_mending(done)
    return 0 if done.ok else exit_code(DataError())


def _drop(lake: Lake, args: argparse.Namespace) -> int:
    is_meant = args.what or args.position is not None or args.source or args.matching or args.status
    if not is_meant:
        raise ConfigError(
            "say which records to drop: their ids, or --source, --matching, --status open for all that are open"
        )
    if not (args.reason or "").strip():
        raise ConfigError('say why: --reason "…"; it stays with the record')
    which = _which(args, args.what)
    found = lake.quarantine(which=which)
    still = [each["id"] for each in found if each["status"] == "open"]
    if len(still) > 1 and not args.yes:
        _confirm(f"close {counted(len(still), 'record')} without loading them?")
    done = lake.drop(Which(ids=tuple(args.what or still)) if args.what or still else which, args.reason)
    if args.json:
        print(json_text(done.as_dict()))
    else:
        before = f"; {len(done.closed):,} closed before" if done.closed else ""
        print(f"{counted(len(done.dropped), 'record')} dropped{before}")
    return 0


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} There is nobody to ask here: say --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ConfigError("nothing was dropped")


def _one(lake: Lake, args: argparse.Namespace) -> str:
    """The id of the record at --source and --position: of several versions of that file, the newest."""
    found = lake.quarantine(which=Which(source=args.source, position=args.position))
    if not found:
        raise NotFoundError(
            f"there is no record {args.position} of {args.source} in quarantine; "
            "`orderlake quarantine list --status all` shows what is"
        )
    return max(found, key=lambda each: each["version"])["id"]


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {file}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not valid UTF-8: {error.reason} at byte {error.start + 1}") from None


def _told(mended: Mended, args: argparse.Namespace) -> int:
    if args.json:
        print(json_text(mended.as_dict()))
    else:
        print(f"record {mended.position} of {mended.source}: {mended.said}")
    return 0 if mended.is_closed else exit_code(DataError())
