"""A person's data taken out of a stream's tables, in one commit: the rows stay, their personal columns are NULL.

Whose a row is, the columns tell that identify a person; of a stream with a key all rows of such a record are meant,
in whichever table. The steps are those of `commit.py`, numbered alike; a worker that dies is finished by the next
commit, as there. Every table moves, whether or not it had a row of the person's: its manifests are written anew, and a
load that was staged before somebody was forgotten meets other heads and looks again.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from orderlake.engine import name, parquet, quote
from orderlake.model.contract import RESCUED
from orderlake.model.data_file import DataFile
from orderlake.model.found import column_name
from orderlake.model.person import Kind
from orderlake.model.pipeline import Stream, TableSpec
from orderlake.model.report import LoadReport
from orderlake.tables.commit import PUBLISH, REPORTS, Committer, Prepared
from orderlake.tables.evolve import stored_layout
from orderlake.tables.hive import OPTIONS, PENDING, Swap, files_of, publication, seals_of
from orderlake.tables.lakehouse import KEEP_INDEX_SNAPSHOTS, KEEP_SNAPSHOTS, Move, Opened
from orderlake.tables.layout import TableLayout, entity_columns, key_names, layouts_of
from orderlake.tables.rewrite import Rewrite
from orderlake.tables.write import Source, Writer

if TYPE_CHECKING:
    import duckdb

_ABOUT: Final = "about"
"""The engine's table of the records that are about them, by the index's key columns."""
Told = Mapping[str, str | None]
"""Texts, and what they become."""
Tell = Callable[[Sequence[str]], Told]


@dataclass(slots=True)
class Erase:
    """One attempt to take people out of a stream's tables.

    `people` are by what they are known, as columns have it: normal, or hashed. `tell` gives for texts of `_rescued`
    what they become. `rows` counts, per table, the rows that lost something.
    """

    committer: Committer
    stream: Stream
    people: Mapping[Kind, Sequence[str]] = field(repr=False)
    tell: Tell
    salt: int
    is_dry: bool = False
    load_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    rows: dict[str, int] = field(default_factory=dict)

    def attempt(self) -> dict[str, int]:
        """Steps 2 to 10."""
        house, committer = self.committer.house, self.committer
        committer.on_step(2)
        opened = house.open(layouts_of(self.stream))
        committer.on_step(3)
        committer.look_again(opened[self.stream.index])
        committer.on_step(5)
        tables = {table: _as_stored(each) for table, each in opened.items() if each.metadata is not None}
        self.rows = {}
        if self.stream.index not in tables:
            return {}
        cursor = committer.engine.cursor()
        self._find(cursor, tables)
        attempt = uuid.uuid4().hex
        own = [spec for spec in self.stream.tables if spec.format == "iceberg" and spec.name in tables]
        done = {spec.name: self._table(cursor, spec, tables[spec.name], attempt) for spec in own}
        done[self.stream.index] = self._index(cursor, tables[self.stream.index], attempt)
        plain = [spec for spec in self.stream.tables if spec.format == "parquet"]
        swaps = [self._plain(cursor, spec, attempt) for spec in plain]
        if not self.is_dry:
            committer.on_step(6)
            self._land({table: tables[table] for table in done}, done, swaps, attempt)
        return {table: count for table, count in self.rows.items() if count}

    def _find(self, cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, Opened]) -> None:
        """Fill the table of records that are about these people."""
        keys = key_names(self.stream)
        selects = [f"SELECT {', '.join(f'_k AS {key}' for key in keys)} FROM (SELECT NULL AS _k) WHERE false"]
        for spec in self.stream.tables:
            where = self._whose(spec)
            if spec.format != "iceberg" or spec.name not in tables or not where or not tables[spec.name].live:
                continue
            own = entity_columns(self.stream, spec) if self.stream.key else ("_source_file",)
            values = ", ".join(f"t.{name(column)} AS {key}" for column, key in zip(own, keys, strict=True))
            selects.append(f"SELECT {values} FROM {self._read(tables[spec.name])} AS t WHERE {where}")
        cursor.execute(f"CREATE OR REPLACE TABLE {_ABOUT} AS {' UNION '.join(selects[1:] or selects)}")

    def _read(self, table: Opened, files: Sequence[DataFile] | None = None, *, filename: bool = False) -> str:
        store = self.committer.house.store
        live = table.live if files is None else files
        return table.layout.rows([store.engine_path(file.location) for file in live], filename=filename)

    def _whose(self, spec: TableSpec) -> str:
        """SQL over a row `t`: it is about one of the people, by its own columns; empty where none tell."""
        paths = {path: kind for kind, path in self.stream.person}
        found = [self._is_known(paths[column.path], column.name) for column in spec.columns if column.path in paths]
        return " OR ".join(found)

    def _is_known(self, kind: Kind, column: str) -> str:
        """SQL over a row `t`: a column has what one of the people is known by, as it is or hashed."""
        text = f"trim(CAST(t.{name(column)} AS VARCHAR))"
        text = f"lower({text})" if kind == "email" else text
        wanted = ", ".join(quote(each) for each in self.people.get(kind, ()))
        return f"coalesce({text} IN ({wanted}), false)" if wanted else "false"

    def _joined(self, spec: TableSpec) -> str:
        """SQL to join rows `t` of a table with: `d.hit` is true of those that are meant."""
        if not self.stream.key:
            return f"LEFT JOIN (SELECT true AS hit) AS d ON {self._whose(spec) or 'false'}"
        keys = key_names(self.stream)
        pairs = zip(entity_columns(self.stream, spec), keys, strict=True)
        on = " AND ".join(f"t.{name(own)} = d.{key}" for own, key in pairs)
        return f"LEFT JOIN (SELECT DISTINCT {', '.join(keys)}, true AS hit FROM {_ABOUT}) AS d ON {on}"

    def _table(self, cursor: duckdb.DuckDBPyConnection, spec: TableSpec, table: Opened, attempt: str) -> Rewrite:
        hit, self.rows[spec.name] = self._hit(cursor, table, self._joined(spec), self._holds(spec, table.layout))
        if self.is_dry or not hit:
            return Rewrite(anew=True)
        personal = self._personal(spec) & set(table.layout.columns)
        rescued = RESCUED in table.layout.columns and self._rescued(cursor, spec, table, hit)

        def value(column: str) -> str:
            own = f"t.{name(column)}"
            if column in personal:
                return f"CASE WHEN d.hit THEN NULL ELSE {own} END AS {name(column)}"
            if column == RESCUED and rescued:
                return f"CASE WHEN d.hit AND x.old IS NOT NULL THEN x.new ELSE {own} END AS {name(column)}"
            return own

        more = f" LEFT JOIN rescued AS x ON x.old = t.{name(RESCUED)}" if rescued else ""
        return self._written(table, hit, value, f"{self._joined(spec)}{more}", attempt)

    def _holds(self, spec: TableSpec, layout: TableLayout) -> str:
        """SQL: a row has something to lose."""
        own = [f"t.{name(column)} IS NOT NULL" for column in sorted(self._personal(spec) & set(layout.columns))]
        own += [f"t.{name(RESCUED)} IS NOT NULL"] if RESCUED in layout.columns else []
        return f"({' OR '.join(own) or 'false'})"

    def _personal(self, spec: TableSpec) -> set[str]:
        """The columns of a table that hold personal data, declared or found."""
        tagged = {path for path, _ in self.stream.pii}
        found = {column_name(spec, ".".join(path)) for path in tagged}
        declared = {column.name: column.path for column in spec.columns}
        return {column for column, path in declared.items() if path in tagged} | (found - set(declared))

    def _rescued(
        self, cursor: duckdb.DuckDBPyConnection, spec: TableSpec, table: Opened, hit: Sequence[DataFile]
    ) -> bool:
        """Fill the table `rescued` with what texts of `_rescued` become; whether any changes."""
        texts = cursor.execute(
            f"SELECT DISTINCT t.{name(RESCUED)} FROM {self._read(table, hit)} AS t {self._joined(spec)} "
            f"WHERE d.hit AND t.{name(RESCUED)} IS NOT NULL"
        ).fetchall()
        told = self.tell([str(text) for (text,) in texts])
        cursor.execute("CREATE OR REPLACE TABLE rescued (old VARCHAR, new VARCHAR)")
        if told:
            cursor.execute("INSERT INTO rescued SELECT unnest(?), unnest(?)", [list(told), list(told.values())])
        return bool(told)

    def _index(self, cursor: duckdb.DuckDBPyConnection, table: Opened, attempt: str) -> Rewrite:
        """Hashes of contents that are no more are made into others."""
        keys = key_names(self.stream)
        on = " AND ".join(f"t.{key} = d.{key}" for key in keys)
        joined = f"LEFT JOIN (SELECT DISTINCT {', '.join(keys)}, true AS hit FROM {_ABOUT}) AS d ON {on}"
        hit, _ = self._hit(cursor, table, joined, "true")
        if self.is_dry or not hit:
            return Rewrite(anew=True)

        def value(column: str) -> str:
            if column != "_hash":
                return f"t.{name(column)}"
            return f"CASE WHEN d.hit THEN xor(t._hash, {self.salt}::BIGINT) ELSE t._hash END AS _hash"

        return self._written(table, hit, value, joined, attempt)

    def _hit(
        self, cursor: duckdb.DuckDBPyConnection, table: Opened, joined: str, holds: str
    ) -> tuple[list[DataFile], int]:
        """The files with rows that are meant and have something to lose, and how many rows these are."""
        if not table.live:
            return [], 0
        rows = self._read(table, filename=True)
        found = dict(
            cursor.execute(
                f"SELECT t.filename, count(*) FROM {rows} AS t {joined} WHERE d.hit AND {holds} GROUP BY ALL"
            ).fetchall()
        )
        store = self.committer.house.store
        return [file for file in table.live if store.engine_path(file.location) in found], sum(found.values())

    def _written(
        self, table: Opened, hit: Sequence[DataFile], value: Callable[[str], str], joined: str, attempt: str
    ) -> Rewrite:
        columns = ", ".join(value(column) for column in table.layout.columns)

        def rows(files: Sequence[DataFile]) -> list[str]:
            return [f"SELECT {columns} FROM {self._read(table, files)} AS t {joined}"]

        committer = self.committer
        writer = Writer(committer.engine, committer.house.store, table.layout, table.location, attempt)
        added = writer.write(Source(None, {}, hit, rows))
        return Rewrite(tuple(added), tuple(file.location for file in hit), anew=True)

    def _plain(self, cursor: duckdb.DuckDBPyConnection, spec: TableSpec, attempt: str) -> Swap:
        """The files of a plain table that lose something, written hidden."""
        house = self.committer.house
        moves: list[tuple[str, str]] = []
        seals: dict[str, str] = {}
        self.rows[spec.name] = 0
        for number, file in enumerate(files_of(house.store, house.root, spec.name)):
            read = parquet([house.store.engine_path(file.location)])
            there = [str(row[0]) for row in cursor.execute(f"DESCRIBE FROM {read}").fetchall()]
            personal = self._personal(spec) & set(there)
            holds = " OR ".join(f"t.{name(column)} IS NOT NULL" for column in sorted(personal)) or "false"
            rows = f"FROM {read} AS t {self._joined(spec)}"
            (count,) = cursor.execute(f"SELECT count(*) {rows} WHERE d.hit AND ({holds})").fetchone() or (0,)
            self.rows[spec.name] += int(count)
            if self.is_dry or not count:
                continue
            hidden = f"{house.root}/{PENDING}/{spec.name}/{attempt}-without-{number}.parquet"
            values = ", ".join(
                f"CASE WHEN d.hit THEN NULL ELSE t.{name(column)} END AS {name(column)}"
                if column in personal
                else f"t.{name(column)}"
                for column in there
            )
            target = quote(house.store.target_path(hidden))
            cursor.execute(f"COPY (SELECT {values} {rows}) TO {target} ({OPTIONS})")
            shown = f"{spec.name}/{file.location.rsplit('/', 1)[-1]}"
            moves.append((hidden, f"{house.root}/{shown}"))
            seals[shown] = house.store.seal(hidden)
        return Swap(tuple(moves), seals={0: seals})

    def _land(
        self, tables: Mapping[str, Opened], done: Mapping[str, Rewrite], swaps: Sequence[Swap], attempt: str
    ) -> None:
        house, index = self.committer.house, self.stream.index
        report = LoadReport(
            source="forget",
            pipeline=self.stream.pipeline,
            stream=self.stream.name,
            status="forgotten",
            identity=hashlib.sha256(f"forget\0{self.stream.index}\0{self.load_id}".encode()).hexdigest()[:24],
            load_id=self.load_id,
            version=house.now_ms() * 1_000_000,
            at=self.committer.now(),
            reason="personal data was taken out of the tables",
            seals=seals_of(swaps, 0, tables[index].next_sequence),
        )
        publish = publication(house.root, swaps)
        moves = list(self._moves(tables, done, report, publish, attempt))
        files = [file.location for each in done.values() for file in each.added]
        files += [hidden for swap in swaps for hidden, _ in swap.moves]
        self.committer.land(Prepared(files, moves, publish, [report]), tables[index].layout)

    def _moves(
        self,
        tables: Mapping[str, Opened],
        done: Mapping[str, Rewrite],
        report: LoadReport,
        publish: Mapping[str, object],
        attempt: str,
    ) -> Iterator[Move]:
        for table, opened in tables.items():
            summary, keep = {"orderlake.load-id": self.load_id, "orderlake.operation": "forget"}, KEEP_SNAPSHOTS
            if table == self.stream.index:
                summary |= {REPORTS: json.dumps([report.as_dict()]), PUBLISH: json.dumps(publish)}
                keep = KEEP_INDEX_SNAPSHOTS
            yield self.committer.house.move(opened, done[table], summary, attempt, keep)


def _as_stored(table: Opened) -> Opened:
    """A table with the columns it has: whatever else is declared comes with a load."""
    if table.metadata is None:
        return table
    return replace(table, layout=stored_layout(table.layout, table.metadata))
