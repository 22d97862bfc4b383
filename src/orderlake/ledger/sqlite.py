"""The ledger in a SQLite file: every load for ever, by source identity, and whose turn it is to commit."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from orderlake.database import Database
from orderlake.errors import ConfigError
from orderlake.ledger.tickets import turn
from orderlake.model.report import ANY_LOAD, COUNTS, LoadPage, LoadReport, Totals, Wanted

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS loads (
    number INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, source TEXT NOT NULL, pipeline TEXT NOT NULL,
    status TEXT NOT NULL, load_id TEXT NOT NULL, report TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS loads_by_source ON loads (source)
"""
_BATCH: Final = 500
_LAST: Final = 2**63 - 1
_NTH: Final = "coalesce(json_extract(report, '$.nth'), 0)"
_COUNTS: Final = (*COUNTS, "bytes")


class SqliteLedger:
    """Ledger over SQLite; claims and turns are locks on files, which the system takes back when their holder dies."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)
        self._folder = path.parent

    def applied(self, identities: Iterable[str]) -> Mapping[str, LoadReport]:
        """The recorded loads among these identities."""
        wanted = list(identities)
        found: dict[str, LoadReport] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = tuple(wanted[start : start + _BATCH])
            marks = ", ".join("?" * len(batch))
            for identity, report in self._database.rows(
                f"SELECT identity, report FROM loads WHERE identity IN ({marks})", batch
            ):
                found[str(identity)] = _report(report)
        return found

    def mark(self, reports: Sequence[LoadReport]) -> None:
        """Record loads; a finished load stays as first recorded, a rejected one gives way to a finished one.

        Of one source `applied` gives the last event. The ones before keep their place in the history, each under a name
        of its own.
        """
        with self._database.writing() as connection:
            for report in reports:
                if report.status != "rejected":  # it stands in the history where it was done
                    connection.execute(
                        "DELETE FROM loads WHERE identity = ? AND status = 'rejected'", (report.identity,)
                    )
                if report.nth:
                    connection.execute(
                        f"UPDATE loads SET identity = identity || '.' || {_NTH} "
                        f"WHERE identity = ? AND status <> 'rejected' AND {_NTH} < ?",
                        (report.identity, report.nth),
                    )
                connection.execute(
                    "INSERT INTO loads (identity, source, pipeline, status, load_id, report) VALUES (?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (identity) DO UPDATE "
                    "SET status = excluded.status, load_id = excluded.load_id, report = excluded.report "
                    "WHERE loads.status = 'rejected'",
                    (
                        report.identity,
                        report.source,
                        report.pipeline,
                        report.status,
                        report.load_id,
                        json.dumps(report.as_dict()),
                    ),
                )

    def loads(self) -> Sequence[LoadReport]:
        """The whole history, oldest first."""
        return [_report(report) for (report,) in self._database.rows("SELECT report FROM loads ORDER BY number")]

    def recent(self, limit: int, before: str | None = None, wanted: Wanted = ANY_LOAD) -> LoadPage:
        """The newest loads that are wanted, at most `limit`, older than where an earlier page ended."""
        if before is not None and not (before.isdecimal() and before.isascii()):
            raise ConfigError(f"{before!r} is no place in the load history: begin with the newest loads")
        asked = {
            "number < ?": None if before is None else min(int(before), _LAST),
            "status = ?": wanted.status,
            "instr(source, ?) > 0": wanted.source,
            "load_id = ?": wanted.load_id,
        }
        conditions = {text: value for text, value in asked.items() if value is not None}
        where = " AND ".join(["true", *conditions])
        found = self._database.rows(
            f"SELECT number, report FROM loads WHERE {where} ORDER BY number DESC LIMIT ?",
            (*conditions.values(), limit + 1),
        )
        shown = found[:limit]
        return LoadPage(
            [_report(report) for _, report in shown], str(shown[-1][0]) if shown and len(found) > limit else None
        )

    def totals(self) -> Totals:
        """What the whole history comes to, added up where it lies."""
        sums = ", ".join(f"coalesce(sum(json_extract(report, '$.{each}')), 0)" for each in _COUNTS)
        (found,) = self._database.rows(
            "SELECT count(*) FILTER (WHERE status = 'loaded') - count(*) FILTER (WHERE status = 'rolled_back'), "
            f"count(*) FILTER (WHERE status = 'rejected'), {sums}, count(*) FILTER (WHERE status = 'rolled_back') "
            f"- count(*) FILTER (WHERE status = 'loaded' AND {_NTH} > 0) FROM loads"
        )
        return Totals(*(int(str(each)) for each in found))

    def stamp(self) -> str:
        """What SQLite says of its file: no row is read for it."""
        return self._database.stamp()

    @contextmanager
    def claim(self, identities: Iterable[str]) -> Iterator[frozenset[str]]:
        """Lock a file per identity, where no living process holds it."""
        folder = self._folder / "claims"
        folder.mkdir(parents=True, exist_ok=True)
        won: set[str] = set()
        with ExitStack() as stack:
            for identity in identities:
                path = folder / identity
                file = _locked(path)
                if file is None:
                    continue
                stack.callback(file.close)
                stack.callback(path.unlink, missing_ok=True)
                won.add(identity)
            yield frozenset(won)

    def turn(self, name: str) -> AbstractContextManager[None]:
        """Wait in line for, and hold, the turn of this name."""
        return turn(self._folder / "turns" / name)

    def close(self) -> None:
        """Give the file back."""
        self._database.close()


def _locked(path: Path) -> IO[str] | None:
    """Make and lock a file; None when another holds it."""
    while True:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                return file
        except BlockingIOError:
            file.close()
            return None
        except FileNotFoundError:
            pass
        file.close()  # its holder gave it back, and removed it, between our opening and our locking


def _report(text: object) -> LoadReport:
    return LoadReport.of(json.loads(str(text)))
