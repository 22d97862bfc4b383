"""Plain Parquet tables: one file per source object, no snapshot; a file is swapped by one rename.

Files are written hidden before the commit, and take their names after it (a rename; on S3 a copy within
it). Until then a reader sees the old files; between the renames of one commit it may see some old and some
new ones. That is what plain Parquet can give; the Iceberg tables show each commit whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.engine import Engine, name, parquet, quote
from orderlake.model.column import ColumnType
from orderlake.model.pipeline import TableSpec
from orderlake.model.ports import ObjectStore, StoredObject
from orderlake.model.source import SourceObject
from orderlake.model.staged import staged_name
from orderlake.tables.batch import Batch, source_of
from orderlake.tables.decide import Decision
from orderlake.tables.layout import entity_columns
from orderlake.tables.project import NotProjectableError, Piece, column_names, column_types, footer, group_ends, project

if TYPE_CHECKING:
    import duckdb

PENDING: Final = ".pending"
OPTIONS: Final = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 61440"
_NANOS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Swap:
    """Files to publish: (hidden, final) locations; those to remove; and rows written per source number.

    `seals` gives, per source number, those of the files that its load leaves; "" for one that it removes.
    """

    moves: tuple[tuple[str, str], ...] = ()
    removals: tuple[str, ...] = ()
    rows: dict[int, int] | None = None
    seals: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    def __add__(self, other: Swap) -> Swap:
        """Both."""
        rows = None if self.rows is None and other.rows is None else {**(self.rows or {}), **(other.rows or {})}
        seals = {at: {**self.seals.get(at, {}), **other.seals.get(at, {})} for at in {*self.seals, *other.seals}}
        return Swap(self.moves + other.moves, self.removals + other.removals, rows, seals)


def seals_of(swaps: Sequence[Swap], number: int, commit: int) -> dict[str, tuple[int, str]]:
    """What a source's load tells of the files it leaves: see LoadReport.seals."""
    return {file: (commit, seal) for swap in swaps for file, seal in swap.seals.get(number, {}).items()}


def publication(root: str, swaps: Sequence[Swap]) -> dict[str, Any]:
    """What is to be done to the plain files of a lake once their commit has landed, by their names in it."""
    inside = f"{root}/"
    moves = [[place.removeprefix(inside) for place in move] for each in swaps for move in each.moves]
    removals = [final.removeprefix(inside) for each in swaps for final in each.removals]
    return {"moves": moves, "removals": removals} if moves or removals else {}


def file_name(prefix: str, source: SourceObject) -> str:
    """The name of a source object version's file: its time to the second (UTC), then what makes it unique.

    >>> file_name("orders_ETL", SourceObject("raw/a.json", "", 10, 1_700_000_000_000_000_000))
    'orders_ETL_20231114_221320_0e94091fa933.parquet'
    """
    return named(prefix, source.version, source.identity)


def named(prefix: str, version: int, identity: str) -> str:
    """The same, of a source that is known by these two only."""
    time = datetime.fromtimestamp(version // _NANOS, UTC)
    return f"{prefix}_{time:%Y%m%d_%H%M%S}_{identity[:12]}.parquet"


def files_of(store: ObjectStore, root: str, table: str) -> list[StoredObject]:
    """A plain Parquet table's files in the lake at `root`, in name order."""
    return [found for found in store.list(f"{root}/{table}") if found.location.endswith(".parquet")]


def columns_there(store: ObjectStore, root: str, table: str) -> Mapping[str, ColumnType]:
    """The columns of a plain Parquet table's newest file; none when it has no file."""
    files = files_of(store, root, table)
    return column_types(footer(store, files[-1].location)) if files else {}


@dataclass(frozen=True, slots=True)
class Plain:
    """One plain Parquet table: where it lies in the lake at `root`, and the attempt that writes to it."""

    engine: Engine
    store: ObjectStore
    root: str
    spec: TableSpec
    attempt: str

    @property
    def folder(self) -> str:
        """The table's own folder: readers see what is in it."""
        return f"{self.root}/{self.spec.name}"

    @property
    def hidden(self) -> str:
        """Where files wait for the commit, outside the table's folder."""
        return f"{self.root}/{PENDING}/{self.spec.name}"

    def prepare(self, batch: Batch, decision: Decision) -> Swap:
        """Write the hidden files of a batch: one per object that wins rows, and those that earlier files shrink to."""
        swap = Swap(rows={})
        if any(batch.staged.grains.values()):
            swap = self.new(batch, decision, range(len(batch.staged.sources)))
        for number in range(len(decision.retired)):
            swap += self.shrunk(batch, decision, number)
        return swap

    def new(self, batch: Batch, decision: Decision, numbers: Sequence[int]) -> Swap:
        """Write the hidden files of the objects of these numbers, all of whose rows the batch has, and no others'."""
        moves, rows = self._new_files(batch, decision, numbers)
        pairs = zip(rows, moves, strict=True)
        seals = {at: {self._shown(final): self.store.seal(hidden)} for at, (hidden, final) in pairs}
        return Swap(tuple(moves), rows=rows, seals=seals)

    def shrunk(self, batch: Batch, decision: Decision, number: int) -> Swap:
        """Write what stays of the file of the object that was retired as this number, if there is any."""
        credit = decision.retired[number]
        final = f"{self.folder}/{file_name(self.spec.file_prefix, source_of(credit))}"
        if self.store.stat(final) is None:
            return Swap()
        by = next(at for at, retired in reversed(list(decision.replaced)) if retired == credit)
        shrunk = f"{self.hidden}/{self.attempt}-shrunk-{number}.parquet"
        if self._shrink(batch, decision, final, shrunk):
            return Swap(((shrunk, final),), seals={by: {self._shown(final): self.store.seal(shrunk)}})
        self.store.delete(shrunk)
        return Swap(removals=(final,), seals={by: {self._shown(final): ""}})

    def _shown(self, final: str) -> str:
        """A file's name in the lake, as load reports tell of it."""
        return final.removeprefix(f"{self.root}/")

    def _shrink(self, batch: Batch, decision: Decision, final: str, shrunk: str) -> int:
        """Write what stays of a file; give its rows. Row groups that lose nothing are copied byte for byte."""
        if not batch.stream.key:
            return 0
        own = entity_columns(batch.stream, self.spec)
        on = " AND ".join(f"t.{name(column)} = d._k{number}" for number, column in enumerate(own))
        found = footer(self.store, final)
        ends = group_ends(found)
        read = f"{quote(self.store.engine_path(final))}, file_row_number = true, hive_partitioning = false"
        rows = self.engine.cursor().execute(
            f"SELECT file_row_number FROM read_parquet({read}) AS t SEMI JOIN {decision.dropped} AS d ON {on}"
        )
        hit = sorted({bisect_right(ends, number) for (number,) in rows.fetchall()})
        columns = [(column, column) for column in column_names(found)]
        share = -(-len(hit) // self.engine.workers) or 1

        def rewrite(cursor: duckdb.DuckDBPyConnection, groups: Sequence[int]) -> str:
            before, after = (f"{shrunk}.{groups[0]}-{what}" for what in ("before", "after"))
            project(self.store, [Piece(final, frozenset(groups))], columns, before)
            source = parquet([self.store.engine_path(before)])
            cursor.execute(
                f"COPY (SELECT t.* FROM {source} AS t ANTI JOIN {decision.dropped} AS d ON {on}) "
                f"TO {quote(self.store.target_path(after))} ({OPTIONS})"
            )
            self.store.delete(before)
            return after

        parts = self.engine.each(rewrite, [hit[at : at + share] for at in range(0, len(hit), share)])
        pieces = [Piece(final, frozenset(range(len(ends))) - frozenset(hit)), *(Piece(part) for part in parts)]
        try:
            return project(self.store, pieces, columns, shrunk)
        finally:
            for part in parts:
                self.store.delete(part)

    def _new_files(
        self, batch: Batch, decision: Decision, numbers: Sequence[int]
    ) -> tuple[list[tuple[str, str]], dict[int, int]]:
        sources = batch.staged.sources
        if len(numbers) == 1:
            target = f"{self.hidden}/{self.attempt}-new.parquet"
            count = self._one_file(batch, decision, target)
            if count:
                final = f"{self.folder}/{file_name(self.spec.file_prefix, sources[numbers[0]])}"
                return [(target, final)], {numbers[0]: count}
            self.store.delete(target)
            return [], {}
        select = with_source(batch, self.spec, decision.losers)
        folder = self.store.folder(self.hidden) / self.attempt
        done = self.engine.cursor().execute(
            f"COPY ({select}) TO {quote(str(folder))} "
            f"({OPTIONS}, PARTITION_BY (_n), RETURN_STATS, FILENAME_PATTERN 'rows-{{i}}')"
        )
        moves, rows, files = [], {}, []
        for path, count, _, _, _, keys, *_ in done.fetchall():
            at = int(keys["_n"])
            target = f"{self.hidden}/{self.attempt}/{Path(path).relative_to(folder).as_posix()}"
            files.append((Path(path), target))
            moves.append((target, f"{self.folder}/{file_name(self.spec.file_prefix, sources[at])}"))
            rows[at] = int(count)
        self.store.each(lambda one: self.store.adopt(*one), files)
        return moves, rows

    def _one_file(self, batch: Batch, decision: Decision, target: str) -> int:
        files = batch.files(self.spec.rows)
        cursor = self.engine.cursor()
        path = self.store.target_path(target)
        if decision.losers is None and _all_rows(cursor, batch, self.spec, files):
            columns = [(staged_name(column), column.name) for column in self.spec.columns]
            try:
                return project(self.store, [Piece(file) for file in files], columns, target)
            except NotProjectableError:
                pass  # careful and strict files differ in what may be null: let the engine write them
        done = cursor.execute(
            f"COPY ({batch.rows_of(self.spec, decision.losers)}) TO {quote(path)} ({OPTIONS})"
        ).fetchone()
        return int(done[0]) if done is not None else 0


def with_source(batch: Batch, spec: TableSpec, losers: str | None) -> str:
    """SELECT a table's rows of a batch, and as `_n` the number of their source."""
    head, tail = batch.rows_of(spec, losers).split(" FROM ", 1)
    return f"{head}, CAST({batch.staged.source()} AS INTEGER) AS _n FROM {tail}"


def _all_rows(cursor: duckdb.DuckDBPyConnection, batch: Batch, spec: TableSpec, files: Sequence[str]) -> bool:
    """Whether the table has exactly the staged rows: no record without elements, and no record's rows to fold."""
    if spec.rows != batch.grain_of(spec.rows):
        return False
    if not spec.rows:
        return True
    row = cursor.execute(f"SELECT count(*) FROM {parquet(files)} WHERE _i1 IS NULL").fetchone()
    return row == (0,)
