"""What was alerted: so that nothing is told twice, and what did not get through is not lost from sight."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from orderlake.database import Database
from orderlake.model.report import LoadReport

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS told (key TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sent (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, target TEXT NOT NULL, text TEXT NOT NULL, tries INTEGER NOT NULL,
    error TEXT)
"""
_KEPT: Final = 1_000


class Record:
    """A SQLite file beside the ledger. It may be lost: then a file that is rejected again is told of once more."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def fresh(self, reports: Sequence[LoadReport], at: str) -> list[LoadReport]:
        """Those of these reports that nobody has taken before; they are taken now."""
        with self._database.writing() as connection:
            return [
                report
                for report in reports
                if connection.execute(
                    "INSERT INTO told VALUES (?, ?) ON CONFLICT DO NOTHING", (_key(report), at)
                ).rowcount
            ]

    def sent(self, at: str, target: str, text: str, tries: int, error: str | None) -> None:
        """Keep what came of one alert; the newest thousand are kept."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO sent (at, target, text, tries, error) VALUES (?, ?, ?, ?, ?)",
                (at, target, text, tries, error),
            )
            connection.execute(f"DELETE FROM sent WHERE number <= (SELECT max(number) FROM sent) - {_KEPT}")

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """The last alerts, newest last: at, target, text, tries, and the error of one that did not get through."""
        names = ("at", "target", "text", "tries", "error")
        rows = self._database.rows(f"SELECT {', '.join(names)} FROM sent ORDER BY number DESC LIMIT ?", (limit,))
        return [dict(zip(names, row, strict=True)) for row in reversed(rows)]

    def close(self) -> None:
        """Give the file back."""
        self._database.close()


def _key(report: LoadReport) -> str:
    """The same for the same file, rejected by the same declarations for the same reason."""
    return hashlib.sha256(f"{report.identity}\n{report.definition}\n{report.reason}".encode()).hexdigest()
