"""The account of a backfill: what became of each file, what a recount found, and whether it is complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from orderlake.model.report import COUNTS
from orderlake.model.source import SourceObject

_SHOWN: Final = 20


def accounted(execution: str, state: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything, by the state of the execution and the files of its groups."""
    reports = [report for group in groups for report in group["reports"]]
    failed = {uri: reason for group in groups for uri, reason in _failed(group)}
    rejected = {report["source"]: report["reason"] for report in reports if report["status"] == "rejected"}
    check = state.get("check") or {}
    errors = list(_errors(state))
    return {
        "ok": not failed and not rejected and not errors and check.get("ok", True),
        "execution": execution,
        "files": {**Counter(report["status"] for report in reports), "failed": len(failed)},
        "unchanged_before": (state.get("plan") or {}).get("unchanged", 0),
        "records": {fate: sum(report[fate] for report in reports) for fate in COUNTS},
        "rejected": rejected,
        "failed": failed,
        "errors": errors,
        "findings": list(check.get("findings", ())),
        "marts": state.get("marts"),
        "maintain": state.get("maintain"),
        "reports": reports,
    }


def told(account: Mapping[str, Any]) -> str:
    """The account in a few lines."""
    files = (
        ", ".join(f"{count:,} {status}" for status, count in sorted(account["files"].items()) if count) or "none new"
    )
    records = ", ".join(f"{count:,} {fate}" for fate, count in account["records"].items() if count) or "none"
    lines = [
        f"backfill {account['execution']}: {'done' if account['ok'] else 'incomplete'}",
        f"files: {files}; {account['unchanged_before']:,} were loaded before",
        f"records: {records}",
    ]
    lines += _list("rejected files", (f"{uri}: {reason}" for uri, reason in account["rejected"].items()))
    lines += _list("files that failed", (f"{uri}: {reason}" for uri, reason in account["failed"].items()))
    lines += _list("tasks that failed", account["errors"])
    lines += _list("checks that do not hold", account["findings"])
    return "\n".join(lines) + "\n"


def _failed(group: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The objects of a group that have no report, and why."""
    failed = group.get("failed", {})
    settled = {report["identity"] for report in group["reports"]}
    for each in group["objects"]:
        source = SourceObject(**each)
        if source.identity not in settled:
            yield source.uri, failed.get(source.uri, "its group was not loaded")


def _errors(state: Mapping[str, Any]) -> Iterator[str]:
    for load in state.get("loads") or ():
        if "error" in load:
            yield f"load of group {load.get('group')}: {load['error']}"
    for task in ("marts", "maintain"):
        found = state.get(task) or {}
        if not found.get("ok", True):
            yield f"{task}: {found.get('reason')}"
    error = state.get("error")
    if error:
        yield f"{error.get('Error')}: {error.get('Cause')}"


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    found = list(items)
    if found:
        yield f"{title}: {len(found):,}"
        yield from (f"  {item}" for item in found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"  and {len(found) - _SHOWN:,} more"
