"""Write, audit, publish: tested marts become Parquet files, and then one pointer is replaced for all of them.

1. Each mart whose rows are others than those published is written into the folder of this build; nobody reads it yet.
2. The files are made to last.
3. The pointer is replaced. From here on readers see the new marts, all of them.
4. Files that neither this publication nor the one before it names are deleted.

Whoever dies before step 3 leaves files that no pointer names; step 4 of the next build takes them away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.building.report import BuiltMart
from orderlake.building.workdb import MARTS
from orderlake.engine import Engine, name, quote
from orderlake.errors import ConfigError, QueryError
from orderlake.model.column import ColumnType
from orderlake.tables.kept import column_type
from orderlake.tables.layout import system_layouts
from orderlake.tables.published import FOLDER, Publication, PublishedMart, location, pointer, publish
from orderlake.wiring import Backends

if TYPE_CHECKING:
    import duckdb

_BUILT: Final = "built"
_KINDS: Final = frozenset({"table", "incremental", "seed", "snapshot"})
"""What dbt calls nodes that have rows of their own."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mart that stands in the private database, as its model describes it."""

    name: str
    grain: str
    unique_key: tuple[str, ...]
    sort_by: tuple[str, ...]
    about: str


def candidates(manifest: Mapping[str, Any], schema: str = MARTS) -> dict[str, Candidate]:
    """The marts among the nodes of dbt's manifest, by the id that dbt gives them."""
    found = {}
    for node, entry in manifest.get("nodes", {}).items():
        config = entry.get("config", {})
        if entry.get("schema") == schema and config.get("materialized") in _KINDS:
            meta = config.get("meta") or {}
            key = _names(meta.get("unique_key"))
            found[str(node)] = Candidate(
                str(entry["alias"]),
                str(meta.get("grain") or ""),
                key,
                _names(meta.get("sort_by")) or key,
                str(entry.get("description") or ""),
            )
    return found


def refuse_taken(backends: Backends, models: Iterable[str]) -> None:
    """ConfigError when a model has the name of something else that is asked by name."""
    tables = {spec.name for _, spec in backends.specs}
    plain = {file.stem for file in (backends.project.root / "marts").glob("*.sql")}
    for model in models:
        if model in tables or model in {layout.name for layout in system_layouts()}:
            raise ConfigError(f"the model {model} has the name of a table of the lake: give it another one")
        if model in plain:
            raise ConfigError(f"the model {model} is declared as marts/{model}.sql too: rename one of them")
    if FOLDER in tables:
        raise ConfigError(
            f"published marts are kept in the lake's folder {FOLDER}: give the table {FOLDER} another name"
        )


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes what stands in a private database. `publication` tells of this build, and names no marts yet."""

    backends: Backends
    engine: Engine
    database: Path
    publication: Publication

    def run(self, marts: Sequence[Candidate], last: Publication | None, *, partial: bool) -> list[BuiltMart]:
        """Publish these marts; a partial build leaves the others as they are, a whole one takes them away."""
        cursor = self.engine.cursor()
        cursor.execute(f"ATTACH {quote(str(self.database))} AS {_BUILT} (READ_ONLY)")
        try:
            before = {} if last is None else dict(last.marts)
            now = {mart.name: self._written(cursor, mart, before.get(mart.name)) for mart in marts}
        finally:
            cursor.execute(f"DETACH {_BUILT}")
        store, root = self.backends.store, self.backends.root
        fresh = [mart.name for mart in now.values() if mart.build == self.publication.build]
        store.sync(location(root, file) for mart in fresh for file in now[mart].files)
        if partial:
            now = before | now
        kept = () if last is None else last.files
        publication = replace(self.publication, marts=dict(sorted(now.items())), before=kept)
        publish(store, root, publication)
        self._sweep({*publication.files, *kept})
        return [BuiltMart(mart.name, mart.rows, mart.name in fresh) for mart in publication.marts.values()]

    def _written(
        self, cursor: duckdb.DuckDBPyConnection, mart: Candidate, before: PublishedMart | None
    ) -> PublishedMart:
        relation = f"{_BUILT}.{name(MARTS)}.{name(mart.name)}"
        columns = {column: _kept(kind, mart.name, column) for column, kind in _described(cursor, relation)}
        select = ", ".join(f"CAST({name(column)} AS {kind.sql}) AS {name(column)}" for column, kind in columns.items())
        rows, content = _content(cursor, f"(SELECT {select} FROM {relation})", list(columns))
        kinds = {column: kind.sql for column, kind in columns.items()}
        if before is not None and (before.content, dict(before.columns)) == (content, kinds):
            return replace(before, grain=mart.grain, unique_key=mart.unique_key, about=mart.about)
        file = f"{self.publication.build}/{mart.name}.parquet"
        target = location(self.backends.root, file)
        order = ", ".join(name(column) for column in mart.sort_by if column in columns)
        cursor.execute(
            f"COPY (SELECT {select} FROM {relation} {f'ORDER BY {order}' if order else ''}) "
            f"TO {quote(self.backends.store.target_path(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        found = self.backends.store.stat(target)
        return PublishedMart(
            name=mart.name,
            files=(file,),
            columns=kinds,
            rows=rows,
            bytes=0 if found is None else found.size,
            grain=mart.grain,
            unique_key=mart.unique_key,
            about=mart.about,
            content=content,
            build=self.publication.build,
        )

    def _sweep(self, keep: set[str]) -> None:
        store, root = self.backends.store, self.backends.root
        kept = {store.engine_path(location(root, file)) for file in keep} | {store.engine_path(pointer(root))}
        for found in list(store.list(f"{root}/{FOLDER}")):
            if store.engine_path(found.location) not in kept:
                store.delete(found.location)
                with suppress(OSError):  # others lie there still; and in a bucket there are no folders
                    Path(found.location).parent.rmdir()


def _described(cursor: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    return [(str(row[0]), str(row[1])) for row in cursor.execute(f"DESCRIBE {relation}").fetchall()]


def _content(cursor: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[str]) -> tuple[int, str]:
    """How many rows there are, and a fingerprint of them that does not depend on their order."""
    values = ", ".join(name(column) for column in columns)
    sums = ", ".join(f"sum(CAST(hash({salt}, {values}) AS HUGEINT))" for salt in (1, 2))
    row = cursor.execute(f"SELECT count(*), {sums} FROM {rows}").fetchone()
    count, *found = row if row is not None else (0,)
    return int(count), "-".join(str(value) for value in (count, *found))


def _kept(kind: str, mart: str, column: str) -> ColumnType:
    known = column_type(kind)
    if known is None:
        raise QueryError(f"model {mart}: column {column} is a {kind}, which other engines cannot read: cast it")
    return known


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(each) for each in value) if isinstance(value, list) else ()
