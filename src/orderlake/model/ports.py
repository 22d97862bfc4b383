"""The seams: what a backend must promise. A backend exists when it passes its contract suite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from orderlake.model.report import LoadReport


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A listed object: location, size in bytes, and a version that grows (modification time, ns)."""

    location: str
    size: int
    version: int


class ObjectStore(Protocol):
    """Bytes by location (`file:///…`). Raises StorageUnavailableError; NotFoundError on a missing read."""

    def read(self, location: str) -> bytes:
        """Give the whole object."""
        ...

    def write(self, location: str, data: bytes) -> None:
        """Create the object, all or nothing. Names are unique to an attempt, so a retry is safe."""
        ...

    def sync(self, locations: Iterable[str]) -> None:
        """Return once objects that the engine wrote are as durable as those of `write`."""
        ...

    def publish(self, source: str, target: str) -> bool:
        """Move an object over `target` in one step; False when `source` is gone (already done)."""
        ...

    def delete(self, location: str) -> None:
        """Remove the object; removing what is not there is fine, so a retry is safe."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object under a folder, in name order."""
        ...

    def stat(self, location: str) -> StoredObject | None:
        """The object's current version, or None."""
        ...

    def local_path(self, location: str) -> str:
        """A path DuckDB can read or write for this location."""
        ...


@dataclass(frozen=True, slots=True)
class TableHead:
    """Where a table's current metadata lies; None before its first commit."""

    table: str
    metadata: str | None


@dataclass(frozen=True, slots=True)
class HeadUpdate:
    """Move one table from the metadata it was read at to new metadata."""

    table: str
    expected: str | None
    metadata: str


class Catalog(Protocol):
    """Names to metadata locations. Raises CatalogUnavailableError."""

    def heads(self, tables: Sequence[str]) -> Mapping[str, TableHead]:
        """The current head of each table, one consistent read."""
        ...

    def commit(self, updates: Sequence[HeadUpdate]) -> None:
        """Move every head or none. Raises CommitConflictError when any head is not the one expected."""
        ...

    def tables(self) -> Sequence[TableHead]:
        """Every table, in name order."""
        ...


class Ledger(Protocol):
    """What was done, for ever. Saves work and keeps history; the tables' own commits are the truth."""

    def applied(self, identities: Iterable[str]) -> Mapping[str, LoadReport]:
        """The finished loads among these source identities: strong read."""
        ...

    def mark(self, reports: Sequence[LoadReport]) -> None:
        """Record finished loads. Idempotent: the first report of an identity stays."""
        ...

    def loads(self) -> Sequence[LoadReport]:
        """The whole load history, oldest first."""
        ...

    def claim(self, identities: Iterable[str]) -> AbstractContextManager[frozenset[str]]:
        """Take those identities nobody alive is working on; they are given back at the end or at death."""
        ...

    def turn(self, name: str) -> AbstractContextManager[None]:
        """A lease that lets one writer at a time try; it dies with its holder and proves nothing."""
        ...
