"""Which entities a rollback takes out of the tables, and who stands for them afterwards.

An entity is affected when a withdrawn source stands for it, or has its newest version: the rank of that version must go
too, or it would outdo what comes later. What stands afterwards is decided as ever, among the versions that are left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orderlake.engine import name, parquet, quote
from orderlake.model.pipeline import Stream
from orderlake.model.staged import ROW_BITS
from orderlake.tables.batch import Batch, source_of
from orderlake.tables.decide import Decision, decide
from orderlake.tables.layout import key_names

if TYPE_CHECKING:
    import duckdb

    from orderlake.model.report import LoadReport

AFFECTED: Final = "affected"
"""The table of affected entities: their keys as in the index, `credit` (who stands for them), `owner` (why they go)."""
GONE: Final = "gone"
"""Without a key: the source object versions whose rows leave, as the user's tables name them."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What leaves: per owner (a withdrawn identity) and credit, how many entities. The entities are in AFFECTED."""

    counts: Mapping[tuple[str, str], int]

    @property
    def credits(self) -> frozenset[str]:
        """Those who stood for an affected entity."""
        return frozenset(credit for _, credit in self.counts)


@dataclass(frozen=True, slots=True)
class Returning:
    """What returns: the decision over a batch (None when nothing was staged), and per owner and credit how many.

    `retired` are the credits that lose rows.
    """

    batch: Batch | None
    decision: Decision
    counts: Mapping[tuple[str, str], int]
    retired: frozenset[str]


def leaving(
    cursor: duckdb.DuckDBPyConnection, stream: Stream, index: str | None, sources: Sequence[LoadReport]
) -> Leaving:
    """Find what the withdrawn sources (their reports) stand for in an index (a FROM item), and fill AFFECTED with it.

    Without an index there is nothing, and no such table.
    """
    keys = ", ".join(key_names(stream))
    identities = {source.identity for source in sources}
    cursor.execute("CREATE OR REPLACE TABLE withdrawn (uri VARCHAR, version BIGINT, identity VARCHAR)")
    for (uri, version), identity in {(each.source, each.version): each.identity for each in sources}.items():
        cursor.execute("INSERT INTO withdrawn VALUES (?, ?, ?)", [uri, version, identity])
    cursor.execute("CREATE OR REPLACE TABLE credits (credit VARCHAR, identity VARCHAR)")
    if index is None:
        return Leaving({})
    times = ", ".join(sorted({quote(str(source.version)) for source in sources}))
    of_that_time = f"SELECT DISTINCT _credit FROM {index} WHERE split_part(_credit, ':', 1) IN ({times})"
    for (credit,) in cursor.execute(of_that_time).fetchall():
        if source_of(str(credit)).identity in identities:
            cursor.execute("INSERT INTO credits VALUES (?, ?)", [credit, source_of(str(credit)).identity])
    suspects = (
        f"SELECT {keys} FROM {index} AS i SEMI JOIN credits AS c ON c.credit = i._credit "
        f"UNION SELECT {keys} FROM {index} AS i "
        "SEMI JOIN withdrawn AS w ON w.uri = i._source_file AND w.version = i._time"
    )
    standing = (
        f"SELECT {keys}, max(struct_pack("
        "v := _version, t := _time, f := _source_file, n := _source_row, c := _credit)) AS m "
        f"FROM {index} AS i SEMI JOIN ({suspects}) AS s USING ({keys}) GROUP BY {keys}"
    )
    cursor.execute(
        f"CREATE OR REPLACE TABLE {AFFECTED} AS "
        f"SELECT {keys}, m.c AS credit, coalesce(c.identity, w.identity) AS owner FROM ({standing}) AS s "
        "LEFT JOIN credits AS c ON c.credit = m.c LEFT JOIN withdrawn AS w ON w.uri = m.f AND w.version = m.t "
        "WHERE c.identity IS NOT NULL OR w.identity IS NOT NULL"
    )
    found = cursor.execute(f"SELECT owner, credit, count(*) FROM {AFFECTED} GROUP BY ALL ORDER BY ALL").fetchall()
    return Leaving({(str(owner), str(credit)): int(count) for owner, credit, count in found})


def affected_files(cursor: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Of a stream without a key: the files among the affected entities."""
    return frozenset(str(uri) for (uri,) in cursor.execute(f"SELECT _entity FROM {AFFECTED}").fetchall())


def returning(
    cursor: duckdb.DuckDBPyConnection,
    batch: Batch | None,
    stream: Stream,
    gone: Leaving,
    rest: Sequence[str],
) -> Returning:
    """Decide who stands for what was affected: `batch` has the versions that are left, of those entities alone.

    `rest` are index files without the affected entities, which a stream without a key needs: contents that are equal
    stand once.
    """
    decision = Decision() if batch is None else decide(cursor, batch, [] if stream.key else rest)
    retired = gone.credits
    if not stream.key:
        held = _credits(cursor, rest)
        retired -= held
        cursor.execute(f"CREATE OR REPLACE TABLE {GONE} (_source_file VARCHAR, _version BIGINT)")
        for source in map(source_of, sorted(retired)):
            cursor.execute(f"INSERT INTO {GONE} VALUES (?, ?)", [source.uri, source.version])
    counts = {} if batch is None or decision.index is None else _returned(cursor, batch, stream, decision)
    return Returning(batch, decision, counts, retired)


def _credits(cursor: duckdb.DuckDBPyConnection, index: Sequence[str]) -> frozenset[str]:
    """The credits of what stands for each file in these index files: of older versions of a file too there are rows."""
    if not index:
        return frozenset()
    standing = "max(struct_pack(v := _version, h := _hash, c := _credit))"
    found = cursor.execute(
        f"SELECT DISTINCT m.c FROM (SELECT {standing} AS m FROM {parquet(index)} GROUP BY _entity)"
    ).fetchall()
    return frozenset(str(credit) for (credit,) in found)


def _returned(
    cursor: duckdb.DuckDBPyConnection, batch: Batch, stream: Stream, decision: Decision
) -> dict[tuple[str, str], int]:
    """Per owner and credit, the records that stand again."""
    if stream.key:
        keys = ", ".join(key_names(stream))
        found = cursor.execute(
            f"SELECT a.owner, i._credit, count(*) FROM ({decision.index}) AS i JOIN {AFFECTED} AS a USING ({keys}) "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        return {(str(owner), str(credit)): int(count) for owner, credit, count in found}
    if not any(batch.staged.grains.values()):
        return {}
    anti = f" ANTI JOIN {decision.losers} USING (_rid)" if decision.losers is not None else ""
    rows = f"SELECT {batch.file()} AS _entity, {batch.credit()} AS credit FROM {batch.relation(())} AS s{anti}"
    found = cursor.execute(
        f"SELECT a.owner, r.credit, count(*) FROM ({rows}) AS r JOIN {AFFECTED} AS a USING (_entity) "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {(str(owner), str(credit)): int(count) for owner, credit, count in found}


def set_aside(cursor: duckdb.DuckDBPyConnection, quarantine: Sequence[str], loads: Sequence[tuple[str, str]]) -> None:
    """Fill the table `aside` with what was set aside of some loads (source, load id): number in the list, position.

    `quarantine` are the files of that table.
    """
    cursor.execute("CREATE OR REPLACE TABLE aside (source INTEGER, position BIGINT)")
    if quarantine and loads:
        rows = ", ".join(f"({at}, {quote(uri)}, {quote(load)})" for at, (uri, load) in enumerate(loads))
        cursor.execute(
            f"INSERT INTO aside SELECT DISTINCT l.number, q.position FROM {parquet(quarantine)} AS q "
            f"JOIN (VALUES {rows}) AS l(number, source, load_id) USING (source, load_id)"
        )


def refused_now(cursor: duckdb.DuckDBPyConnection, batch: Batch) -> dict[int, str]:
    """Per source number, one record of the batch that is set aside now, and is not in `aside`; why, for people."""
    staged = batch.staged
    if not staged.rejected:
        return {}
    place = staged.position("position", "segment")
    rejected = (
        f"SELECT CAST({staged.source('segment')} AS INTEGER) AS source, {place} AS position, field, reason "
        f"FROM {parquet(staged.rejected)}"
    )
    found = cursor.execute(
        "SELECT source, min_by(struct_pack(p := position, f := field, r := reason), position) "
        f"FROM ({rejected}) ANTI JOIN aside USING (source, position) GROUP BY source"
    ).fetchall()
    return {int(at): f"at record {one['p']}: {one['f'] or ''} {one['r']}".replace(":  ", ": ") for at, one in found}


def only_affected(cursor: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Fill the table `kept` with the `_rid` of the batch's records that are of affected entities, `aside` left out."""
    number = batch.staged.source()
    where = f"FROM {batch.relation(())} AS e ANTI JOIN aside AS a ON a.source = {number} AND a.position = {batch.row()}"
    if batch.stream.key:
        keys = ", ".join(key_names(batch.stream))
        where = (
            f"FROM {batch.entities()} AS e SEMI JOIN (SELECT _rid {where}) AS r USING (_rid) "
            f"SEMI JOIN {AFFECTED} AS a USING ({keys})"
        )
    cursor.execute(f"CREATE OR REPLACE TABLE kept AS SELECT _rid {where}")


def keep_only(cursor: duckdb.DuckDBPyConnection, files: Sequence[str], target: str, first: int) -> None:
    """Write the staged rows of the records in `kept` to one file, their segments numbered from `first` on."""
    cursor.execute(
        f"COPY (SELECT * REPLACE (_rid + ({first}::BIGINT << {ROW_BITS}) AS _rid) FROM {parquet(files)} "
        f"SEMI JOIN kept USING (_rid)) TO {quote(target)} (FORMAT parquet)"
    )


def rest_of_index(cursor: duckdb.DuckDBPyConnection, index: str | None, target: str) -> list[str]:
    """Write the index of a stream without a key, the affected files left out; give the files to read it from."""
    if index is None:
        return []
    select = f"SELECT * FROM {index} AS i ANTI JOIN {AFFECTED} AS a USING ({name('_entity')})"
    cursor.execute(f"COPY ({select}) TO {quote(target)} (FORMAT parquet)")
    return [target]
