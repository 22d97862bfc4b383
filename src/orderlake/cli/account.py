"""A load report as a line: what became of a file and of each of its records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_args

from orderlake.model.report import FATES, LoadReport, Status, added
from orderlake.model.source import SourceObject
from orderlake.values import counted

_SHOWN: Final = 3
"""Examples of a failure that a line has room for."""


def line(report: LoadReport) -> str:
    """One line for one file; more where its load changed columns, or a check does not hold."""
    head = f"{report.status:<9}  {report.source}"
    if report.status == "rejected":
        return f"{head}  {report.reason or 'it cannot be read'}"
    if report.status == "unchanged":
        if report.reason is not None:
            return f"{head}  {report.reason}"
        return f"{head}  loaded already on {report.at[:16].replace('T', ' ')} UTC"
    done = f"{head}  {_records(report)}  ({_tables(report.tables)}{report.seconds:.2f} s)"
    more = [f"new here: {'; '.join(report.changes)}"] if report.changes else []
    return "\n".join([done, *(f"{'':<9}  {each}" for each in [*more, *failures(report)])])


def resumed(source: SourceObject, before: int, parts: int) -> str:
    """One line for a large file whose load was broken off before, and goes on."""
    return f"{'resumed':<9}  {source.uri}  {before:,} of {parts:,} parts were staged before"


def failures(report: LoadReport) -> list[str]:
    """A line for each check that does not hold: how many rows, what is expected, and where the first of them are.

    What a check has set aside stands in quarantine with its reason, and is not said once more.
    """
    failed = [check for check in report.checks if check["failed"] and check["on_fail"] in ("warn", "fail")]
    return [f"check {check['table']}.{check['name']}: {_failure(check)}" for check in failed]


def _failure(check: Mapping[str, Any]) -> str:
    found = f", found {check['measured']}" if check["measured"] else ""
    rows = "" if check["measured"] else f" ({check['failed']:,} of {check['checked']:,})"
    where = ", ".join(str(number) for number in check["examples"][:_SHOWN])
    first = f": record {where}" if where else ""
    return f"{check['message']}{found}{rows}{first}{' …' if check['failed'] > _SHOWN and where else ''}"


def equation(counts: Mapping[str, int], read: int) -> str:
    """What became of the records read; fates that befell none are left out.

    >>> equation({"loaded": 10, "duplicate": 2}, 12)
    '12 read = 10 loaded + 2 duplicate'
    """
    terms = [f"{counts[fate]:,} {fate}" for fate in FATES if counts.get(fate)]
    return f"{read:,} read = {' + '.join(terms)}" if terms else f"{read:,} read"


def summary(reports: Sequence[LoadReport], seconds: float) -> str:
    """The last line, over all files of a run."""
    statuses = [report.status for report in reports]
    files = ", ".join(f"{statuses.count(status):,} {status}" for status in get_args(Status) if status in statuses)
    counts = added(reports)
    records = f"; records: {equation(counts, counts['read'])}" if counts["read"] else ""
    return f"{counted(len(reports), 'file')}: {files}{records}; {seconds:.2f} s"


def unloaded(reports: Iterable[LoadReport]) -> bool:
    """Whether any file was rejected."""
    return any(report.status == "rejected" for report in reports)


def _records(report: LoadReport) -> str:
    return equation(added([report]), report.read)


def _tables(tables: Mapping[str, int]) -> str:
    return "".join(f"{name} {rows:,}; " for name, rows in tables.items())
