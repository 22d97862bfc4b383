"""Which sources may hold a version of what is rolled back, and so must be read again: told by the load history alone.

Of an order that leaves, let W be its best version among the sources that stay. Either W did not enter the tables whole:
its load counts records that were superseded or duplicate. Or it stood in the tables at first, and stands still: then it
is credited now. Or something took its place: a load, whose source has a newer version of the order, or a rollback of
such a source, each of which says in `replaced` whose place that was. Had that source stayed, W were not the best; so it
is rolled back, now or by this very rollback. Sources that are none of these three cannot be W.

Nor can one that was loaded before all that goes, when that met nothing: its orders would have been met.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from orderlake.model.report import LoadReport
from orderlake.tables.batch import source_of


def holders(
    loads: Sequence[LoadReport],
    last: Mapping[str, LoadReport],
    going: Collection[str],
    credits_: Collection[str],
    *,
    in_order: bool,
) -> list[LoadReport]:
    """The sources of a stream that may hold a version of what leaves, oldest first.

    `loads` are all events of the stream, `last` the last one of each source, `going` the identities that are rolled
    back now, `credits_` the credits of what leaves. `in_order` says that `loads` are in the order of their commits:
    where several machines write the history, their clocks decide.
    """
    rolled_back = {report.identity for report in loads if report.status == "rolled_back"} | set(going)
    met = {report.identity for report in loads if report.superseded or report.duplicate}
    took = {taken for report in loads if report.identity in rolled_back for taken in report.replaced}
    credited = {source_of(credit).identity for credit in credits_}
    before = _before(loads, [last[identity] for identity in going]) if in_order else set()
    found = [
        report
        for report in last.values()
        if report.status == "loaded"
        and report.identity not in going
        and report.identity in met | took | credited
        and report.read > report.quarantined
        and report.identity not in before
    ]
    return sorted(found, key=lambda report: (report.version, report.source))


def _before(loads: Sequence[LoadReport], going: Sequence[LoadReport]) -> set[str]:
    """The sources that were loaded, for the last time, before all that goes; none if any of that met an order."""
    if any(report.superseded or report.duplicate or report.replaced for report in going):
        return set()
    ids = {report.load_id for report in going}
    first = next(at for at, report in enumerate(loads) if report.load_id in ids)
    after = {report.identity for report in loads[first:]}
    return {report.identity for report in loads[:first]} - after


def newest_versions(last: Mapping[str, LoadReport], goes: Collection[str], files: Collection[str]) -> list[LoadReport]:
    """Of a stream without a key: of each of these files the newest version that stays, oldest first."""
    newest: dict[str, LoadReport] = {}
    for report in last.values():
        if report.status == "loaded" and report.identity not in goes and report.source in files:
            before = newest.get(report.source)
            if before is None or report.version > before.version:
                newest[report.source] = report
    return sorted(newest.values(), key=lambda report: (report.version, report.source))
