"""`orderlake console`: look at the lake in a browser."""

from __future__ import annotations

import argparse
import threading
import webbrowser
from typing import Final

from orderlake.errors import ConfigError, MissingExtraError
from orderlake.lake import Lake
from orderlake.values import json_text

EXAMPLE: Final = """
orderlake console --open              # Ctrl-C ends it
orderlake console --write             # loads what lands in raw/, and mends records from the page
orderlake console --port 8080 --env aws
"""
_PORT: Final = 7373
_LAST_PORT: Final = 65_535


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to serve it, and what it may do."""
    parser.add_argument(
        "--port", metavar="N", type=_port, help=f"serve at this port of 127.0.0.1 (default: {_PORT}, or the next free)"
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    parser.add_argument(
        "--write", action="store_true", help="load what lands in raw/, and let pages fix and replay records"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        from orderlake.console.serve import bind, serve  # noqa: PLC0415 - an optional extra
        from orderlake.console.state import Console  # noqa: PLC0415 - same
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the console needs the extra `console` ({error}): pip install 'orderlake[console]'"
        ) from error
    with Lake(args.project, args.env) as lake:
        if args.write and lake.project.aws is not None:
            raise ConfigError(
                "on AWS the functions load what lands in the bucket, and the console is for looking: leave --write out"
            )
        _ = lake.pipelines  # what is wrong with them is better said here than on every page
        bound = bind(args.port, _PORT)

        def ready(address: str) -> None:
            print(_said(address, lake.project.root.name, args), flush=True)
            if args.open:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        serve(Console(lake, writable=args.write), bound, ready)
    return 0


def _said(address: str, project: str, args: argparse.Namespace) -> str:
    if args.json:
        return json_text({"address": address, "project": project, "write": args.write})
    is_elsewhere = args.port is None and not address.endswith(f":{_PORT}")
    taken = f" (port {_PORT} is taken)" if is_elsewhere else ""
    return f"{project} is at {address}{taken}, {'read and write' if args.write else 'read-only'}; Ctrl-C ends it"


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_LAST_PORT}")
    return number
