"""What an executor writes: a data file of one partition of an Iceberg table, or plain files of some sources."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orderlake.engine import Engine, name, parquet
from orderlake.model.data_file import DataFile
from orderlake.model.pipeline import TableSpec
from orderlake.model.ports import ObjectStore
from orderlake.spark.portion import Failed
from orderlake.spark.task import FATAL, Site
from orderlake.tables import hive
from orderlake.tables.batch import Batch
from orderlake.tables.decide import Decision
from orderlake.tables.layout import TableLayout
from orderlake.tables.write import Value, Writer


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one partition, for a file of the table at `location`; `counting` SELECTs their numbers per source."""

    layout: TableLayout
    location: str
    value: Value
    select: str
    weight: int
    """How many rows there are to write, about."""
    counting: str = ""


@dataclass(frozen=True, slots=True)
class Plain:
    """New files of a plain Parquet table: those of the sources of these numbers, of which the batch has all rows."""

    spec: TableSpec
    batch: Batch
    numbers: tuple[int, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What stays of the plain file of the source that was retired as this number."""

    spec: TableSpec
    batch: Batch
    number: int
    weight: int


Piece = Rows | Plain | Shrunk


@dataclass(frozen=True, slots=True)
class Put:
    """What came of a piece: data files and rows per source, or plain files."""

    files: tuple[DataFile, ...] = ()
    rows: Mapping[int, int] | None = None
    swap: hive.Swap | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What all tasks of a commit share: names begin with `attempt`, `views` are files of the tables they may ask."""

    site: Site
    root: str
    attempt: str
    decision: Decision
    views: Mapping[str, str]

    def __call__(self, pieces: Sequence[Piece]) -> list[Put] | Failed:
        """Write pieces, under names that no other try of them has."""
        attempt = f"{self.attempt}-{uuid.uuid4().hex}"
        try:
            with self.site.engine() as (backends, engine, _):
                self._look(engine)
                puts = [
                    self._put(engine, backends.store, piece, f"{attempt}-{number}")
                    for number, piece in enumerate(pieces)
                ]
                backends.store.sync([location for put in puts for location in _written(put)])
                return puts
        except FATAL as error:
            return Failed(error)

    def _put(self, engine: Engine, store: ObjectStore, piece: Piece, attempt: str) -> Put:
        if isinstance(piece, Rows):
            return _rows(engine, Writer(engine, store, piece.layout, piece.location, attempt), piece)
        plain = hive.Plain(engine, store, self.root, piece.spec, attempt)
        if isinstance(piece, Plain):
            return Put(swap=plain.new(piece.batch, self.decision, piece.numbers))
        return Put(swap=plain.shrunk(piece.batch, self.decision, piece.number))

    def _look(self, engine: Engine) -> None:
        """Give the engine the tables of the decision, which tasks of this commit may name."""
        cursor = engine.cursor()
        for view, file in self.views.items():
            cursor.execute(f"CREATE VIEW {name(view)} AS SELECT * FROM {parquet([file])}")


def _rows(engine: Engine, writer: Writer, piece: Rows) -> Put:
    cursor = engine.cursor()
    files = tuple(writer.one(cursor, piece.select, piece.value))
    if not piece.counting:
        return Put(files)
    found = cursor.execute(piece.counting).fetchall()
    return Put(files, {int(source): int(count) for source, count in found})


def _written(put: Put) -> Sequence[str]:
    plain = [] if put.swap is None else [hidden for hidden, _ in put.swap.moves]
    return [*(file.location for file in put.files), *plain]
