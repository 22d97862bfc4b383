"""The records in quarantine, each once, and what has become of it: told by what was loaded since, stored nowhere.

A record is *fixed* when the newest version of its mended file was loaded without complaint, *replaced* when a newer
version of its own file was loaded (what is wrong there is in quarantine anew), else *open*.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypedDict

from orderlake.config import Project
from orderlake.engine import quote
from orderlake.model.report import LoadReport
from orderlake.sources import uri_of

FOLDER: Final = "mended"
_KEY_DIGITS: Final = 12


class Quarantined(TypedDict):
    """A record that was set aside, as `quarantine list --json` shows it.

    `field`, `reason` and `record` are those of the last try to mend it, where that failed; `mended` names the file of
    the tries.
    """

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
    quarantined_at: str


COLUMNS: Final = tuple(Quarantined.__annotations__)


def prefix_of(project: Project) -> str:
    """How the uri of every mended file begins."""
    if project.aws is not None:
        return f"{project.aws.raw}/{FOLDER}/"
    return f"{uri_of(project, project.raw / FOLDER)[0]}/"


def key_of(source: str, version: int, position: int) -> str:
    """The folder of a record's mended file: the same for the same record of the same version of the same file.

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
    tries, newer = _newest(loads, prefix)
    if not tries and not newer:  # nearly always: then nothing has to be joined
        return (
            f"(SELECT {', '.join(COLUMNS[:-3])}, 'open' AS status, NULL::VARCHAR AS mended, quarantined_at "
            "FROM quarantine)"
        )
    again = "a.source IS NOT NULL"
    failed = ", ".join(quote(uri) for _, _, _, uri, _, closed, _ in tries if not closed)
    return (
        "(SELECT o.source, o.position, o.line, "
        f"CASE WHEN {again} THEN a.field WHEN m.reason IS NOT NULL THEN '' ELSE o.field END AS field, "
        f"CASE WHEN {again} THEN a.reason WHEN m.reason IS NOT NULL THEN m.reason ELSE o.reason END AS reason, "
        f"CASE WHEN {again} THEN a.record ELSE o.record END AS record, "
        "o.pipeline, o.load_id, o.version, "
        "CASE WHEN m.closed THEN 'fixed' WHEN o.version < n.version THEN 'replaced' ELSE 'open' END AS status, "
        "m.uri AS mended, o.quarantined_at "
        f"FROM (SELECT * FROM quarantine WHERE NOT starts_with(source, {quote(prefix)})) AS o "
        f"LEFT JOIN {_table(tries, _TRY)} AS m "
        "ON m.source = o.source AND m.version = o.version AND m.position = o.position "
        f"LEFT JOIN {_table(newer, _NEWER)} AS n ON n.source = o.source "
        "LEFT JOIN (SELECT DISTINCT ON (source, version) source, version, field, reason, record FROM quarantine "
        f"WHERE source IN ({failed or 'NULL'})) AS a ON a.source = m.uri AND a.version = m.tried)"
    )


def is_closed(report: LoadReport) -> bool:
    """Whether the load of a mended file took its record."""
    return report.status == "loaded" and report.read > 0 and report.quarantined == 0


_TRY: Final = {
    "source": "VARCHAR",
    "version": "BIGINT",
    "position": "BIGINT",
    "uri": "VARCHAR",
    "tried": "BIGINT",
    "closed": "BOOLEAN",
    "reason": "VARCHAR",
}
_NEWER: Final = {"source": "VARCHAR", "version": "BIGINT"}
_Tried = tuple[str, int, int, str, int, bool, str | None]


def _newest(loads: Iterable[LoadReport], prefix: str) -> tuple[list[_Tried], list[tuple[str, int]]]:
    """The last try to mend each record; and of sources with a record in quarantine, the newest version loaded."""
    tries: dict[str, LoadReport] = {}
    versions: dict[str, int] = {}
    bad: dict[str, tuple[str, int]] = {}
    for report in loads:
        if report.source.startswith(prefix):
            before = tries.get(report.source)
            if before is None or report.version > before.version:
                tries[report.source] = report
        elif report.status == "loaded":
            versions[report.source] = max(report.version, versions.get(report.source, report.version))
            if report.quarantined:
                bad[_digest(report.source, report.version)] = (report.source, report.version)
    found: list[_Tried] = []
    for uri, last in tries.items():
        digest, _, position = uri.removeprefix(prefix).split("/", 1)[0].partition("-")
        if digest in bad and position.isdecimal():  # else somebody put a file of their own there
            found.append((*bad[digest], int(position), uri, last.version, is_closed(last), last.reason))
    return found, sorted({(source, versions[source]) for source, version in bad.values() if versions[source] > version})


def _table(rows: Sequence[Sequence[object]], columns: Mapping[str, str]) -> str:
    """A FROM item of a few rows."""
    if not rows:
        return f"(SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in columns.items())} WHERE false)"
    values = ", ".join(f"({', '.join(_literal(value) for value in row)})" for row in rows)
    cast = ", ".join(f"{name}::{kind} AS {name}" for name, kind in columns.items())
    return f"(SELECT {cast} FROM (VALUES {values}) AS v({', '.join(columns)}))"


def _literal(value: Any) -> str:  # noqa: ANN401 - what a row holds
    if value is None:
        return "NULL"
    return quote(value) if isinstance(value, str) else str(value).lower()
