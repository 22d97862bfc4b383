"""The project's SQLite file: opened the same way by the catalog and the ledger, its errors ours."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from orderlake.errors import CatalogUnavailableError, ConfigError

_WAIT_SECONDS: Final = 60.0
_MOMENT: Final = 0.02
_PRIMARY: Final = 0xFF
"""The bits of an error code of SQLite that tell its kind."""
_READ_ONLY: Final = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_DIRECTORY}
)


def may_not_write(error: Exception) -> bool:
    """Whether this account may not write the file or beside it: SQLite needs that even to read, in this mode."""
    return isinstance(error, PermissionError) or getattr(error, "sqlite_errorcode", None) in _READ_ONLY


class Database:
    """One SQLite file in write-ahead mode, safe to share between processes and between threads.

    Threads take turns: one connection has one transaction, and what is not committed is for nobody else to see.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._turn = threading.RLock()
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA busy_timeout = 60000")
            deadline = time.monotonic() + _WAIT_SECONDS
            while not self._is_set_up(schema):
                if time.monotonic() > deadline:
                    raise CatalogUnavailableError(f"{path}: others have it locked: try again")
                time.sleep(_MOMENT)

    def _is_set_up(self, schema: str) -> bool:
        """Set the file up; False when others are just doing that, for which SQLite does not wait."""
        try:
            if self._connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            for statement in schema.split(";"):
                if statement.strip():
                    self._connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    def rows(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Run one statement and give its rows."""
        with self._turn, self._translated():
            return self._connection.execute(sql, parameters).fetchall()

    def stamp(self) -> str:
        """A text that changes when anybody changes the file: others, as SQLite counts it, and we ourselves."""
        with self._turn:
            return f"{self.rows('PRAGMA data_version')[0][0]}.{self._connection.total_changes}"

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start; any exception rolls it back."""
        with self._turn, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Give the file back."""
        with self._turn:
            self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            folder = self._path.parent
            if may_not_write(error) or (folder.is_dir() and not os.access(folder, os.W_OK)):
                raise ConfigError(
                    f"{self._path} cannot be written, and even questions need that: use an account that may write in "
                    f"{folder}, or ask a copy of the rows (`orderlake export --duckdb FILE --copy`)"
                ) from error
            raise CatalogUnavailableError(f"{self._path}: {error}") from error
