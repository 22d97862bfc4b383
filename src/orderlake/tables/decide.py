"""Which staged records win: newest version of an entity wins as a whole, equal content changes nothing.

Versions of one entity are ordered by (_version, time of the object, its uri, the record's place in it).
That order is total and the winner is its maximum, so deciding is commutative, associative and idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orderlake.engine import name, quote
from orderlake.model.staged import ROW_BITS
from orderlake.tables.batch import Batch, credit_of
from orderlake.tables.layout import INDEX_COLUMNS, TableLayout, index_layout, key_names

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Decision:
    """What a batch changes.

    `losers` is a temporary table of `_rid` that enter no table, `dropped` one of the entities whose
    rows leave (key columns as in the index), `index` SELECTs the `index_rows` rows to append to the index; each
    None when there are none. `superseded` and `duplicate` count records per source number, `replaced` gives per
    source number and credit how many entities were taken over, `retired` the credits that lost rows.
    """

    losers: str | None = None
    dropped: str | None = None
    index: str | None = None
    index_rows: int = 0
    hits: str | None = None
    """A table that `index` reads beside the staged rows and `losers`."""
    superseded: Mapping[int, int] = field(default_factory=dict)
    duplicate: Mapping[int, int] = field(default_factory=dict)
    replaced: Mapping[tuple[int, str], int] = field(default_factory=dict)
    retired: Sequence[str] = ()


def decide(
    cursor: duckdb.DuckDBPyConnection, batch: Batch, index_files: Sequence[str], layout: TableLayout | None = None
) -> Decision:
    """Compare a batch with itself and with the index (Parquet files that may hold its keys, and its layout)."""
    index = (layout or index_layout(batch.stream)).rows(index_files) if index_files else None
    if not batch.stream.key:
        return _decide_objects(cursor, batch, index)
    if not any(batch.staged.grains.values()):
        return Decision()
    keys = ", ".join(key_names(batch.stream))
    cursor.execute("CREATE OR REPLACE TABLE losers (_rid BIGINT, same BOOLEAN)")
    _lose_within(cursor, batch, keys)
    hits = _lose_to_index(cursor, batch, keys, index) if index is not None else False
    return _decision(cursor, batch, keys, hits=hits)


def _lose_within(cursor: duckdb.DuckDBPyConnection, batch: Batch, keys: str) -> None:
    """Records of the batch that a newer record of the batch outdoes."""
    if _ascend(cursor, batch, keys):
        return
    cursor.execute(
        f"CREATE OR REPLACE TABLE twice AS SELECT {keys} FROM {batch.entities()} GROUP BY ALL HAVING count(*) > 1"
    )
    if cursor.execute("SELECT count(*) FROM twice").fetchone() == (0,):
        return
    cursor.execute(
        f"INSERT INTO losers SELECT _rid, _hash = first_hash FROM ("
        f"SELECT _rid, _hash, first_value(_rid) OVER w AS first_rid, first_value(_hash) OVER w AS first_hash "
        f"FROM {batch.entities()} AS e SEMI JOIN twice USING ({keys}) "
        f"WINDOW w AS (PARTITION BY {keys} ORDER BY _v DESC, _rid DESC)"
        f") WHERE _rid <> first_rid"
    )


def _ascend(cursor: duckdb.DuckDBPyConnection, batch: Batch, keys: str) -> bool:
    """Whether every key is greater than the one before it, as in most exports: then none stands twice.

    True is proof in whatever order rows come; it costs a quarter of grouping them.
    """
    if "," in keys:
        return False
    before = f"SELECT {keys} > lag({keys}) OVER () AS up FROM {batch.entities()}"
    return cursor.execute(f"SELECT bool_and(up) FROM ({before})").fetchone() in ((True,), (None,))


def _lose_to_index(cursor: duckdb.DuckDBPyConnection, batch: Batch, keys: str, index: str) -> bool:
    """Fill `hits` with the batch's winners that the index knows; add those that do not win to the losers."""
    entities = (
        f"(SELECT {keys}, _rid, _hash, _v, {batch.time()} AS t, {batch.file()} AS f, {batch.row()} AS n "
        f"FROM {batch.entities()} AS e ANTI JOIN losers USING (_rid))"
    )
    current = (
        f"(SELECT {keys}, max(struct_pack("
        "v := _version, t := _time, f := _source_file, n := _source_row, h := _hash, c := _credit)) AS m "
        f"FROM {index} AS i SEMI JOIN (SELECT {keys} FROM {batch.entities()}) AS b USING ({keys}) "
        f"GROUP BY {keys})"
    )
    cursor.execute(
        f"CREATE OR REPLACE TABLE hits AS SELECT {keys}, _rid, _hash = m.h AS same, "
        "(struct_pack(v := _v, t := t, f := f, n := n) > struct_pack(v := m.v, t := m.t, f := m.f, n := m.n)) "
        "AS newer, m.c AS credit "
        f"FROM {entities} AS e JOIN {current} AS c USING ({keys})"
    )
    cursor.execute("INSERT INTO losers SELECT _rid, same FROM hits WHERE same OR NOT newer")
    return cursor.execute("SELECT count(*) FROM hits").fetchone() != (0,)


def _decision(cursor: duckdb.DuckDBPyConnection, batch: Batch, keys: str, *, hits: bool) -> Decision:
    lost = cursor.execute(f"SELECT _rid >> {ROW_BITS} AS s, same, count(*) FROM losers GROUP BY ALL").fetchall()
    counts: dict[bool, dict[int, int]] = {True: {}, False: {}}
    for segment, same, count in lost:
        source = batch.source_number(int(segment))
        counts[bool(same)][source] = counts[bool(same)].get(source, 0) + int(count)
    replaced: dict[tuple[int, str], int] = {}
    rows = batch.records() - sum(int(count) for _, _, count in lost)
    if hits:
        cursor.execute(f"CREATE OR REPLACE TABLE dropped AS SELECT {keys}, credit FROM hits WHERE newer AND NOT same")
        for segment, credit, count in cursor.execute(
            f"SELECT _rid >> {ROW_BITS}, credit, count(*) FROM hits WHERE newer AND NOT same GROUP BY ALL ORDER BY ALL"
        ).fetchall():
            at = (batch.source_number(int(segment)), str(credit))
            replaced[at] = replaced.get(at, 0) + int(count)
    winners = " ANTI JOIN losers USING (_rid)" if lost else ""
    appended = f"SELECT {keys}, {_index_values(batch, batch.credit())} FROM {batch.entities()} AS e{winners}"
    if hits:
        known = (
            f"SELECT {keys}, {_index_values(batch, 'credit')} FROM {batch.entities()} AS e "
            "JOIN (SELECT _rid, credit FROM hits WHERE newer AND same) AS h USING (_rid)"
        )
        appended = f"{appended} UNION ALL {known}"
        again = cursor.execute("SELECT count(*) FROM hits WHERE newer AND same").fetchone()
        rows += int(again[0]) if again is not None else 0
    return Decision(
        losers="losers" if lost else None,
        dropped="dropped" if replaced else None,
        index=appended if rows else None,
        index_rows=rows,
        hits="hits" if hits else None,
        superseded=counts[False],
        duplicate=counts[True],
        replaced=replaced,
        retired=sorted({credit for _, credit in replaced}),
    )


def _index_values(batch: Batch, credit: str) -> str:
    return (
        f"_v AS _version, {batch.time()} AS _time, {batch.file()} AS _source_file, {batch.row()} AS _source_row, "
        f"_hash, {credit} AS _credit"
    )


def _decide_objects(cursor: duckdb.DuckDBPyConnection, batch: Batch, index: str | None) -> Decision:
    """Without a key the object is the entity: its newest version stands, and equal content stands once."""
    current: dict[str, tuple[int, int, str]] = {}
    if index is not None:
        for uri, version, content, credit in cursor.execute(
            "SELECT _entity, m.v, m.h, m.c FROM ("
            "SELECT _entity, max(struct_pack(v := _version, h := _hash, c := _credit)) AS m "
            f"FROM {index} GROUP BY _entity)"
        ).fetchall():
            current[uri] = (version, content, credit)
    contents = _contents(cursor, batch)
    losing: list[int] = []
    counts: dict[bool, dict[int, int]] = {True: {}, False: {}}
    dropped: set[str] = set()
    replaced: dict[tuple[int, str], int] = {}
    rows: list[str] = []
    sizes: dict[str, int] = {}
    for number, source in enumerate(batch.staged.sources):
        content, count = contents.get(number, (0, 0))
        before = current.get(source.uri)
        if before is not None and source.version <= before[0]:
            losing.append(number)
            counts[before[1] == content][number] = count
            continue
        standing = next(
            (credit for _, known, credit in current.values() if known == content and credit not in dropped), None
        )
        credit = standing if standing is not None else credit_of(source)
        if standing is not None:
            losing.append(number)
            counts[True][number] = count
        else:
            sizes[credit] = count
        current[source.uri] = (source.version, content, credit)
        if before is not None and all(held != before[2] for _, _, held in current.values()):
            dropped.add(before[2])
            replaced[number, before[2]] = sizes.get(before[2], 0)
        rows.append(
            f"({quote(source.uri)}, {source.version}, {source.version}, {quote(source.uri)}, 0, "
            f"{content}, {quote(credit)})"
        )
    _fill_object_tables(cursor, batch, losing, dropped)
    columns = ", ".join(name(column) for column in ("_entity", *INDEX_COLUMNS))
    appended = f"SELECT * FROM (VALUES {', '.join(rows)}) AS t({columns})" if rows else None
    types = index_layout(batch.stream).columns
    cast = ", ".join(f"CAST({name(column)} AS {kind.sql}) AS {name(column)}" for column, kind in types.items())
    return Decision(
        losers="losers" if losing else None,
        dropped="dropped" if dropped else None,
        index=f"SELECT {cast} FROM ({appended})" if appended is not None else None,
        index_rows=len(rows),
        superseded=counts[False],
        duplicate=counts[True],
        replaced=replaced,
        retired=sorted(dropped),
    )


def _contents(cursor: duckdb.DuckDBPyConnection, batch: Batch) -> dict[int, tuple[int, int]]:
    """Per source number: a fingerprint of its rows, whatever their order, and how many they are."""
    sums: dict[int, tuple[int, int]] = {}
    if not any(batch.staged.grains.values()):
        return sums
    for segment, total, count in cursor.execute(
        f"SELECT _rid >> {ROW_BITS}, CAST(sum({batch.hash()}) AS VARCHAR), count(*) "
        f"FROM {batch.relation(())} GROUP BY ALL"
    ).fetchall():
        source = batch.source_number(int(segment))
        before = sums.get(source, (0, 0))
        sums[source] = ((before[0] + int(total) + int(count) * 1_000_003) % (1 << 62), before[1] + int(count))
    return sums


def _fill_object_tables(
    cursor: duckdb.DuckDBPyConnection, batch: Batch, losing: Sequence[int], dropped: set[str]
) -> None:
    segments = [str(number) for number, segment in enumerate(batch.staged.segments) if segment.source in losing]
    chosen = f"_rid >> {ROW_BITS} IN ({', '.join(segments)})" if segments else "false"
    if any(batch.staged.grains.values()):
        cursor.execute(
            f"CREATE OR REPLACE TABLE losers AS SELECT _rid, true AS same FROM {batch.relation(())} WHERE {chosen}"
        )
    cursor.execute("CREATE OR REPLACE TABLE dropped (_source_file VARCHAR, _version BIGINT, credit VARCHAR)")
    for credit in sorted(dropped):
        version, _, uri = credit.split(":", 2)
        cursor.execute("INSERT INTO dropped VALUES (?, ?, ?)", [uri, int(version), credit])
