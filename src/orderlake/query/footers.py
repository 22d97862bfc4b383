"""What the footers of plain Parquet files tell: rows, bytes, and of each column its nulls and its bounds.

Ten thousand footers take seconds to read, so what was read is kept for as long as the file is the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orderlake.engine import parquet, paths

if TYPE_CHECKING:
    from orderlake.engine import Engine


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column of a file: its nulls, None where a row group does not tell, and the bounds of its row groups as text."""

    nulls: int | None
    lower: tuple[str, ...]
    upper: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Footer:
    """A file: its rows, its bytes."""

    rows: int
    bytes: int


@dataclass
class Footers:
    """Reads footers through an engine; `version` tells whether a file is still the same. Threads may share it."""

    engine: Callable[[], Engine]
    version: Callable[[str], object]
    _files: dict[str, tuple[object, Footer]] = field(default_factory=dict)
    _columns: dict[str, tuple[object, Mapping[str, Chunk]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def files(self, wanted: Sequence[str]) -> Mapping[str, Footer]:
        """Rows and bytes of each file."""
        with self._lock:
            versions = {file: self.version(file) for file in wanted}
            new = [file for file in wanted if self._files.get(file, (None,))[0] != versions[file]]
            for file, rows, size in self._asked(
                "SELECT file_name, num_rows, file_size_bytes", "parquet_file_metadata", new
            ):
                self._files[str(file)] = (versions[str(file)], Footer(int(str(rows)), int(str(size))))
            return {file: self._files[file][1] for file in wanted if file in self._files}

    def columns(self, wanted: Sequence[str]) -> Mapping[str, Sequence[Chunk]]:
        """What each file tells of each column, by column; nested ones apart."""
        with self._lock:
            versions = {file: self.version(file) for file in wanted}
            new = [file for file in wanted if self._columns.get(file, (None,))[0] != versions[file]]
            read: dict[str, dict[str, Chunk]] = {file: {} for file in new}
            for file, column, nulls, lower, upper in self._asked(
                "SELECT file_name, path_in_schema, CASE WHEN count(*) = count(stats_null_count) "
                "THEN sum(stats_null_count) END, list(stats_min_value), list(stats_max_value)",
                "parquet_metadata",
                new,
                "GROUP BY file_name, path_in_schema",
            ):
                told = None if nulls is None else int(str(nulls))
                read[str(file)][str(column)] = Chunk(told, _texts(lower), _texts(upper))
            self._columns |= {file: (versions[file], columns) for file, columns in read.items()}
            found: dict[str, list[Chunk]] = {}
            for file in wanted:
                for column, chunk in self._columns[file][1].items():
                    found.setdefault(column, []).append(chunk)
            return found

    def types(self, file: str) -> Mapping[str, str]:
        """The columns of a file with DuckDB's types."""
        found = self.engine().cursor().execute(f"DESCRIBE FROM {parquet([file])}").fetchall()
        return {str(row[0]): str(row[1]) for row in found}

    def keep(self, files: Iterable[str]) -> None:
        """Forget all other files."""
        with self._lock:
            there = frozenset(files)
            self._files = {file: held for file, held in self._files.items() if file in there}
            self._columns = {file: held for file, held in self._columns.items() if file in there}

    def _asked(self, select: str, function: str, files: Sequence[str], rest: str = "") -> list[tuple[object, ...]]:
        if not files:
            return []
        cursor = self.engine().cursor()
        cursor.execute("SET threads = 4")
        return cursor.execute(f"{select} FROM {function}({paths(files)}) {rest}").fetchall()


def _texts(found: object) -> tuple[str, ...]:
    return tuple(str(each) for each in found if each is not None) if isinstance(found, list) else ()
