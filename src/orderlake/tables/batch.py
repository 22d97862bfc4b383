"""Staged records as SQL: which object each came from, its version, and the rows each table gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from orderlake.engine import name, parquet, quote
from orderlake.model.found import with_found
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.source import SourceObject
from orderlake.model.staged import StagedLoad, of_table, staged_name
from orderlake.tables.kept_columns import kept_columns
from orderlake.tables.layout import key_names

Grain = tuple[str, ...]
T = TypeVar("T")


def credit_of(source: SourceObject) -> str:
    """A name for a source object version that its place and time can be told from."""
    tagged = f"@{source.tag}" if source.tag else ""
    return f"{source.version}:{source.size}{tagged}:{source.uri}"


def source_of(credit: str) -> SourceObject:
    """The source object version a credit names (its bytes' place is not kept)."""
    version, sized, uri = credit.split(":", 2)
    size, _, tag = sized.partition("@")
    return SourceObject(uri, uri, int(size), int(version), tag)


def by_identity(counts: Mapping[tuple[T, str], int], owner: T) -> dict[str, int]:
    """What was counted for an owner and the credits it met, by the identity of the source that a credit names."""
    found: dict[str, int] = {}
    for (at, credit), count in counts.items():
        if at == owner:
            identity = source_of(credit).identity
            found[identity] = found.get(identity, 0) + count
    return found


def batch_of(stream: Stream, staged: StagedLoad, load_id: str, again: frozenset[str] = frozenset()) -> Batch:
    """What was staged of a stream; its tables have columns for what was found undeclared, as the contract says."""
    return Batch(with_found(stream, staged.found), staged, load_id, again)


@dataclass(frozen=True, slots=True)
class Batch:
    """A staged group of objects of one stream, sorted by (version, uri), with the id of its load.

    Contents that were hashed with different `salt` are not equal.
    """

    stream: Stream
    staged: StagedLoad
    load_id: str
    again: frozenset[str] = frozenset()
    """Identities that load although they were rolled back."""
    salt: int = 0

    def grain_of(self, rows: Grain) -> Grain:
        """The staged grain that serves rows at this list path."""
        return rows if rows in self.staged.grains else next(iter(self.staged.grains))

    def records(self) -> int:
        """How many records were staged, those set aside apart."""
        return sum(segment.records for segment in self.staged.segments) - sum(
            segment.rejected for segment in self.staged.segments
        )

    def source_number(self, segment: int) -> int:
        """Which of the sources a segment belongs to."""
        return self.staged.segments[segment].source

    def per_segment(self, values: list[str]) -> str:
        """SQL that picks a value (SQL literals, one per source) by a row's segment."""
        return self.staged.per_segment(values)

    def version(self) -> str:
        """SQL of `_version`: the sequence value where declared, else the object's modification time (ns)."""
        time = self.per_segment([str(source.version) for source in self.staged.sources])
        return "coalesce(_seq, 0)" if self.stream.sequence_by is not None else f"CAST({time} AS BIGINT)"

    def time(self) -> str:
        """SQL of the object's modification time (ns)."""
        return f"CAST({self.per_segment([str(source.version) for source in self.staged.sources])} AS BIGINT)"

    def file(self) -> str:
        """SQL of the object's uri."""
        return self.per_segment([quote(source.uri) for source in self.staged.sources])

    def row(self) -> str:
        """SQL of the record's number in its object, from 1."""
        return f"CAST({self.staged.position()} AS BIGINT)"

    def hash(self) -> str:
        """SQL of the hash of a record's content."""
        return "_hash" if not self.salt else f"xor(_hash, CAST({self.salt} AS BIGINT))"

    def credit(self) -> str:
        """SQL of the credit of a row's object."""
        return self.per_segment([quote(credit_of(source)) for source in self.staged.sources])

    def files(self, rows: Grain) -> tuple[str, ...]:
        """The staged files that serve a table."""
        return self.staged.grains[self.grain_of(rows)]

    def of_files(self, files: Mapping[Grain, Sequence[str]]) -> Batch:
        """The rows of the batch that lie in some of its staged files, given by grain; other grains stay as they are."""
        some = {grain: tuple(each) for grain, each in files.items()}
        return replace(self, staged=replace(self.staged, grains={**self.staged.grains, **some}))

    def relation(self, rows: Grain) -> str:
        """A FROM item with the staged rows of a table (a superset of its columns), losers included."""
        grain = self.grain_of(rows)
        keep = of_table(self._levels(grain), is_own=rows == grain)
        return f"(SELECT * FROM {parquet(self.files(rows))} WHERE {keep})"

    def _levels(self, grain: Grain) -> int:
        lists = {table.rows for table in self.stream.tables if table.rows}
        return sum(1 for depth in range(1, len(grain) + 1) if grain[:depth] in lists) if grain else 0

    def entities(self) -> str:
        """A FROM item: the key, `_rid`, `_hash`, `_v` (version) of each record."""
        keys = [
            f"{name(staged_name(column))} AS {key}"
            for column, key in zip(self.stream.key, key_names(self.stream), strict=True)
        ]
        return (
            f"(SELECT {', '.join(keys)}, _rid, {self.hash()} AS _hash, {self.version()} AS _v FROM {self.relation(())})"
        )

    def rows_of(self, spec: TableSpec, losers: str | None) -> str:
        """SELECT a table's own columns for the winning records."""
        own = [f"{name(staged_name(column))} AS {name(column.name)}" for column in spec.columns]
        columns = ", ".join([*own, *kept_columns(self.stream, spec)])
        lineage = (
            f", {self.file()} AS _source_file, {self.row()} AS _source_row, "
            f"{self.version()} AS _version, {quote(self.load_id)} AS _load_id"
            if spec.format == "iceberg"
            else ""
        )
        anti = f" ANTI JOIN {losers} USING (_rid)" if losers is not None else ""
        return f"SELECT {columns}{lineage} FROM {self.relation(spec.rows)} AS s{anti}"
