"""The records in quarantine, each once, and what has become of it: told by what was loaded since.

A record is *fixed* when the newest version of its mended file was loaded without complaint, *dropped* when somebody
closed it by hand or a check took it out with `drop`, *replaced* when a newer version of its own file was loaded (what
is wrong there is in quarantine anew) or the load that set it aside was rolled back, else *open*. Only what is closed by
hand is stored, in `quarantine_drops`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Final, TypedDict, cast

from orderlake.config import Project
from orderlake.engine import quote
from orderlake.mending.which import Which, table_of, texts
from orderlake.model.report import LoadReport
from orderlake.sources import uri_of
from orderlake.tables.layout import DROPS, QUARANTINE_COLUMNS

if TYPE_CHECKING:
    from orderlake.query.duckdb import Result

FOLDER: Final = "mended"
_KEY_DIGITS: Final = 12


class Quarantined(TypedDict):
    """A record that was set aside, as `quarantine list --json` shows it.

    `field`, `reason`, `record`, `check_name` and `action` are those of the last try to mend it, where that failed;
    `mended` names the file of the tries. `closed_by` is the load that closed it.
    """

    id: str
    source: str
    position: int
    line: int | None
    field: str
    reason: str
    record: str
    pipeline: str
    load_id: str
    version: int
    status: str
    mended: str | None
    closed_by: str | None
    check_name: str | None
    action: str
    dropped_by: str | None
    drop_reason: str | None
    dropped_at: str | None
    quarantined_at: str


COLUMNS: Final = tuple(Quarantined.__annotations__)


def prefix_of(project: Project) -> str:
    """How the uri of every mended file begins."""
    if project.aws is not None:
        return f"{project.aws.raw}/{FOLDER}/"
    return f"{uri_of(project, project.raw / FOLDER)[0]}/"


def key_of(source: str, version: int, position: int) -> str:
    """The id of a record, and the folder of its mended file: the same for that record of that version of that file.

    >>> key_of("raw/orders.json", 1700000000000000000, 7)
    'e2dd9b3bab19-7'
    """
    return f"{_digest(source, version)}-{position}"


def _digest(source: str, version: int) -> str:
    return hashlib.sha256(f"{source}\n{version}".encode()).hexdigest()[:_KEY_DIGITS]


def quarantine_records(project: Project, loads: Iterable[LoadReport]) -> str:
    """A FROM item: the records in quarantine with the columns of Quarantined, but for the time, which is a timestamp.

    `loads` is the load history.
    """
    prefix = prefix_of(project)
    history = list(loads)
    tries, newer = _newest(history, prefix)
    undone, hidden = undone_loads(history)
    failed = sorted(uri for _, _, _, uri, _, closed, *_ in tries if not closed)
    found = {
        **{name: f"o.{name}" for name in COLUMNS},
        "id": f"substr(sha256(concat(o.source, chr(10), o.version)), 1, {_KEY_DIGITS}) || '-' || o.position",
        "field": _newest_of("field", "CASE WHEN m.reason IS NOT NULL THEN '' ELSE o.field END"),
        "reason": _newest_of("reason", "coalesce(m.reason, o.reason)"),
        "record": _newest_of("record", "o.record"),
        "check_name": _newest_of("check_name", f"CASE WHEN m.reason IS NULL THEN {_own('o', 'check_name')} END"),
        "action": _ACTION,
        "status": (
            "CASE WHEN u.load_id IS NOT NULL THEN 'replaced' "
            f"WHEN m.closed THEN 'fixed' WHEN d.source IS NOT NULL OR {_ACTION} = 'drop' THEN 'dropped' "
            "WHEN n.version IS NOT NULL THEN 'replaced' ELSE 'open' END"
        ),
        "mended": "m.uri",
        "closed_by": (
            "CASE WHEN u.load_id IS NOT NULL THEN u.closed_by "
            f"WHEN m.closed THEN m.load_id WHEN d.source IS NOT NULL THEN NULL "
            f"WHEN {_ACTION} = 'drop' THEN coalesce(m.load_id, o.load_id) ELSE n.load_id END"
        ),
        "dropped_by": "d.dropped_by",
        "drop_reason": "d.reason",
        "dropped_at": "strftime(make_timestamp(epoch_us(d.dropped_at)), '%Y-%m-%dT%H:%M:%S.%g+00:00')",
    }
    return (
        f"(SELECT {', '.join(f'{sql} AS {name}' for name, sql in found.items())} "
        f"FROM (SELECT * FROM quarantine WHERE NOT starts_with(source, {quote(prefix)}) "
        f"AND concat(load_id, source) NOT IN {texts(hidden)}) AS o "
        f"LEFT JOIN {table_of(undone, _UNDONE)} AS u ON u.source = o.source AND u.load_id = o.load_id "
        f"LEFT JOIN {table_of(tries, _TRY)} AS m "
        "ON m.source = o.source AND m.version = o.version AND m.position = o.position "
        f"LEFT JOIN {table_of(newer, _NEWER)} AS n ON n.source = o.source AND n.version > o.version "
        f"LEFT JOIN (SELECT DISTINCT ON (source, version, position) * FROM {DROPS} ORDER BY dropped_at) AS d "
        "ON d.source = o.source AND d.version = o.version AND d.position = o.position "
        "LEFT JOIN (SELECT DISTINCT ON (source, version) * FROM quarantine "
        f"WHERE source IN {texts(failed)}) AS a "
        "ON a.source = m.uri AND a.version = m.tried)"
    )


def find_records(
    project: Project, loads: Iterable[LoadReport], which: Which, ask: Callable[[str], Result]
) -> list[Quarantined]:
    """The records that are meant, newest last; `ask` answers SQL over the lake's tables."""
    some = "" if which.limit is None else f"LIMIT {max(0, which.limit)}"
    newest = (
        f"SELECT * FROM {quarantine_records(project, loads)} {which.where} "
        f"ORDER BY quarantined_at DESC, source DESC, position DESC {some}"
    )
    # As UTC without a zone: DuckDB gives times with a zone only where pytz is installed.
    result = ask(
        "SELECT * REPLACE (make_timestamp(epoch_us(quarantined_at)) AS quarantined_at) "
        f"FROM ({newest}) ORDER BY quarantined_at, source, position, version"
    )
    at = result.columns.index("quarantined_at")
    times = [row[at].replace(tzinfo=UTC).isoformat(timespec="milliseconds") for row in result.rows]
    return [
        cast("Quarantined", row | {"quarantined_at": time}) for row, time in zip(result.as_dicts(), times, strict=True)
    ]


def is_closed(report: LoadReport) -> bool:
    """Whether the load of a mended file took its record."""
    return report.status == "loaded" and report.read > 0 and report.quarantined == 0


def _own(table: str, column: str) -> str:
    """A column of `quarantine` that older versions of it lack."""
    return f"{table}.{column}" if column in QUARANTINE_COLUMNS else "NULL::VARCHAR"


def _newest_of(column: str, otherwise: str) -> str:
    return f"CASE WHEN a.source IS NOT NULL THEN {_own('a', column)} ELSE {otherwise} END"


_ACTION: Final = f"coalesce({_newest_of('action', _own('o', 'action'))}, 'quarantine')"
_TRY: Final = {
    "source": "VARCHAR",
    "version": "BIGINT",
    "position": "BIGINT",
    "uri": "VARCHAR",
    "tried": "BIGINT",
    "closed": "BOOLEAN",
    "reason": "VARCHAR",
    "load_id": "VARCHAR",
}
_NEWER: Final = {"source": "VARCHAR", "version": "BIGINT", "load_id": "VARCHAR"}
_UNDONE: Final = {"source": "VARCHAR", "load_id": "VARCHAR", "closed_by": "VARCHAR"}
_Tried = tuple[str, int, int, str, int, bool, str | None, str]
_Newer = tuple[str, int, str]


def undone_loads(loads: Sequence[LoadReport]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Of loads that were rolled back and had set records aside: source, load, and rollback.

    What was loaded again since has set them aside anew, and the ones before are not shown: load and source of these.
    """
    events = {(report.identity, report.nth): report for report in loads if report.status != "rejected"}
    bad = [report for report in events.values() if report.quarantined and (report.identity, report.nth + 1) in events]
    again = [report for report in bad if (report.identity, report.nth + 2) in events]
    undone = [
        (each.source, each.load_id, events[each.identity, each.nth + 1].load_id) for each in bad if each not in again
    ]
    return sorted(undone), sorted(f"{each.load_id}{each.source}" for each in again)


def _newest(loads: Iterable[LoadReport], prefix: str) -> tuple[list[_Tried], list[_Newer]]:
    """The last try to mend each record; and of sources with a record in quarantine, the newest version loaded."""
    ends: dict[tuple[str, int], LoadReport] = {}
    for report in loads:  # of a version of a file the last event counts: a load may have been rolled back
        ends[report.source, report.version] = report
    tries: dict[str, LoadReport] = {}
    newest: dict[str, LoadReport] = {}
    bad: dict[str, tuple[str, int]] = {}
    for report in ends.values():
        is_try = report.source.startswith(prefix)
        if is_try or report.status == "loaded":
            latest = tries if is_try else newest
            before = latest.get(report.source)
            if before is None or report.version > before.version:
                latest[report.source] = report
        if report.quarantined and not is_try:
            bad[_digest(report.source, report.version)] = (report.source, report.version)
    found: list[_Tried] = []
    for uri, last in tries.items():
        digest, _, position = uri.removeprefix(prefix).split("/", 1)[0].partition("-")
        if digest in bad and position.isdecimal():  # else somebody put a file of their own there
            source, version = bad[digest]
            said = last.reason, last.load_id
            found.append((source, version, int(position), uri, last.version, is_closed(last), *said))
    newer = sorted(
        {source for source, version in bad.values() if source in newest and newest[source].version > version}
    )
    return found, [(each, newest[each].version, newest[each].load_id) for each in newer]
