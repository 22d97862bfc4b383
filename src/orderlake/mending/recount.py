"""Whether each record that was set aside is told of once: as open, fixed, replaced or dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from orderlake.config import Project
from orderlake.mending.records import prefix_of, quarantine_records, undone_loads
from orderlake.mending.which import STATUSES, texts
from orderlake.model.report import LoadReport

if TYPE_CHECKING:
    from orderlake.query.duckdb import Result


def recount(project: Project, loads: Sequence[LoadReport], ask: Callable[[str], Result]) -> Iterator[tuple[str, str]]:
    """The files, and a sentence each, of which the loads have set aside more or fewer records than have a status.

    `loads` is the load history, `ask` answers SQL over the lake's tables.
    """
    prefix, (_, hidden) = prefix_of(project), undone_loads(loads)
    aside: Counter[str] = Counter()
    for report in loads:
        is_shown = not report.source.startswith(prefix) and f"{report.load_id}{report.source}" not in hidden
        if report.status == "loaded" and is_shown:
            aside[report.source] += report.quarantined
    # A file may be changed and keep its time: the two versions of it have one id for their records, but a load each.
    told = {
        str(source): (int(records), int(ids))
        for source, records, ids in ask(
            f"SELECT source, count(*) FILTER (status IN {texts(STATUSES)}), count(DISTINCT (id, load_id)) "
            f"FROM {quarantine_records(project, loads)} GROUP BY 1"
        ).rows
    }
    for source in sorted({*aside, *told}):
        records, ids = told.get(source, (0, 0))
        if not aside[source] == records == ids:
            message = (
                f"quarantine: {aside[source]} records of {source} were set aside, but {records} of {ids} records there "
                "are open, fixed, replaced or dropped"
            )
            yield source, message
