"""The catalog in a SQLite file: table names to metadata locations, moved all together or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from orderlake.database import Database
from orderlake.errors import CommitConflictError
from orderlake.model.column import ColumnType
from orderlake.model.ports import HeadUpdate, TableHead

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name TEXT NOT NULL, table_namespace TEXT NOT NULL, table_name TEXT NOT NULL,
    metadata_location TEXT, previous_metadata_location TEXT, iceberg_type TEXT,
    PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name TEXT NOT NULL, namespace TEXT NOT NULL, property_key TEXT NOT NULL, property_value TEXT,
    PRIMARY KEY (catalog_name, namespace, property_key))
"""
"""The layout of the Iceberg JDBC catalog, so that any client of that catalog can open the tables."""


def strangers(metadata: Sequence[str | None], lake: Path) -> tuple[str, str] | None:
    """What is wrong, and what to do, when a table lies in another folder than the project's lake.

    Iceberg names files by their whole paths: a project that was copied would read and write the first one's lake.
    """
    place = next((Path(each.removeprefix("file://")).parents[2] for each in metadata if each is not None), None)
    if place is None or place == lake or (place.exists() and lake.exists() and place.samefile(lake)):
        return None
    return (
        f"its tables lie in {place}, and not in {lake}: the project was moved or copied",
        f"move it back to {place.parent}, or move {lake.name}/ and .orderlake/ away: `run` then loads raw/ again",
    )


class SqliteCatalog:
    """Catalog over SQLite, in the layout of Iceberg's JDBC catalog."""

    def __init__(self, path: Path, namespace: str = "lake", catalog: str = "orderlake") -> None:
        self._database = Database(path, _SCHEMA)
        self._namespace = namespace
        self._catalog = catalog

    def heads(self, tables: Sequence[str]) -> Mapping[str, TableHead]:
        """The current head of each table, in one read."""
        found = {head.table: head for head in self.tables()}
        return {table: found.get(table, TableHead(table, None)) for table in tables}

    def commit(self, updates: Sequence[HeadUpdate]) -> None:
        """Move every head in one transaction; CommitConflictError, and no change, when any has moved."""
        with self._database.writing() as connection:
            for update in updates:
                if update.expected is None:
                    done = connection.execute(
                        "INSERT OR IGNORE INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')",
                        (self._catalog, self._namespace, update.table, update.metadata),
                    )
                else:
                    done = connection.execute(
                        "UPDATE iceberg_tables "
                        "SET metadata_location = ?, previous_metadata_location = metadata_location "
                        "WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?",
                        (update.metadata, self._catalog, self._namespace, update.table, update.expected),
                    )
                if done.rowcount != 1:
                    raise CommitConflictError(
                        f"table {update.table} was changed by another load; nothing of this one was written"
                    )
            connection.execute(
                "INSERT OR IGNORE INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true')",
                (self._catalog, self._namespace),
            )

    def tables(self) -> Sequence[TableHead]:
        """Every table of the namespace, in name order."""
        rows = self._database.rows(
            "SELECT table_name, metadata_location FROM iceberg_tables "
            "WHERE catalog_name = ? AND table_namespace = ? ORDER BY table_name",
            (self._catalog, self._namespace),
        )
        return [TableHead(str(name), None if metadata is None else str(metadata)) for name, metadata in rows]

    def optimized(self, tables: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """A file does nothing for anybody."""
        return dict.fromkeys(tables, frozenset())

    def publish_parquet(self, name: str, columns: Mapping[str, ColumnType], location: str) -> None:
        """Nothing to do: who reads a folder of Parquet files needs no catalog."""

    def close(self) -> None:
        """Give the file back."""
        self._database.close()
