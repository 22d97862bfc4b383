"""`orderlake build`: build and test the marts with dbt, and publish them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from orderlake.cli.grid import print_grid
from orderlake.cli.progress import Progress
from orderlake.errors import ConfigError
from orderlake.lake import Lake
from orderlake.values import counted, json_text

if TYPE_CHECKING:
    from orderlake.building.report import BuildReport, Step

_ROWS: Final = frozenset({"model", "seed", "snapshot"})
EXAMPLE: Final = """
orderlake build                             # what has changed; nothing when nothing has
orderlake build --select fct_orders+        # a part, in dbt's words
orderlake build --full-refresh --docs
orderlake build --eject                     # copy the models into dbt/, to change them
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to build, and how."""
    parser.add_argument(
        "--select", metavar="NAME", action="append", default=[], help="build only these models, in dbt's words"
    )
    parser.add_argument("--full-refresh", action="store_true", help="build from scratch, whatever has changed")
    parser.add_argument("--docs", action="store_true", help="make dbt's documentation too, as one page")
    parser.add_argument(
        "--eject", action="store_true", help="copy the models that ship into dbt/, to be changed; builds nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Build, telling of each step; 65 when a test fails, and then nothing is published."""
    with Lake(args.project, args.env) as lake:
        if args.eject:
            return _eject(lake, args)
        report = build(lake, args.select, as_json=args.json, full_refresh=args.full_refresh, docs=args.docs)
    if args.json:
        print(json_text(report.as_dict()))
    else:
        _close(report)
    return 0


def build(
    lake: Lake, select: list[str], *, as_json: bool = False, full_refresh: bool = False, docs: bool = False
) -> BuildReport:
    """Build with a line per model on stderr, and per test that did not pass."""
    done: list[Step] = []
    with Progress(lambda: f"building the marts, {_reached(done)}") as progress:

        def on_step(step: Step) -> None:
            done.append(step)
            if not as_json and (step.kind in _ROWS or step.status in {"warned", "failed"}):
                progress.clear()
                print(_line(step), file=sys.stderr, flush=True)

        return lake.build(select, on_step, full_refresh=full_refresh, docs=docs)


def summary(report: BuildReport) -> str:
    """What a build came to, in one line.

    >>> from orderlake.building.report import BuildReport, BuiltMart
    >>> summary(BuildReport("unchanged", "b", [BuiltMart("fct_orders", 3, written=False)]))
    'nothing changed: 1 mart is as it was'
    """
    if report.status == "unchanged":
        return f"nothing changed: {_are(len(report.marts))} as {'it was' if len(report.marts) == 1 else 'they were'}"
    tests = [step.status for step in report.steps if step.kind.endswith("test")]
    warned = f", {tests.count('warned')} warned" if "warned" in tests else ""
    written = sum(mart.written for mart in report.marts)
    return (
        f"published {counted(len(report.marts), 'mart')}, {written} of them new: "
        f"{counted(tests.count('ok'), 'test')} passed{warned}, {report.seconds:.1f} s"
    )


def _are(marts: int) -> str:
    return f"{counted(marts, 'mart')} {'is' if marts == 1 else 'are'}"


def _close(report: BuildReport) -> None:
    if report.status == "published":
        rows = [
            [mart.name, "-" if mart.rows is None else f"{mart.rows:,}", "new" if mart.written else "as before"]
            for mart in report.marts
        ]
        print_grid(["mart", "rows", "file"], rows, {"rows"})
    print(summary(report))
    if report.docs is not None:
        print(f"documentation: {report.docs}")


def _line(step: Step) -> str:
    return f"{step.status:<8} {step.kind} {step.name}  ({step.at} of {step.total}, {step.seconds:.2f} s)"


def _reached(done: list[Step]) -> str:
    return f"{done[-1].at} of {done[-1].total} done" if done else "dbt reads the models"


def _eject(lake: Lake, args: argparse.Namespace) -> int:
    if args.select or args.full_refresh or args.docs:
        raise ConfigError("--eject only copies the models: build them with a second `orderlake build`")
    folder = str(lake.eject_models())
    print(json_text({"models": folder}) if args.json else f"{folder} is what `orderlake build` uses from now on")
    return 0
