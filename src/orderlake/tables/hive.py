"""Plain Parquet tables: one file per source object, no snapshot; a file is swapped by one rename.

Files are written hidden before the commit, and take their names after it. Until then a reader sees the
old files; between the renames of one commit it may see some old and some new ones. That is what plain
Parquet can give; the Iceberg tables show each commit whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.engine import Engine, name, parquet, quote
from orderlake.model.pipeline import TableSpec
from orderlake.model.source import SourceObject
from orderlake.model.staged import staged_name
from orderlake.tables.batch import Batch, source_of
from orderlake.tables.decide import Decision
from orderlake.tables.layout import entity_columns
from orderlake.tables.project import NotProjectableError, Piece, column_names, footer, group_ends, project

if TYPE_CHECKING:
    import duckdb

PENDING: Final = ".pending"
_OPTIONS: Final = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 61440"
_NANOS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Swap:
    """Files to publish: (hidden, final) paths, final None to remove; and rows written per source number."""

    moves: tuple[tuple[str, str], ...] = ()
    removals: tuple[str, ...] = ()
    rows: dict[int, int] | None = None


def file_name(prefix: str, source: SourceObject) -> str:
    """The name of a source object version's file: its time to the second (UTC), then what makes it unique.

    >>> file_name("orders_ETL", SourceObject("raw/a.json", "", 10, 1_700_000_000_000_000_000))
    'orders_ETL_20231114_221320_67a4f1ae4ab6.parquet'
    """
    time = datetime.fromtimestamp(source.version // _NANOS, UTC)
    return f"{prefix}_{time:%Y%m%d_%H%M%S}_{source.identity[:12]}.parquet"


def prepare(  # noqa: PLR0913, PLR0917 - what the files are made of, and where they go
    engine: Engine, batch: Batch, spec: TableSpec, decision: Decision, folder: Path, attempt: str
) -> Swap:
    """Write the hidden files of a batch: one per object that wins rows, and those that earlier files shrink to."""
    hidden = folder / PENDING
    hidden.mkdir(parents=True, exist_ok=True)
    moves: list[tuple[str, str]] = []
    rows: dict[int, int] = {}
    if any(batch.staged.grains.values()):
        moves, rows = _new_files(engine.cursor(), batch, spec, decision, folder, hidden, attempt)
    removals: list[str] = []
    for number, credit in enumerate(decision.retired):
        final = folder / file_name(spec.file_prefix, source_of(credit))
        if not final.exists():
            continue
        shrunk = hidden / f"{attempt}-shrunk-{number}.parquet"
        if _shrink(engine, batch, spec, decision, final, shrunk):
            moves.append((str(shrunk), str(final)))
        else:
            shrunk.unlink(missing_ok=True)
            removals.append(str(final))
    return Swap(tuple(moves), tuple(removals), rows)


def _shrink(  # noqa: PLR0913, PLR0917 - as prepare
    engine: Engine, batch: Batch, spec: TableSpec, decision: Decision, final: Path, shrunk: Path
) -> int:
    """Write what stays of a file; give its rows. Row groups that lose nothing are copied byte for byte."""
    if not batch.stream.key:
        return 0
    own = entity_columns(batch.stream, spec)
    on = " AND ".join(f"t.{name(column)} = d._k{number}" for number, column in enumerate(own))
    found = footer(final)
    ends = group_ends(found)
    rows = engine.cursor().execute(
        "SELECT file_row_number "
        f"FROM read_parquet({quote(str(final))}, file_row_number = true, hive_partitioning = false) AS t "
        f"SEMI JOIN {decision.dropped} AS d ON {on}"
    )
    hit = sorted({bisect_right(ends, number) for (number,) in rows.fetchall()})
    columns = [(column, column) for column in column_names(found)]
    share = -(-len(hit) // engine.workers) or 1

    def rewrite(cursor: duckdb.DuckDBPyConnection, groups: Sequence[int]) -> Path:
        before = shrunk.with_suffix(f".{groups[0]}-before")
        after = shrunk.with_suffix(f".{groups[0]}-after")
        project([Piece(final, frozenset(groups))], columns, before)
        cursor.execute(
            f"COPY (SELECT t.* FROM {parquet([str(before)])} AS t ANTI JOIN {decision.dropped} AS d ON {on}) "
            f"TO {quote(str(after))} ({_OPTIONS})"
        )
        before.unlink()
        return after

    parts = engine.each(rewrite, [hit[at : at + share] for at in range(0, len(hit), share)])
    pieces = [Piece(final, frozenset(range(len(ends))) - frozenset(hit)), *(Piece(part) for part in parts)]
    try:
        return project(pieces, columns, shrunk)
    finally:
        for part in parts:
            part.unlink()


def _new_files(  # noqa: PLR0913, PLR0917 - what the files are made of
    cursor: duckdb.DuckDBPyConnection,
    batch: Batch,
    spec: TableSpec,
    decision: Decision,
    folder: Path,
    hidden: Path,
    attempt: str,
) -> tuple[list[tuple[str, str]], dict[int, int]]:
    sources = batch.staged.sources
    if len(sources) == 1:
        target = hidden / f"{attempt}-new.parquet"
        count = _one_file(cursor, batch, spec, decision, target)
        if count:
            return [(str(target), str(folder / file_name(spec.file_prefix, sources[0])))], {0: count}
        target.unlink(missing_ok=True)
        return [], {}
    number = f"CAST({batch.per_segment([str(at) for at in range(len(sources))])} AS INTEGER)"
    select = _with_source(batch.rows_of(spec, decision.losers), number)
    done = cursor.execute(
        f"COPY ({select}) TO {quote(str(hidden / attempt))} "
        f"({_OPTIONS}, PARTITION_BY (_n), RETURN_STATS, FILENAME_PATTERN 'rows-{{i}}')"
    ).fetchall()
    moves, rows = [], {}
    for path, count, _, _, _, keys, *_ in done:
        at = int(keys["_n"])
        moves.append((str(path), str(folder / file_name(spec.file_prefix, sources[at]))))
        rows[at] = int(count)
    return moves, rows


def _with_source(select: str, number: str) -> str:
    head, tail = select.split(" FROM ", 1)
    return f"{head}, {number} AS _n FROM {tail}"


def _one_file(
    cursor: duckdb.DuckDBPyConnection, batch: Batch, spec: TableSpec, decision: Decision, target: Path
) -> int:
    files = batch.files(spec.rows)
    if decision.losers is None and _all_rows(cursor, batch, spec, files):
        try:
            return project(
                [Piece(Path(file)) for file in files],
                [(staged_name(column), column.name) for column in spec.columns],
                target,
            )
        except NotProjectableError:
            pass  # careful and strict files differ in what may be null: let the engine write them
    done = cursor.execute(
        f"COPY ({batch.rows_of(spec, decision.losers)}) TO {quote(str(target))} ({_OPTIONS})"
    ).fetchone()
    return int(done[0]) if done is not None else 0


def _all_rows(cursor: duckdb.DuckDBPyConnection, batch: Batch, spec: TableSpec, files: Sequence[str]) -> bool:
    """Whether the table has exactly the staged rows: no record without elements, and no record's rows to fold."""
    if spec.rows != batch.grain_of(spec.rows):
        return False
    if not spec.rows:
        return True
    row = cursor.execute(f"SELECT count(*) FROM {parquet(files)} WHERE _i1 IS NULL").fetchone()
    return row == (0,)
