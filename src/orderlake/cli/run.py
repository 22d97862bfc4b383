"""`orderlake run`: load these files, or whatever is new under raw/."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Final

from orderlake.cli.account import line, resumed, summary, unloaded
from orderlake.cli.build import build
from orderlake.cli.build import summary as summary_of_build
from orderlake.cli.maintain import after_load
from orderlake.cli.pipe import mute_stdout
from orderlake.cli.progress import Progress
from orderlake.errors import DataError, exit_code
from orderlake.lake import Lake
from orderlake.model.report import LoadReport
from orderlake.values import counted, json_lines

EXAMPLE: Final = """
orderlake run                                  # whatever is new under raw/
orderlake run exports/*.json --pipeline orders
orderlake run --build                          # and then the marts, if anything changed
orderlake run s3://shop-raw/raw/2024/          # on AWS, what lies under this prefix
orderlake run --json | jq '.[] | select(.status == "rejected")'
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to load, and as what."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", help="files, folders or patterns (default: what is new under raw/)"
    )
    parser.add_argument("--build", action="store_true", help="then build the marts, as `orderlake build` does")
    parser.add_argument("--pipeline", metavar="NAME", help="the pipeline to use, when file names do not tell")


def run(args: argparse.Namespace) -> int:
    """Load, and build where that is asked for; 65 when a file was rejected, after the others have loaded."""

    def then(lake: Lake) -> None:
        if args.build:
            built = build(lake, [], as_json=args.json)
            if not args.json:
                _say(summary_of_build(built))

    return load(args, lambda lake, on_report: lake.run(args.paths, args.pipeline, on_report), then)


def load(
    args: argparse.Namespace,
    work: Callable[[Lake, Callable[[LoadReport], None]], object],
    then: Callable[[Lake], None] = lambda _: None,
) -> int:
    """Do the `work` of a load, telling of each file as it is done; 65 when one was rejected. `then` follows it."""
    reports: list[LoadReport] = []
    started = time.perf_counter()
    env = "aws" if args.env is None and any(path.startswith("s3://") for path in args.paths) else args.env
    with (
        Lake(args.project, env) as lake,
        Progress(lambda: f"loading, {counted(len(reports), 'file')} done") as progress,
    ):

        def on_report(report: LoadReport) -> None:
            reports.append(report)
            if not args.json and (args.paths or report.status != "unchanged"):
                progress.clear()
                _say(line(report))

        _listen(lake, progress, is_json=args.json)
        try:
            work(lake, on_report)
        finally:
            progress.clear()
            if args.json:
                _say("\n".join(json_lines(report.as_dict() for report in reports)))
        if not args.json:
            _close(lake, args, reports, time.perf_counter() - started)
        then(lake)
    return exit_code(DataError()) if unloaded(reports) else 0


def _listen(lake: Lake, progress: Progress, *, is_json: bool) -> None:
    """Tell of large files that are resumed, and of maintenance that follows."""

    def tell(text: str) -> None:
        progress.clear()
        if text and not is_json:
            _say(text)

    lake.on_resumed = lambda *found: tell(resumed(*found))
    lake.on_maintained = lambda done: tell(after_load(done))


def _close(lake: Lake, args: argparse.Namespace, reports: list[LoadReport], seconds: float) -> None:
    if not reports:
        where = lake.project.raw if lake.project.aws is None else lake.project.aws.raw
        _say("nothing new: there are no files" + ("" if args.paths else f" in {where}"))
    elif all(report.status == "unchanged" for report in reports):
        _say(f"nothing new: {counted(len(reports), 'file')} loaded already")
    elif len(reports) > 1:
        _say(summary(reports, seconds))
    if any(report.quarantined for report in reports):
        _say("Some records were set aside; `orderlake quarantine list` says which, and why")


def _say(text: str) -> None:
    """Print; a reader who has gone must not stop a load."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        mute_stdout()
