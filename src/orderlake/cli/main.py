"""`orderlake`: finds the verb, lets it work, and turns whatever goes wrong into a message and an exit code."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final, NoReturn, Protocol, cast

from orderlake import __version__
from orderlake.cli.pipe import mute_stdout
from orderlake.config import ENVIRONMENTS
from orderlake.errors import LakeError, exit_code

VERBS: Final[Mapping[str, str]] = {
    "init": "make a project folder",
    "infer": "draft a pipeline from files of any shape",
    "plan": "show what `run` would do, and write nothing",
    "run": "load new order files into the tables",
    "backfill": "load many or large files, here or on a Spark cluster",
    "watch": "load files as they land in raw/",
    "query": "ask the tables in SQL",
    "export": "write tables for other tools: DuckDB, Parquet, CSV",
    "build": "build, test and publish the marts with dbt",
    "console": "look at the lake in a browser",
    "report": "write the overview as one page to mail or to publish",
    "tables": "list the tables with their rows and sizes",
    "loads": "list what was loaded, when, and how it went",
    "explain": "tell where a record comes from, and why it is as it is",
    "quarantine": "list the records that were set aside, and why; mend, replay or drop them",
    "rollback": "take a load back as if it had never come, or load it again",
    "forget": "take a person's data out of everything that is stored",
    "alerts": "list the alerts that were sent, or try them out",
    "deploy": "put the project on AWS, or take it down",
    "deadletter": "list the events that were set aside on AWS, or send them again",
    "check": "tell which checks do not hold, and for what",
    "verify": "prove that every record is accounted for",
    "maintain": "fold small files, expire old snapshots, delete what nothing needs",
    "doctor": "check this machine and this project",
    "generate": "write sample order files of any size",
    "cost": "estimate a month on AWS, or show what loads did cost",
    "package": "build the zip of the Lambda functions",
}
"""Each verb is the module of its name beside this one, imported when it is asked for."""

_USAGE_EXIT: Final = 2
_INTERRUPTED_EXIT: Final = 130
_STOPPED: Final = "Query interrupted"
"""What Ctrl-C is called by the engine, when it was at work."""
_GUIDE: Final = """\
Order files in, exact and queryable tables out.

verbs:
{verbs}

Without --project, a verb works on the nearest project upward from here. `orderlake VERB --help` tells more.
Exit codes: 0 done, 2 usage, 65 bad data, 66 not found, 70 internal, 75 try again, 78 configuration.

example:
  orderlake init shop
  cd shop
  orderlake generate orders --out raw
  orderlake run
  orderlake query 'SELECT count(*), sum(total_amount) FROM orders'
"""


class UsageError(Exception):
    """The command line cannot be understood."""


class Verb(Protocol):
    """What a verb's module offers."""

    EXAMPLE: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's own arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it and give the exit code; raises LakeError."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage().rstrip()}\nMore: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code; nothing is raised."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name may hold bytes that are no text
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except BrokenPipeError:
        mute_stdout()
        return 0
    except SystemExit as done:  # argparse, once it has shown help or the version
        return int(done.code or 0)
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the entry point: nothing may pass unsaid
        return _complain(error, as_json="--json" in words)
    return code


def parser_of(verb: str) -> tuple[argparse.ArgumentParser, Verb]:
    """The parser of one verb, and its module."""
    module = cast("Verb", import_module(f"orderlake.cli.{verb}"))
    parser = _Parser(
        prog=f"orderlake {verb}",
        description=f"{VERBS[verb][0].upper()}{VERBS[verb][1:]}.",
        epilog="example:\n" + "\n".join(f"  {line}" for line in module.EXAMPLE.strip().splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.arguments(parser)
    _common(parser)
    return parser, module


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", metavar="DIR", help="the project folder (default: the nearest one upward)")
    parser.add_argument(
        "--env",
        choices=ENVIRONMENTS,
        help="the lake in folders (local), or the deployed one (aws); or set ORDERLAKE_ENV",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, errors too (on stderr)")


def _dispatch(words: list[str]) -> int:
    at = _verb_at(words)
    if at is None:
        return _without_verb(words)
    verb, rest = words[at], words[:at] + words[at + 1 :]
    if verb not in VERBS:
        near = import_module("difflib").get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean `orderlake {near[0]}`?" if near else "`orderlake --help` lists the verbs"
        raise UsageError(f"there is no verb {verb!r}: {hint}")
    parser, module = parser_of(verb)
    return module.run(parser.parse_intermixed_args(rest))


def _verb_at(words: list[str]) -> int | None:
    """Where the first word stands that is no option; options before the verb mean the same as after it."""
    value_next = False
    for at, word in enumerate(words):
        if not value_next and not word.startswith("-"):
            return at
        value_next = word in {"--project", "--env"}
    return None


def _without_verb(words: list[str]) -> int:
    parser = _Parser(
        prog="orderlake",
        usage="orderlake [--project DIR] [--env local|aws] [--json] VERB ...",
        description=_GUIDE.format(verbs="\n".join(f"  {verb:<11} {summary}" for verb, summary in VERBS.items())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _common(parser)
    parser.add_argument("--version", action="version", version=f"orderlake {__version__}")
    parser.parse_args(words)
    if words:
        raise UsageError("say what to do: `orderlake --help` lists the verbs")
    parser.print_help()
    return 0


def _complain(error: BaseException, *, as_json: bool) -> int:
    """Say on stderr what went wrong, and give its exit code."""
    kind, message, code = type(error).__name__, str(error), exit_code(error)
    if isinstance(error, KeyboardInterrupt) or str(error) == _STOPPED:
        message, code = "interrupted; what was loaded stays, and the same command goes on from there", _INTERRUPTED_EXIT
    elif isinstance(error, UsageError):
        code = _USAGE_EXIT
    elif isinstance(error, OSError) and error.filename is not None:
        message = f"{error.filename}: {error.strerror}"
    elif not isinstance(error, LakeError | OSError):
        sys.excepthook(type(error), error, error.__traceback__)
        message = f"this is a bug in orderlake: {kind}: {message}"
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        mute_stdout()
    text = json.dumps({"error": kind, "message": message}, ensure_ascii=False) if as_json else f"orderlake: {message}"
    print(text, file=sys.stderr)
    return code
