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
    digest = hashlib.sha256(f"{source}\n{version}".encode()).hexdigest()
    return f"{digest[:_KEY_DIGITS]}-{position}"


def quarantine_records(project: Project, loads: Iterable[LoadReport]) -> str:
    """A FROM item: the records in quarantine with the columns of Quarantined, but for the time, which is a timestamp.

    `loads` is the load history.
    """
    prefix = prefix_of(project)
    tries, newer = _newest(loads, prefix)
    if not tries and not newer:  # nearly always: then nothing has to be hashed or joined
        return (
            f"(SELECT {', '.join(COLUMNS[:-3])}, 'open' AS status, NULL::VARCHAR AS mended, quarantined_at "
            "FROM quarantine)"
        )
    key = f"substr(sha256(source || chr(10) || version), 1, {_KEY_DIGITS}) || '-' || position"
    again = "a.source IS NOT NULL"
    return (
        "(SELECT o.source, o.position, o.line, "
        f"CASE WHEN {again} THEN a.field WHEN m.reason IS NOT NULL THEN '' ELSE o.field END AS field, "
        f"CASE WHEN {again} THEN a.reason WHEN m.reason IS NOT NULL THEN m.reason ELSE o.reason END AS reason, "
        f"CASE WHEN {again} THEN a.record ELSE o.record END AS record, "
        "o.pipeline, o.load_id, o.version, "
        "CASE WHEN m.closed THEN 'fixed' WHEN o.version < n.version THEN 'replaced' ELSE 'open' END AS status, "
        "m.uri AS mended, o.quarantined_at "
        f"FROM (SELECT *, {key} AS _key FROM quarantine WHERE NOT starts_with(source, {quote(prefix)})) AS o "
        f"LEFT JOIN {_table(tries, _TRY)} AS m ON m.key = o._key "
        f"LEFT JOIN {_table(newer, _NEWER)} AS n ON n.source = o.source "
        "LEFT JOIN (SELECT DISTINCT ON (source, version) source, version, field, reason, record FROM quarantine "
        f"WHERE starts_with(source, {quote(prefix)})) AS a "
        "ON a.source = m.uri AND a.version = m.version AND NOT m.closed)"
    )


def is_closed(report: LoadReport) -> bool:
    """Whether the load of a mended file took its record."""
    return report.status == "loaded" and report.read > 0 and report.quarantined == 0


_TRY: Final = {"key": "VARCHAR", "uri": "VARCHAR", "version": "BIGINT", "closed": "BOOLEAN", "reason": "VARCHAR"}
_NEWER: Final = {"source": "VARCHAR", "version": "BIGINT"}


def _newest(loads: Iterable[LoadReport], prefix: str) -> tuple[list[Sequence[object]], list[Sequence[object]]]:
    """The last try to mend each record; and of sources with a record in quarantine, the newest version loaded."""
    tries: dict[str, LoadReport] = {}
    versions: dict[str, int] = {}
    oldest_bad: dict[str, int] = {}
    for report in loads:
        if report.source.startswith(prefix):
            before = tries.get(report.source)
            if before is None or report.version > before.version:
                tries[report.source] = report
        elif report.status == "loaded":
            versions[report.source] = max(report.version, versions.get(report.source, report.version))
            if report.quarantined:
                oldest_bad[report.source] = min(report.version, oldest_bad.get(report.source, report.version))
    rows: list[Sequence[object]] = [
        (uri.removeprefix(prefix).split("/", 1)[0], uri, last.version, is_closed(last), last.reason)
        for uri, last in tries.items()
    ]
    return rows, [(uri, versions[uri]) for uri, bad in oldest_bad.items() if versions[uri] > bad]


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
