"""Tables as they were: which snapshot of each stood at one moment, none of two tables of two moments.

A load moves several tables in one commit, and its snapshots differ by milliseconds: so a commit counts as of its last
snapshot, and whatever was made on top of one that is too late is too late as well, whatever a clock said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orderlake.model.column import ColumnType
from orderlake.tables.iceberg import Snapshot, TableMetadata
from orderlake.tables.iceberg.schema import Schema

LOAD_ID: Final = "orderlake.load-id"


@dataclass(frozen=True, slots=True)
class Stood:
    """What stood of a table: its snapshot, None where there was none yet or it is kept no more.

    `first_ms` is when the oldest snapshot that is kept was made, None for a table without one; `is_cut` says that there
    were older ones.
    """

    snapshot: Snapshot | None
    first_ms: int | None
    is_cut: bool

    @property
    def is_gone(self) -> bool:
        """Whether the table had rows then, and is kept no more as it was."""
        return self.snapshot is None and self.is_cut


def stood(tables: Mapping[str, TableMetadata], at_ms: int, load_id: str | None = None) -> dict[str, Stood]:
    """What stood of each table at a time (ms since 1970), or right after a load; these tables tell of each other."""
    lines = {table: _line(metadata) for table, metadata in tables.items()}
    late = _late([[_commit(each) for each in line] for line in lines.values()], _times(lines.values()), at_ms, load_id)
    found = {}
    for table, line in lines.items():
        before = [snapshot for snapshot in line if _commit(snapshot) not in late]
        found[table] = Stood(
            before[-1] if before else None,
            line[0].timestamp_ms if line else None,
            bool(line) and line[0].parent_id is not None,
        )
    return found


def committed_ms(tables: Mapping[str, TableMetadata], load_id: str) -> int | None:
    """When a load was committed, where a snapshot of it is kept (ms since 1970)."""
    return _times([_line(metadata) for metadata in tables.values()]).get(load_id)


def columns_then(metadata: TableMetadata, snapshot: Snapshot) -> dict[str, str]:
    """The columns of a snapshot, with DuckDB's types."""
    schemas = {raw["schema-id"]: raw for raw in metadata.other.get("schemas", ())}
    raw = schemas.get(snapshot.schema_id)
    schema = metadata.schema if raw is None else Schema.from_json(raw)
    return {field.name: ColumnType.of_iceberg(field.type).sql for field in schema.fields}


def _line(metadata: TableMetadata) -> list[Snapshot]:
    """The snapshots that led to the current one, oldest first, as far back as they are kept."""
    kept = {snapshot.id: snapshot for snapshot in metadata.snapshots}
    line: list[Snapshot] = []
    at = metadata.current_snapshot_id
    while at is not None and at in kept:
        line.append(kept.pop(at))
        at = line[-1].parent_id
    return line[::-1]


def _commit(snapshot: Snapshot) -> str:
    """What moved with a snapshot moved together: all of one load, or the snapshot alone."""
    return snapshot.summary.get(LOAD_ID) or f"#{snapshot.id}"


def _times(lines: Iterable[Sequence[Snapshot]]) -> dict[str, int]:
    times: dict[str, int] = {}
    for line in lines:
        for snapshot in line:
            commit = _commit(snapshot)
            times[commit] = max(snapshot.timestamp_ms, times.get(commit, 0))
    return times


def _late(lines: Sequence[Sequence[str]], times: Mapping[str, int], at_ms: int, load_id: str | None) -> set[str]:
    """The commits that came after the moment."""
    late = {commit for commit, at in times.items() if at > at_ms}
    kept: set[str] = set()
    for line in lines:
        if load_id in line:
            at = line.index(load_id)
            kept.update(line[: at + 1])
            late.update(line[at + 1 :])
    late -= kept
    while True:
        known = len(late)
        for line in lines:
            first = next((at for at, commit in enumerate(line) if commit in late), len(line))
            late.update(set(line[first:]) - kept)
        if len(late) == known:
            return late
