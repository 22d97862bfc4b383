"""The private database of a build: its views on the tables, and how far it is with which models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.building.origin import Origin, show
from orderlake.config import DEFAULT_MEMORY_MB, Project
from orderlake.errors import QueryError, TransientError
from orderlake.query.room import room_mb

if TYPE_CHECKING:
    import duckdb

MARTS: Final = "marts"
"""The schema of what is published."""
_LOCKED: Final = "Could not set lock"
_LEAST_MB: Final = 512
"""Window functions over all orders want more than a load does."""
_MARKER: Final = "CREATE TABLE IF NOT EXISTS main.orderlake_build (models VARCHAR, complete BOOLEAN)"


def profile(project: Project, database: Path, spill: Path) -> dict[str, Any]:
    """How dbt opens the database: with the project's memory, spilling, in UTC, and without fetching extensions."""
    return {
        "type": "duckdb",
        "path": str(database),
        "schema": MARTS,
        "threads": 2,
        "config_options": {  # once for the database: where it spills may not be said again when it has spilled
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "async_threads": 0,  # as in orderlake.engine
            "memory_limit": f"{_memory_mb(project)}MB",
            "temp_directory": str(spill),
        },
        "settings": {"TimeZone": "UTC", "preserve_insertion_order": False},  # for each cursor
    }


def _memory_mb(project: Project) -> int:
    """What the project says, or else what the machine has plenty of: a join that spills takes many times as long."""
    if project.memory_mb != DEFAULT_MEMORY_MB:
        return max(project.memory_mb, _LEAST_MB)
    return room_mb(_LEAST_MB)


def begin(database: Path, origin: Origin, models: str) -> bool:
    """Show the tables to the models, and note which models are about to build; whether all must be built anew.

    That is so when what stands there was made by other models, or may be in part. A database that cannot be read is
    begun again.
    """
    with _opened(database) as connection:
        show(connection, origin.tables)
        connection.execute(_MARKER)
        found = connection.execute("SELECT complete FROM main.orderlake_build WHERE models = ?", [models]).fetchone()
        anew = found != (True,)
        if anew:
            _note(connection, models, complete=False)
        return anew


def complete(database: Path, models: str) -> None:
    """Note that everything that stands there was made by these models."""
    with _opened(database) as connection:
        _note(connection, models, complete=True)


def rows(database: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The column names and rows of a SELECT over the private database; QueryError when it cannot be answered."""
    import duckdb  # noqa: PLC0415 - as below

    with _opened(database) as connection:
        try:
            done = connection.execute(sql)
            return [str(column[0]) for column in done.description or ()], done.fetchall()
        except duckdb.Error as error:
            raise QueryError(f"{database}: {error}") from error


def _note(connection: duckdb.DuckDBPyConnection, models: str, *, complete: bool) -> None:
    connection.execute("BEGIN")
    connection.execute("DELETE FROM main.orderlake_build")
    connection.execute("INSERT INTO main.orderlake_build VALUES (?, ?)", [models, complete])
    connection.execute("COMMIT")


@contextmanager
def _opened(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb  # noqa: PLC0415 - a build with nothing to do needs none

    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(database)
    except duckdb.Error as error:
        if _LOCKED in str(error):
            raise TransientError(
                f"{database} is in use: another build is at work, or another program has it open"
            ) from error
        database.unlink(missing_ok=True)
        database.with_name(f"{database.name}.wal").unlink(missing_ok=True)
        connection = duckdb.connect(database)
    try:
        yield connection
    finally:
        connection.close()
