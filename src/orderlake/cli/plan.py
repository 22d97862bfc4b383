"""`orderlake plan`: show what `run` would do, and write nothing."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.cli.account import line, summary
from orderlake.cli.grid import grid, shortened
from orderlake.cli.progress import Progress
from orderlake.config import find_project, in_environment, load_project
from orderlake.errors import DataError, exit_code
from orderlake.lake import Lake
from orderlake.model.check import complaint
from orderlake.values import counted, json_text, size_text

if TYPE_CHECKING:
    from orderlake.plan import FilePlan, Plan, Setback, TablePlan

EXAMPLE: Final = """
orderlake plan                                  # whatever is new under raw/
orderlake plan corrections.json && orderlake run corrections.json
orderlake plan exports/*.csv --json | jq '.tables'
"""
_WIDTH: Final = 80
_NAMED: Final = 12
_LABEL: Final = 14


def arguments(parser: argparse.ArgumentParser) -> None:
    """What would be loaded, and as what."""
    parser.description = (
        "Show what `run` would do with files: which tables they go to, which records are new, changed, unchanged or "
        "superseded, and which would be set aside. It does all that `run` does, in a temporary folder that is removed "
        "(TMPDIR says where). Exit code 65 when a file would be rejected or a record set aside; what a check warns of "
        "is shown, and no obstacle."
    )
    parser.add_argument(
        "paths", metavar="FILE", nargs="*", help="files, folders or patterns (default: what is new under raw/)"
    )
    parser.add_argument("--pipeline", metavar="NAME", help="the pipeline to use, when file names do not tell")


def run(args: argparse.Namespace) -> int:
    """Plan, and print the plan; 65 when not every record would load."""
    env = "aws" if args.env is None and any(path.startswith("s3://") for path in args.paths) else args.env
    root = find_project(Path.cwd()) if args.project is None else Path(args.project)
    project = in_environment(load_project(root, is_kept=False), env)
    with Lake.of(project) as lake, Progress(lambda: "planning"):
        plan = lake.plan(args.paths, args.pipeline)
    if args.json:
        print(json_text(plan.as_dict()))
    else:
        where = project.raw if project.aws is None else project.aws.raw
        print("\n".join(_text(plan, "" if args.paths else f" in {where}", all_files=bool(args.paths))))
    return 0 if plan.is_clean else exit_code(DataError())


def _text(plan: Plan, where: str, *, all_files: bool) -> Iterator[str]:
    if not plan.files:
        yield f"nothing new: there are no files{where}"
        return
    shown = [file for file in plan.files if file.report.status != "unchanged"]
    if not shown:
        yield f"nothing new: {counted(len(plan.files), 'file')} loaded already"
        return
    for file in shown:
        yield from _file(file)
        yield ""
    if plan.tables:
        yield from _tables(plan.tables)
        yield ""
    yield "`orderlake run` would print:"
    for file in plan.files if all_files else shown:
        yield textwrap.indent(line(file.report), "  ")
    if len(plan.files) > 1:
        yield f"  {summary(plan.reports, plan.seconds)}"
    yield ""
    yield "Nothing was written."


def _file(file: FilePlan) -> Iterator[str]:
    report = file.report
    if report.status == "rejected":
        yield f"{report.source} would be rejected"
        yield from _item("why", report.reason or "it cannot be read")
        return
    to = report.pipeline if report.stream in ("", report.pipeline) else f"{report.pipeline}.{report.stream}"
    yield f"{report.source} → {to}, {size_text(report.bytes)}, {counted(report.read, 'record')}"
    for fate, count in _fates(file).items():
        if count:
            yield from _item(f"{count:,} {fate}", _examples(file, fate, count))
    for setback in file.setbacks:
        yield from _item("", _setback(setback))
    others = report.quarantined - sum(setback.count for setback in file.setbacks)
    if file.setbacks and others:
        yield from _item("", f"{others:,} × for other reasons, rarer or as rare")
    if not file.is_keyed and report.replaced:
        yield from _item("replaces", f"the {counted(sum(report.replaced.values()), 'record')} of its version before")
    yield from _schema(file)
    for check in file.failing:
        yield from _item("check", _check(check))


def _fates(file: FilePlan) -> dict[str, int]:
    report = file.report
    return {
        "new": file.new,
        "changed": file.changed,
        "unchanged": report.duplicate,
        "superseded": report.superseded,
        "set aside": report.quarantined,
    }


def _examples(file: FilePlan, fate: str, count: int) -> str:
    """Keys; of changed ones, what changes."""
    keys = file.examples.get(fate, ())
    more = ", …" if count > len(keys) else ""
    if fate == "changed" and file.differences:
        parts = [f"{key}: {', '.join(said) or 'the same rows, anew'}" for key, said in file.differences.items()]
        return "; ".join(parts) + ("; …" if count > len(parts) else "")
    return f"{', '.join(f'({key})' if ', ' in key else key for key in keys)}{more}" if keys else ""


def _setback(setback: Setback) -> str:
    where = ", ".join(map(str, setback.lines)) + (", …" if setback.count > len(setback.lines) else "")
    verb = "dropped: " if setback.action == "drop" else ""
    lines = "lines" if len(setback.lines) > 1 else "line"
    return f"{setback.count:,} × {verb}{complaint(setback.field, setback.reason)} ({lines} {where})"


def _schema(file: FilePlan) -> Iterator[str]:
    looked = "" if file.looked is None else f", in its first {file.looked:,} records"
    if file.undeclared:
        yield from _item("not declared", f"{_named(file.undeclared)}{looked}")
    if file.absent:
        yield from _item("not there", f"{_named(file.absent)}{looked}")
    for change in file.report.changes:
        yield from _item("new here", change)


def _named(fields: Sequence[str]) -> str:
    more = len(fields) - _NAMED
    shown = [shortened(each, 40) for each in fields[:_NAMED]]
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def _check(check: Mapping[str, Any]) -> str:
    of = f" of {check['checked']:,}" if check["checked"] > 1 else ""
    what = check["message"] or check["measured"] or check["kind"]
    fate = {"warn": "a warning", "quarantine": "set aside", "drop": "dropped", "fail": "the file is rejected"}
    return f"{check['table']}.{check['name']}: {check['failed']:,}{of} fail, {fate[check['on_fail']]} ({what})"


def _item(label: str, text: str) -> Iterable[str]:
    """A label and its text, which goes on below itself."""
    head = f"  {label:<{_LABEL}}"
    return textwrap.wrap(
        f"{head}{text}".rstrip(),
        _WIDTH,
        subsequent_indent=" " * (_LABEL + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _tables(tables: Sequence[TablePlan]) -> Iterator[str]:
    header = ["table", "rows now", "written", "rows then", "bytes now", "bytes then"]
    rows = [
        [
            table.name,
            "" if table.rows is None else f"{table.rows:,}",
            f"{table.added:,}",
            "" if table.rows_then is None else f"{table.rows_then:,}",
            size_text(table.bytes),
            size_text(table.bytes_then),
        ]
        for table in tables
    ]
    yield from grid(header, rows, set(header[1:]), _WIDTH)
