"""Which sources a rollback is about, or an undone one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Final

from orderlake.config import Project
from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.report import LoadReport
from orderlake.sources import uri_of

LAST: Final = "last"
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be rolled back: a load, by its id, the beginning of it, or `last`; of it perhaps only some `sources`.

    `kept` are files and folders where earlier versions of files lie, `without` the files whose loss is accepted.
    """

    load: str
    sources: Sequence[str | PathLike[str]] = ()
    kept: Sequence[str | PathLike[str]] = ()
    without: Sequence[str | PathLike[str]] = ()
    dry_run: bool = False


def last_events(loads: Sequence[LoadReport]) -> dict[str, LoadReport]:
    """Per source identity, the last event that counts."""
    last: dict[str, LoadReport] = {}
    for report in loads:
        before = last.get(report.identity)
        if report.status != "rejected" and (before is None or report.nth >= before.nth):
            last[report.identity] = report
    return last


def loaded(project: Project, loads: Sequence[LoadReport], wish: Wish) -> list[LoadReport]:
    """The reports of the sources to roll back; `loads` is the history, oldest first.

    NotFoundError when there is no such load, or nothing of it stands; ConfigError when several ids begin so.
    """
    last = last_events(loads)
    standing = [report for report in last.values() if report.status == "loaded"]
    wanted = _meant(loads, wish.load, standing, "nothing is loaded, so there is no load to roll back")
    # What was rolled back and loaded again still goes by the id of its first load.
    mine = {report.identity for report in loads if report.load_id == wanted and report.status == "loaded"}
    found = [report for report in standing if report.identity in mine]
    if not found:
        raise NotFoundError(_why_not(loads, wanted))
    return _some(project, found, wish.sources)


def undone(
    project: Project, loads: Sequence[LoadReport], load: str, sources: Sequence[str | PathLike[str]] = ()
) -> list[LoadReport]:
    """The reports of the rolled back sources to load again, by the id of their load or of the rollback.

    NotFoundError when there are none, ConfigError when several ids begin so.
    """
    last = last_events(loads)
    gone = [report for report in last.values() if report.status == "rolled_back"]
    wanted = _meant(loads, load, gone, "nothing is rolled back, so there is nothing to load again")
    mine = {report.identity for report in loads if report.load_id == wanted}
    found = [report for report in gone if report.identity in mine]
    if not found:
        raise NotFoundError(f"nothing of load {wanted} is rolled back: `orderlake loads` tells what is")
    return _some(project, found, sources)


def names_of(project: Project, given: Sequence[str | PathLike[str]]) -> Mapping[str, str]:
    """What files that are named are called in reports, and as they were given."""
    names: dict[str, str] = {}
    for each in given:
        text = fspath(each)
        names[text] = text
        if not text.startswith("s3://"):
            names[uri_of(project, Path(text))[0]] = text
            names[uri_of(project, project.root / text)[0]] = text
    return names


def _meant(loads: Sequence[LoadReport], load: str, of: Sequence[LoadReport], none: str) -> str:
    """The id of the load that is meant: the last among these reports, or the one whose id begins so."""
    if load != LAST:
        return _id(loads, load)
    if not of:
        raise NotFoundError(none)
    order = {report.load_id: number for number, report in enumerate(loads)}
    return max(of, key=lambda report: order[report.load_id]).load_id


def _id(loads: Sequence[LoadReport], beginning: str) -> str:
    ids = list(dict.fromkeys(report.load_id for report in loads if beginning and report.load_id.startswith(beginning)))
    if not ids:
        raise NotFoundError(f"there is no load {beginning}: `orderlake loads` lists them with their ids")
    if len(ids) > 1 and beginning not in ids:
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        raise ConfigError(f"{beginning} may be any of {', '.join(ids[:_NAMED])}{more}: write more of the id")
    return beginning if beginning in ids else ids[0]


def _why_not(loads: Sequence[LoadReport], wanted: str) -> str:
    of_it = [report for report in loads if report.load_id == wanted]
    if all(report.status == "rejected" for report in of_it):
        return f"load {wanted} was rejected, so nothing of it is in the tables"
    if any(report.status == "forgotten" for report in of_it):
        return f"{wanted} took a person's data out of the tables, for good: that cannot be taken back"
    if any(report.status == "rolled_back" for report in of_it):
        return f"{wanted} is a rollback itself; `orderlake rollback {wanted[:12]} --undo` loads again what it took back"
    return f"load {wanted} is rolled back already; `orderlake rollback {wanted[:12]} --undo` loads it again"


def _some(project: Project, found: Sequence[LoadReport], given: Sequence[str | PathLike[str]]) -> list[LoadReport]:
    ordered = sorted(found, key=lambda report: (report.version, report.source))
    if not given:
        return ordered
    names = names_of(project, given)
    meant = {
        text: [report for report in ordered if names.get(report.source) == text or report.source.endswith(f"/{text}")]
        for text in (fspath(each) for each in given)
    }
    chosen = [report for report in ordered if any(report in some for some in meant.values())]
    lacking = [text for text, some in meant.items() if not some]
    if lacking:
        files = ", ".join(report.source for report in ordered[:_NAMED])
        raise NotFoundError(f"{', '.join(sorted(lacking))}: not in load {found[0].load_id}, which is of {files}")
    return chosen
