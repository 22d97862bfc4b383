"""`orderlake backfill`: load many or large files, here or on a Spark cluster."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from orderlake.cli.run import load
from orderlake.errors import ConfigError
from orderlake.lake import Lake
from orderlake.model.report import LoadReport

EXAMPLE: Final = """
orderlake backfill history/
orderlake backfill history/ --runner spark                            # on all cores of this machine
orderlake backfill history/ --runner spark --master spark://host:7077
orderlake backfill s3://shop-raw/raw/2019/ --runner spark --master yarn --conf spark.executor.instances=8
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to load, as what, and where the work is done."""
    parser.add_argument("paths", metavar="PATH", nargs="+", help="files, folders or patterns")
    parser.add_argument("--pipeline", metavar="NAME", help="the pipeline to use, when file names do not tell")
    parser.add_argument(
        "--runner", choices=("local", "spark"), default="local", help="who does the work (default: local, as `run`)"
    )
    parser.add_argument(
        "--master",
        metavar="URL",
        help="the Spark cluster (default: the one this was submitted to, or all cores of this machine)",
    )
    parser.add_argument(
        "--conf", metavar="KEY=VALUE", action="append", default=[], help="a setting of Spark's; may be said again"
    )


def run(args: argparse.Namespace) -> int:
    """Load, telling of each file as it is done; 65 when one was rejected, after the others have loaded."""
    if args.runner == "local" and (args.master or args.conf):
        raise ConfigError("--master and --conf are for Spark: say --runner spark too")
    conf = dict(_setting(text) for text in args.conf)

    def work(lake: Lake, on_report: Callable[[LoadReport], None]) -> object:
        on = {"runner": args.runner, "master": args.master, "conf": conf}
        return lake.backfill(args.paths, args.pipeline, on_report, **on)

    return load(args, work)


def _setting(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not key:
        raise ConfigError(f"--conf takes KEY=VALUE, such as spark.executor.memory=2g, not {text!r}")
    return key, value
