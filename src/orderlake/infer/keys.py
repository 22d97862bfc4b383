"""What identifies a record: fields that are never null and never twice the same, whose names say so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from orderlake.engine import name
from orderlake.infer.tables import DraftColumn, DraftTable
from orderlake.infer.trial import Trial
from orderlake.model.staged import staged_name

if TYPE_CHECKING:
    import duckdb

_ID: Final = re.compile(r"(.*_)?(id|uuid|guid|key|number|num|no|nr|code|ref|reference|sku)")
_PLACE: Final = re.compile(
    r"(.*_)?(line|item|position|pos|seq|sequence|sequential|index|row|number|num|no|nr|item_id|line_id)"
)
_UPDATED: Final = re.compile(
    r"(.*_)?(updated|modified|changed|last_update|last_change)(_at|_on|_date|_time|_datetime)?|version|revision|(date|time)_(updated|modified)"
)
_KEY_TYPES: Final = ("string", "bigint", "id", "int")
_TIMES: Final = ("date", "timestamp", "timestamptz", "bigint", "int")
_DATES: Final = ("date", "timestamp", "timestamptz")
_OBVIOUS: Final = (
    "order_date",
    "date",
    "created_at",
    "created",
    "created_on",
    "date_created",
    "placed_at",
    "ordered_at",
    "order_time",
    "order_purchase_timestamp",
    "transaction_date",
    "invoice_date",
    "timestamp",
)
_MANY: Final = 10
"""Records from which on it says something that nothing is there twice."""
_SURE: Final = 100
_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Key:
    """The columns of a key, none when nothing tells records apart; what orders their versions; and why."""

    columns: tuple[DraftColumn, ...] = ()
    note: str = ""
    is_open: bool = False
    """Whether it is only likely."""
    sequence: DraftColumn | None = None
    sequence_note: str = ""


def key_of(cursor: duckdb.DuckDBPyConnection, trial: Trial, table: DraftTable) -> Key:
    """Tell the key of the table of records from what was staged."""
    if table.rows or not any(trial.batch.staged.grains.values()):
        return Key()
    staged = _Staged(cursor, trial, table)
    if not staged.records:
        return Key()
    for columns, least, note in _candidates(table):
        if staged.records >= least and staged.are_unique(columns):
            said = f"unique in {staged.records:,} records" if staged.records > 1 else "of one record: told by its name"
            return Key(columns, f"{said}{note}", bool(note), *_sequence(staged, table, columns))
    return _versions(staged, table)


@dataclass(slots=True)
class _Staged:
    cursor: duckdb.DuckDBPyConnection
    trial: Trial
    table: DraftTable
    records: int = 0

    def __post_init__(self) -> None:
        self.records = self._count("count(*)")

    def are_unique(self, columns: Sequence[DraftColumn]) -> bool:
        """Whether these columns are in every record, and no two records have the same."""
        return self.distinct(columns) == self.records

    def distinct(self, columns: Sequence[DraftColumn]) -> int:
        """How many different values the files have, each by itself; -1 when a record lacks one."""
        names = [self._name(column) for column in columns]
        present = " AND ".join(f"{each} IS NOT NULL" for each in names)
        # Of two files, the later one may well correct what the earlier one holds.
        values = ", ".join([self.trial.batch.file(), *names])
        return self._count(f"CASE WHEN bool_and({present}) THEN count(DISTINCT ({values})) ELSE -1 END")

    def _count(self, what: str) -> int:
        row = self.cursor.execute(f"SELECT {what} FROM {self.trial.batch.relation(())}").fetchone()
        return 0 if row is None or row[0] is None else int(row[0])

    def _name(self, column: DraftColumn) -> str:
        tables = (each for each in self.trial.batch.stream.tables if each.name == self.table.name)
        declared = (each for each in next(tables).columns if each.name == column.name)
        return name(staged_name(next(declared)))


def _candidates(table: DraftTable) -> Iterator[tuple[tuple[DraftColumn, ...], int, str]]:
    """Columns that may be a key, the likeliest first; how many records it takes to believe it, and a remark."""
    able = [column for column in table.columns if column.guess.type in _KEY_TYPES and not column.lacking]
    able = [column for column in able if not column.is_json]
    own = {f"{table.entity}_{end}" for end in ("id", "uuid", "guid", "key", "number", "no", "nr", "code")}
    named = [column for column in able if _ID.fullmatch(column.name)]
    best = [column for column in named if column.name in own or column.name in ("uuid", "guid", "key")]
    first = [column for column in named[:1] if column in able[:2]]
    for column in dict.fromkeys([*best, *first]):
        yield (column,), 1, ""
    placed = [column for column in able if _PLACE.fullmatch(column.name) and column not in named]
    few = list(dict.fromkeys([*able[:1], *named, *placed]))[:_MOST]
    for size in (2, 3):
        for some in combinations(few, size):
            if (some[0] in named or some[0] in table.columns[:1]) and any(
                _PLACE.fullmatch(column.name) for column in some[1:]
            ):
                yield some, 1, ""
    for some in combinations(few, 2):
        if some[0] in able[:1]:
            yield some, _SURE, ": are they the key?"
    for column in named:
        yield (column,), _SURE, ": is it the key?"
    for column in table.columns[:1]:
        if column in able:
            yield (column,), _MANY, ": is it the key?"


def _sequence(staged: _Staged, table: DraftTable, key: Sequence[DraftColumn]) -> tuple[DraftColumn | None, str]:
    for column in _updated(table):
        if column not in key and staged.distinct([column]) > 0:
            return column, "the newest one wins"
    return None, ""


def _versions(staged: _Staged, table: DraftTable) -> Key:
    """A record's own id that is there twice, with different times of change: those are versions."""
    own = f"{table.entity}_id"
    for column in (each for each in table.columns if each.name == own and each.guess.type in _KEY_TYPES):
        for time in _updated(table):
            if not column.lacking and staged.are_unique([column, time]):
                count = staged.distinct([column])
                note = f"{count:,} in {staged.records:,} records: the others are older versions, told by {time.name}"
                return Key((column,), note, sequence=time, sequence_note="the newest one wins")
    return Key()


def _updated(table: DraftTable) -> list[DraftColumn]:
    return [
        column
        for column in table.columns
        if _UPDATED.fullmatch(column.name) and column.guess.type in _TIMES and not column.lacking
    ]


def date_of(table: DraftTable, key: Sequence[DraftColumn]) -> DraftColumn | None:
    """The column by whose month a table is split: an obvious date that every record has."""
    able = [
        column
        for column in table.columns
        if column.guess.type in _DATES and column.of and not column.lacking and column not in key
    ]
    by_name = {column.name: column for column in able}
    for each in (f"{table.entity}_date", *_OBVIOUS):
        if each in by_name:
            return by_name[each]
    return able[0] if len(able) == 1 and not _UPDATED.fullmatch(able[0].name) else None
