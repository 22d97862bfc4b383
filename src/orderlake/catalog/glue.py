"""The catalog on AWS: heads in DynamoDB are the truth, the Glue database shows them to Athena and every other engine.

A commit is one DynamoDB transaction over all its tables, then one Glue update per visible table, in the order given and
in the same call. Who dies in between is finished by whoever reads the heads next. Glue never goes back: an update names
the version it read, and gives way to a later commit of ours.

Another engine may change a table through Glue (Athena's OPTIMIZE and VACUUM do). Such a change is adopted as the next
head when it was made from our newest one; when it was made from an older one, it lost the race and is overwritten.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from orderlake.catalog.glue_table import (
    GlueTable,
    TableShape,
    differs,
    iceberg_table,
    parquet_columns,
    parquet_table,
)
from orderlake.catalog.heads import AT_ONCE, Head, HeadMove, Heads
from orderlake.clients import Client, account_of, catalog_errors, client, wait_longer
from orderlake.errors import (
    CatalogUnavailableError,
    CommitConflictError,
    ConfigError,
    NotFoundError,
    SchemaMismatchError,
    StorageUnavailableError,
)
from orderlake.model.column import ColumnType
from orderlake.model.ports import OPTIMIZERS, HeadUpdate, TableHead

_ATTEMPTS: Final = 20
_AT_ONCE: Final = 8
_LOG: Final = logging.getLogger(__name__)


def is_shown(table: str) -> bool:
    """Whether a table is for readers: indexes and the like begin with `_`."""
    return not table.startswith("_")


@dataclass(slots=True)
class GlueCatalog:
    """Catalog over DynamoDB and Glue; safe to share between threads.

    `table` is the DynamoDB table, `database` the Glue database. `describe` reads what Glue tells of a table from a
    metadata file (`glue_table.iceberg_shape` of its bytes). Up to 100 tables move in one commit.
    """

    table: str
    database: str
    region: str
    describe: Callable[[str], TableShape]
    is_visible: Callable[[str], bool] = is_shown
    pause: Callable[[int], None] = wait_longer
    _heads: Heads = field(init=False, repr=False)
    _pool: ThreadPoolExecutor = field(init=False, repr=False)
    _shown: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False, repr=False)
    """Plain tables as this process has shown them."""
    _seen: dict[str, Head] = field(default_factory=dict, init=False, repr=False)
    """Heads as they were last read."""

    def __post_init__(self) -> None:
        self._heads = Heads(self.table, self.region, self.pause)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="glue")

    def heads(self, tables: Sequence[str]) -> Mapping[str, TableHead]:
        """The heads at one moment, once all of them are published; what a dead worker left is published first."""
        while True:
            found = self._heads.read(tables)
            self._seen |= found
            adopted = [self._repair(head) for head in found.values() if head.is_behind]
            if not any(adopted):
                return {name: TableHead(name, head.metadata) for name, head in found.items()}

    def commit(self, updates: Sequence[HeadUpdate]) -> None:
        """Move every head in one transaction, then publish; CommitConflictError, and no change, when any has moved.

        After a CatalogUnavailableError it may have landed: read the heads again, which publishes what is not.
        """
        if not updates:
            return
        if len(updates) > AT_ONCE:
            raise ConfigError(
                f"{len(updates)} tables cannot move together on AWS, where a transaction has {AT_ONCE} items: "
                "declare fewer tables in one stream"
            )
        client("glue", self.region)  # boto3 makes one client at a time: this one before there are threads
        visible = [update.table for update in updates if self.is_visible(update.table)]
        shown = self._pool.map(self._get, visible)
        heads = self._expected(updates)
        tables = dict(zip(visible, shown, strict=True))
        for update in updates:
            if heads[update.table].metadata != update.expected:
                raise _conflict(update.table)
        for name, table in tables.items():
            if table is not None:
                self._settle(heads[name], table)
        moves = [HeadMove(heads[u.table], u.metadata, not self.is_visible(u.table)) for u in updates]
        self._publish([head for head in self._heads.move(moves) if head.is_behind], tables)

    def _expected(self, updates: Sequence[HeadUpdate]) -> Mapping[str, Head]:
        """The heads that the updates were made from, as they were read: the transaction asks whether they still are."""
        seen = {update.table: self._seen.get(update.table) for update in updates}
        known = {name: head for name, head in seen.items() if head is not None}
        if all(update.table in known and known[update.table].metadata == update.expected for update in updates):
            return known
        return self._heads.read([update.table for update in updates])

    def tables(self) -> Sequence[TableHead]:
        """Every table, in name order."""
        return [TableHead(head.table, head.metadata) for head in self._heads.all()]

    def publish_parquet(self, name: str, columns: Mapping[str, ColumnType], location: str) -> None:
        """Show a table of plain Parquet files; writes only when Glue has it otherwise, so doing it twice is fine."""
        wanted = parquet_table(name, parquet_columns(columns), location)
        if self._shown.get(name) == wanted:
            return
        for attempt in range(_ATTEMPTS):
            found = self._get(name)
            if (found is not None and not differs(found, wanted)) or self._put(wanted, found):
                self._shown[name] = wanted
                return
            self.pause(attempt)
        raise self._crowded(name)

    def drop_all(self) -> list[str]:
        """Take every table out of the Glue database; gives their names. Files and heads stay as they are."""
        with catalog_errors(self._what):
            pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=self.database)
            names = [str(table["Name"]) for page in pages for table in page["TableList"]]
            for start in range(0, len(names), AT_ONCE):
                self._glue.batch_delete_table(DatabaseName=self.database, TablesToDelete=names[start : start + AT_ONCE])
        return names

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()

    # --- publishing ---------------------------------------------------------------------------------------------------

    def _repair(self, head: Head) -> bool:
        """Publish a head that may not have been; True when another engine's change on top of it became the head."""
        with _after_landing():
            if not self.is_visible(head.table):  # it was visible once
                self._heads.mark(head)
                return False
            table = self._get(head.table)
            if table is not None and self._descends(table, head):
                self._adopt(head, table)
                return True
            self._show(head, table)
            self._heads.mark(head)
            return False

    def _publish(self, heads: Sequence[Head], tables: Mapping[str, GlueTable | None]) -> None:
        """Show these heads in this order; the tables were read before the transaction, and may have changed since."""
        with _after_landing():
            shapes = list(self._pool.map(self.describe, [str(head.metadata) for head in heads]))
            for head, shape in zip(heads, shapes, strict=True):
                self._show(head, tables[head.table], shape)
            list(self._pool.map(self._heads.mark, heads))

    def _show(self, head: Head, table: GlueTable | None, shape: TableShape | None = None) -> None:
        """Make Glue show this head, unless it shows it or a later one already."""
        shape = self.describe(str(head.metadata)) if shape is None else shape
        wanted = iceberg_table(head.table, str(head.metadata), head.sequence, shape)
        for attempt in range(_ATTEMPTS):
            if table is not None and (table.sequence >= head.sequence or self._descends(table, head)):
                return
            if self._put(wanted, table):
                if table is not None and table.sequence < 0 and table.metadata != head.metadata:
                    _LOG.warning(
                        "%s: %s, made by another engine from an older state, gave way to %s",
                        head.table, table.metadata, head.metadata,
                    )  # fmt: skip
                return
            self.pause(attempt)
            table = self._get(head.table)
        raise self._crowded(head.table)

    def _settle(self, head: Head, table: GlueTable) -> None:
        """Before a commit: CommitConflictError when another engine changed the table, its change now being the head."""
        if head.metadata is None:
            if table.sequence >= 0 and self._heads.read([head.table])[head.table].metadata is not None:
                raise _conflict(head.table)
            raise ConfigError(
                f"the Glue database {self.database} has a table {head.table} that this lake does not know of: "
                "drop it there, or give ours another name"
            )
        if self._descends(table, head):
            self._adopt(head, table)
            raise CommitConflictError(f"another engine changed {head.table} through Glue: its change is the head now")

    def _adopt(self, head: Head, table: GlueTable) -> None:
        """Make what another engine made of our head the next head; whoever moved it first may have."""
        with suppress(CommitConflictError):
            after = self._heads.move([HeadMove(head, str(table.metadata))])
            self._publish(after, {head.table: table})

    def _descends(self, table: GlueTable, head: Head) -> bool:
        """Whether Glue shows what another engine made of this very head."""
        if table.sequence >= 0 or table.metadata in {None, head.metadata}:
            return False
        try:
            return head.metadata in self.describe(str(table.metadata)).history
        except (NotFoundError, SchemaMismatchError):
            return False

    def optimized(self, tables: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """The table optimizers of Glue that are switched on; none where it does not say."""
        account = account_of(self.region)

        def found(table: str) -> frozenset[str]:
            return frozenset(kind for kind in OPTIMIZERS if self._optimizes(account, table, kind))

        visible = [table for table in tables if self.is_visible(table)]
        return dict.fromkeys(tables, frozenset[str]()) | dict(zip(visible, self._pool.map(found, visible), strict=True))

    def _optimizes(self, account: str, table: str, kind: str) -> bool:
        try:
            with catalog_errors(self._what):
                found = self._glue.get_table_optimizer(
                    CatalogId=account, DatabaseName=self.database, TableName=table.lower(), Type=kind
                )
        except (ConfigError, CatalogUnavailableError):  # there is none, or it may not be asked; two at it do no harm
            return False
        return bool(found.get("TableOptimizer", {}).get("configuration", {}).get("enabled"))

    # --- Glue ---------------------------------------------------------------------------------------------------------

    def _get(self, name: str) -> GlueTable | None:
        with catalog_errors(self._what):
            try:
                return GlueTable(self._glue.get_table(DatabaseName=self.database, Name=name)["Table"])
            except self._glue.exceptions.EntityNotFoundException:
                return None

    def _put(self, wanted: Mapping[str, Any], table: GlueTable | None) -> bool:
        """Create the table, or replace the version that was read; False when another came first."""
        exceptions = self._glue.exceptions
        with catalog_errors(self._what):
            try:
                if table is None:
                    self._glue.create_table(DatabaseName=self.database, TableInput=wanted)
                else:
                    self._glue.update_table(
                        DatabaseName=self.database,
                        TableInput=table.after(wanted),
                        VersionId=table.version,
                        SkipArchive=True,
                    )
            except (exceptions.AlreadyExistsException, exceptions.ConcurrentModificationException):
                return False
            except exceptions.EntityNotFoundException as error:
                if table is None:
                    raise ConfigError(f"{self._what} is not there: has it been deployed?") from error
                return False
        return True

    def _crowded(self, name: str) -> CatalogUnavailableError:
        return CatalogUnavailableError(f"{self._what}: {name} was changed by others {_ATTEMPTS} times: try again")

    @property
    def _glue(self) -> Client:
        return client("glue", self.region)

    @property
    def _what(self) -> str:
        return f"the Glue database {self.database}"


def _conflict(table: str) -> CommitConflictError:
    return CommitConflictError(f"table {table} was changed by another load; nothing of this one was written")


@contextmanager
def _after_landing() -> Iterator[None]:
    """The heads have moved: whatever keeps Glue from showing them, the caller has to look again."""
    try:
        yield
    except (StorageUnavailableError, NotFoundError, SchemaMismatchError) as error:
        raise CatalogUnavailableError(f"committed, and not yet shown in Glue: {error}") from error
