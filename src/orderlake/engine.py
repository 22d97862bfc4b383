"""One DuckDB for a load: a fixed memory budget, a spill folder, and cursors that workers can share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakSet

from orderlake.config import DEFAULT_MEMORY_MB

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")
R = TypeVar("R")
_MOMENT: Final = 0.02
_TRIES: Final = 250
"""How often, a moment apart, it is tried to close an engine that is being asked."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A DuckDB instance whose workers are Python threads, one cursor each.

    DuckDB itself runs with one thread, so that a file is read in order and its records can be
    numbered as they come; parallelism is over shares of files and over tables. `memory_mb` bounds
    what DuckDB may hold (MiB), `workers` is the number of shares read at once.
    """

    connection: duckdb.DuckDBPyConnection
    workers: int
    spill: Path
    cursors: WeakSet[duckdb.DuckDBPyConnection] = field(default_factory=WeakSet, repr=False, compare=False)
    """Those that were given out and are still held."""

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for one thread."""
        cursor = self.connection.cursor()
        self.cursors.add(cursor)
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    def each(self, work: Callable[[duckdb.DuckDBPyConnection, T], R], items: Iterable[T]) -> list[R]:
        """Run `work(cursor, item)` over the items on all workers; results in order, first error raised."""
        todo = list(items)
        if len(todo) <= 1 or self.workers == 1:
            cursor = self.cursor()
            return [work(cursor, item) for item in todo]
        with ThreadPoolExecutor(self.workers) as pool:
            futures = [pool.submit(lambda item: work(self.cursor(), item), item) for item in todo]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise

    def clear(self) -> None:
        """Give back the memory and the spill files of what was done, for the next load to begin as with a new one."""
        cursor = self.cursor()
        for (table,) in cursor.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall():
            cursor.execute(f"DROP TABLE {name(table)}")

    def close(self) -> None:
        """Give back memory and spill files; what is still being asked in other threads is interrupted."""
        import duckdb  # noqa: PLC0415 - as below

        for _ in range(_TRIES):
            try:
                self.connection.close()
                break
            except duckdb.OperationalError:  # a cursor is at work, and DuckDB does not wait for it
                for cursor in tuple(self.cursors):
                    with suppress(duckdb.Error):
                        cursor.interrupt()
                time.sleep(_MOMENT)
        for folder in (self.spill, self.spill.parent):
            with suppress(OSError):  # DuckDB has removed it already, or others' files lie in it
                folder.rmdir()


def connect(
    spill: Path,
    memory_mb: int = DEFAULT_MEMORY_MB,
    workers: int | None = None,
    filesystem: Any = None,  # noqa: ANN401 - fsspec's interface, and fsspec is an optional extra
) -> Engine:
    """Open an Engine that spills under `spill` and holds at most `memory_mb` MiB in DuckDB.

    `filesystem` (fsspec's interface) serves the paths that are not of this machine.
    """
    import duckdb  # noqa: PLC0415 - 0.1 s that `run` of a loaded file, `loads` and `--help` need not pay

    # DuckDB makes the last folder only. A project may be read-only, and is asked all the same.
    with suppress(OSError):
        spill.parent.mkdir(parents=True, exist_ok=True)
    count = workers if workers is not None else max(1, min(os.cpu_count() or 1, 8))
    connection = duckdb.connect(
        config={
            "threads": 1,
            # With them, a statement that fails while it writes waits for ever on a busy machine, now and then (2.0.0).
            "async_threads": 0,
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(spill),
            # With it, a column that happens to hold no NULL is written as REQUIRED, and files of one table differ in
            # schema; without it every file has the same one, so that row groups can move between files.
            "disabled_optimizers": "statistics_propagation",
            # Shares of a file are written one over the other under one name.
            "enable_external_file_cache": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    if filesystem is not None:
        connection.register_filesystem(filesystem)
    return Engine(connection, count, spill)


def quote(text: str) -> str:
    """A SQL string literal.

    >>> quote("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """A SQL identifier.

    >>> name('a"b')
    '"a""b"'
    """
    return '"' + text.replace('"', '""') + '"'


def paths(files: Iterable[str]) -> str:
    """A SQL list of file names."""
    return "[" + ", ".join(quote(file) for file in files) + "]"


def parquet(files: Iterable[str], *, filename: bool = False, columns: Mapping[str, str] | None = None) -> str:
    """A FROM item over Parquet files; folder names are no columns.

    Files that differ in their columns are read by name as these `columns` (DuckDB's types): what a file lacks is NULL.
    """
    options = f"hive_partitioning = false{', filename = true' if filename else ''}"
    if columns is not None:
        fields = (
            f"{quote(each)}: {{name: {quote(each)}, type: {quote(kind)}, default_value: NULL}}"
            for each, kind in columns.items()
        )
        options += f", schema = MAP {{{', '.join(fields)}}}"
    return f"read_parquet({paths(files)}, {options})"
