"""The tables that a statement asks, as they were at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orderlake.errors import ConfigError, NotFoundError
from orderlake.explain.layouts import layouts_of
from orderlake.explain.moment import Moment
from orderlake.query.asked import tables_asked
from orderlake.query.duckdb import QueryTable
from orderlake.tables import iceberg
from orderlake.tables.lakehouse import KEEP_SNAPSHOTS
from orderlake.tables.past import Stood, columns_then, committed_ms, stood
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.model.pipeline import Stream, TableSpec
    from orderlake.tables.lakehouse import Opened


@dataclass(frozen=True, slots=True)
class Past:
    """A lake at a moment: the tables that a statement asks, and what is to be said of them."""

    tables: Sequence[QueryTable]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A table that a statement asks: as it is, and what stood of it at the moment."""

    opened: Opened
    then: Stood


def past(backends: Backends, moment: Moment, sql: str, marts: Sequence[str] = ()) -> Past:
    """The Iceberg tables that a SELECT asks, all of one moment; no other can be asked then.

    ConfigError for a table without history (`marts` are such, too), NotFoundError for one whose history does not go
    back that far; both say what can be asked. A table that was not there yet has no rows, which a note says.
    """
    found = standing(backends, moment, sql, marts)
    tables, notes = [], []
    for table, one in found.items():
        snapshot, metadata = one.then.snapshot, one.opened.metadata
        if snapshot is None or metadata is None:
            tables.append(QueryTable(table, [], {c: kind.sql for c, kind in one.opened.layout.columns.items()}))
            notes.append(_not_yet(table, one.then))
            continue
        live = iceberg.live_files(backends.store, metadata, snapshot.id, backends.house.cache)
        files = [backends.store.engine_path(file.location) for file in live]
        differs = one.opened.layout.differs
        tables.append(QueryTable(table, files, columns_then(metadata, snapshot), differs))
    return Past(tables, tuple(notes))


def versions_then(
    backends: Backends, moment: Moment, sql: str
) -> tuple[dict[str, dict[str, str]], dict[str, int], tuple[str, ...]]:
    """For an engine that reads snapshots itself: of each table asked its columns then, and its snapshot; and notes.

    Errors as of `past`, and NotFoundError for a table that had no rows: there is no snapshot to name.
    """
    found = standing(backends, moment, sql)
    columns, versions = {}, {}
    for table, one in found.items():
        if one.then.snapshot is None or one.opened.metadata is None:
            raise NotFoundError(f"{_not_yet(table, one.then)}; {moment.said}. Ask DuckDB, with --on duckdb")
        columns[table] = columns_then(one.opened.metadata, one.then.snapshot)
        versions[table] = one.then.snapshot.id
    named = ", ".join(f"{table} at snapshot {snapshot}" for table, snapshot in versions.items())
    return columns, versions, (f"Athena was asked for {named}",) if named else ()


def standing(backends: Backends, moment: Moment, sql: str, marts: Sequence[str] = ()) -> dict[str, Standing]:
    """What stood of each Iceberg table that a SELECT asks; errors as of `past`."""
    layouts = layouts_of(backends)
    asked = _asked(sql, [layout.name for layout in layouts])
    _refuse_plain(backends, asked, marts)
    opened = backends.house.open(layouts, files=False)
    known = {table: each.metadata for table, each in opened.items() if each.metadata is not None}
    at = None if moment.load_id is None else committed_ms(known, moment.load_id)
    then = stood(known, moment.at_ms if at is None else at, moment.load_id)
    found = {
        table: Standing(each, then.get(table, Stood(None, None, is_cut=False)))
        for table, each in opened.items()
        if table in asked
    }
    gone = [table for table, each in found.items() if each.then.is_gone]
    if gone:
        raise NotFoundError(_gone(found, gone, moment))
    return found


def _asked(sql: str, every: Sequence[str]) -> set[str]:
    """The tables that a statement names; all of them where it does not parse, which is said where it is run."""
    try:
        return set(tables_asked(sql))
    except ValueError:
        return set(every)


def _refuse_plain(backends: Backends, asked: set[str], marts: Sequence[str]) -> None:
    for stream, spec in backends.specs:
        if spec.format == "parquet" and spec.name in asked:
            raise ConfigError(f"{spec.name} is plain Parquet, which keeps no history: {_instead(stream, spec)}")
    for mart in marts:
        if mart.lower() in asked:
            raise ConfigError(
                f"{mart} is a mart, made of the tables as they were when it was built, and keeps no history: "
                "ask the tables that it is made of"
            )


def _instead(stream: Stream, spec: TableSpec) -> str:
    """Which tables of the same records do: first the one with the same rows."""
    twins = sorted(
        (table for table in stream.tables if table.format == "iceberg"), key=lambda table: table.rows != spec.rows
    )
    if not twins:
        return f"declare a table of {stream.pipeline}.{stream.name} without `format: parquet` to have one that does"
    names = " or ".join(twin.name for twin in twins)
    return f"ask {names}, which the same files fill"


def _gone(found: Mapping[str, Standing], gone: Sequence[str], moment: Moment) -> str:
    firsts = [found[table].then.first_ms or 0 for table in gone]
    table = gone[firsts.index(max(firsts))]
    return (
        f"{table} cannot be asked {moment.said}: its history goes back to {_utc(max(firsts))}, "
        f"for a table keeps its {KEEP_SNAPSHOTS} newest snapshots: ask for a later moment"
    )


def _not_yet(table: str, then: Stood) -> str:
    since = "it has none to this day" if then.first_ms is None else f"its first are of {_utc(then.first_ms)}"
    return f"{table} had no rows then: {since}"


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
