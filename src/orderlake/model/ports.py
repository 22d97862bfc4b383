"""The seams: what a backend must promise. A backend exists when it passes its contract suite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeVar

from orderlake.model.column import ColumnType
from orderlake.model.report import ANY_LOAD, LoadPage, LoadReport, Totals, Wanted
from orderlake.model.source import RemoteFile, SourceObject

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A listed object: location, size in bytes, and a version that grows (modification time, ns)."""

    location: str
    size: int
    version: int


class Objects(Protocol):
    """Whole objects by location: what metadata is read from and written to."""

    def read(self, location: str) -> bytes:
        """Give the whole object."""
        ...

    def write(self, location: str, data: bytes) -> None:
        """Create or replace the object, all or nothing. A retry is safe."""
        ...


class ObjectStore(Objects, Protocol):
    """Bytes by location (`file:///…`, `s3://…`). Raises StorageUnavailableError; NotFoundError on a missing read."""

    def open(self, location: str) -> BinaryIO:
        """Open the object for reading anywhere in it; on S3 only what is read is fetched."""
        ...

    def create(self, location: str, data: bytes) -> None:
        """Create the object, all or nothing; StorageUnavailableError when another one has its name.

        The same bytes under that name are our own, of a try whose reply was lost: a retry is safe.
        """
        ...

    def writer(self, location: str) -> AbstractContextManager[BinaryIO]:
        """Write an object of any size piece by piece; `sync` says when it is there to stay."""
        ...

    def folder(self, location: str) -> Path:
        """Where the engine may write many files that `adopt` puts under `location`: a folder of this machine."""
        ...

    def adopt(self, file: Path, location: str) -> None:
        """Make a file that the engine wrote in `folder` the object of this location; it leaves the folder."""
        ...

    def sync(self, locations: Iterable[str]) -> None:
        """Return once objects that the engine wrote are as durable as those of `write`."""
        ...

    def publish(self, source: str, target: str) -> bool:
        """Put an object over `target` in one step and take it away; False when `source` is gone (already done)."""
        ...

    def delete(self, location: str) -> None:
        """Remove the object; removing what is not there is fine, so a retry is safe."""
        ...

    def purge(self, prefix: str) -> int:
        """Remove for good what the store keeps of objects under a folder that were deleted or replaced; how many."""
        ...

    def list(self, prefix: str, *, hidden: bool = False) -> Iterator[StoredObject]:
        """Every object under a folder, in name order; `hidden` ones (below a name with a dot) only when asked for."""
        ...

    def stat(self, location: str) -> StoredObject | None:
        """The object's current version, or None."""
        ...

    def seal(self, location: str) -> str:
        """The seal of an object that this store has just written, or that the engine wrote through it."""
        ...

    def seal_now(self, location: str) -> str:
        """The seal of the bytes that are there now, all of them read again; NotFoundError when there are none."""
        ...

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
        """Do this for each item, several at a time where each waits for a network; results in order, errors raised."""
        ...

    def engine_path(self, location: str) -> str:
        """What the engine calls this location."""
        ...

    def target_path(self, location: str) -> str:
        """As engine_path, for an object that the engine is to write: its folder is made."""
        ...


class SourceFiles(Protocol):
    """Where source objects come from: folders, or buckets. Raises StorageUnavailableError."""

    def find(self, given: Sequence[str | PathLike[str]]) -> list[SourceObject]:
        """What these paths, folders, patterns name, or all that lies where new files are looked for; oldest first.

        NotFoundError when one of them names nothing.
        """
        ...

    def now(self, source: SourceObject) -> SourceObject | None:
        """What its place holds now: the same source as long as what was read of it is what is there; None when gone."""
        ...

    def again(self, source: SourceObject) -> SourceObject | None:
        """As `now`, but it is looked for again where a version can be gone, or be held elsewhere."""
        ...

    def version(self, uri: str, identity: str) -> SourceObject | None:
        """The version of a file that has this identity, if it is there still; None when it is gone, or was changed."""
        ...

    def file(self, source: SourceObject, folder: Path) -> Path | RemoteFile:
        """Its bytes: where they lie, or a copy in `folder`, or, when they are too many for that, a stream."""
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


COMPACTION: Final = "compaction"
RETENTION: Final = "retention"
ORPHAN_FILE_DELETION: Final = "orphan_file_deletion"
OPTIMIZERS: Final = (COMPACTION, RETENTION, ORPHAN_FILE_DELETION)


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

    def optimized(self, tables: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """What the catalog itself does for each table: some of COMPACTION, RETENTION, ORPHAN_FILE_DELETION."""
        ...

    def publish_parquet(self, name: str, columns: Mapping[str, ColumnType], location: str) -> None:
        """Show a table of plain Parquet files under a location to engines that ask a catalog. Idempotent."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
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

    def recent(self, limit: int, before: str | None = None, wanted: Wanted = ANY_LOAD) -> LoadPage:
        """The newest loads that are wanted, at most `limit`, from where an earlier page ended (`before`) on.

        ConfigError when `before` is not what a page gave.
        """
        ...

    def totals(self) -> Totals:
        """What the whole history comes to."""
        ...

    def stamp(self) -> str:
        """A text that is another one once a source identity has been recorded that was not known; cheap to ask for.

        It means nothing to another client.
        """
        ...

    def claim(self, identities: Iterable[str]) -> AbstractContextManager[frozenset[str]]:
        """Take those identities nobody alive is working on; they are given back at the end or at death."""
        ...

    def turn(self, name: str) -> AbstractContextManager[None]:
        """A lease that lets one writer at a time try; it dies with its holder and proves nothing."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
