"""Plain Parquet tables: whose each file is, that it is as its load left it, and that its rows are those of the twin.

Their files have no manifest: what their load noted of them is in its report. A plain table's twin is an Iceberg table
of the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from orderlake.engine import name, parquet
from orderlake.model.data_file import DataFile
from orderlake.model.pipeline import TableSpec
from orderlake.model.staged import staged_name
from orderlake.tables.batch import source_of
from orderlake.tables.declared import plain_table, remembered
from orderlake.tables.hive import file_name, named
from orderlake.verify.files import UNKNOWN, Files
from orderlake.verify.finding import LOST, Finding
from orderlake.verify.keys import AGAIN
from orderlake.verify.subject import CREDITS, STANDING, Subject

_OWNERS: Final = "owners"
"""The engine's table of plain files, each with the number of its credit."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a plain file is: a source, and its credit where the index was asked."""

    identity: str
    uri: str
    credit: str = ""


@dataclass(frozen=True)
class PlainTable:
    """One plain Parquet table of a stream. Where `files` are only counted, the history tells whose they may be."""

    subject: Subject
    spec: TableSpec
    files: Files

    @property
    def folder(self) -> str:
        """Its folder, as the engine names it."""
        return self.files.store.engine_path(f"{self.subject.backends.root}/{self.spec.name}")

    @cached_property
    def there(self) -> list[str]:
        """The files that readers of the folder see."""
        inside = (path for path in self.files.listed if path.startswith(f"{self.folder}/"))
        return [path for path in inside if "/." not in path.removeprefix(self.folder)]

    @cached_property
    def owners(self) -> dict[str, Owner]:
        """Whose each file is that may be there."""
        prefix, found = f"{self.folder}/", {}
        if self.files.quick:
            for each in self.subject.events:
                file = named(self.spec.file_prefix, each.version, each.identity)
                found[prefix + file] = Owner(each.identity, each.source)
            return found
        for credit in self.subject.standing():
            source = source_of(credit)
            found[prefix + file_name(self.spec.file_prefix, source)] = Owner(source.identity, source.uri, credit)
        return found

    def whole(self) -> Iterator[Finding]:
        """Each file is of a source that stands, and as its load left it; none that should be there is gone."""
        owners, noted, rows, table = self.owners, self._noted(), self._rows(), self.spec.name
        own = []
        for path in self.there:
            if path in owners and noted.get(path) != "":
                own.append(DataFile(path, rows.get(owners[path].identity, UNKNOWN), UNKNOWN, seal=noted.get(path)))
                continue
            what = "belongs to no source that stands in the tables"
            yield Finding("foreign", f"{table}: the file {path} {what}", _AWAY, table, path)
        for file, state in zip(own, self.files.store.each(self.files.state, own), strict=True):
            yield from self.files.told(table, file.location, state)
        there = set(self.there)
        for path, owner in owners.items():
            wanted = noted[path] != "" if path in noted else rows.get(owner.identity, UNKNOWN) > 0
            if wanted and path not in there and self.files.found(path) is None:
                yield Finding("gone", f"{table}: the file {path} is gone", LOST, table, path, owner.uri)

    def owned(self) -> Iterator[Finding]:
        """Each file's rows are of records that stand for its source."""
        subject, owners = self.subject, self.owners
        mine = [path for path in self.there if path in owners]
        if not mine or not subject.stream.key:
            return
        subject.cursor.execute(f"CREATE OR REPLACE TABLE {_OWNERS} (path VARCHAR, credit VARCHAR)")
        subject.cursor.execute(
            f"INSERT INTO {_OWNERS} SELECT unnest(?), unnest(?)", [mine, [owners[path].credit for path in mine]]
        )
        keys = ", ".join(f"t.{key}" for key in subject.keys(self.spec))
        rows = subject.cursor.execute(
            f"SELECT t.filename, count(*), any_value(concat_ws(', ', {keys})) "
            f"FROM {self.rows(filename=True)} AS t "
            f"JOIN (SELECT path, n FROM {_OWNERS} JOIN {CREDITS} USING (credit)) AS o ON o.path = t.filename "
            f"LEFT JOIN {STANDING} AS i ON {subject.same(self.spec)} "
            "WHERE i.n IS DISTINCT FROM o.n GROUP BY t.filename ORDER BY t.filename"
        ).fetchall()
        for path, count, key in rows:
            yield Finding(
                "unknown",
                f"{self.spec.name}: {count} rows of {path} are of records that stand for another source, "
                f"for example {key}",
                AGAIN,
                self.spec.name,
                str(path),
                owners[str(path)].uri,
            )

    def like_its_twin(self) -> Iterator[Finding]:
        """Its rows are those of its twin, value by value in the columns that both have."""
        subject, spec = self.subject, self.spec
        twin = next(
            (each for each in subject.stream.tables if each.format == "iceberg" and each.rows == spec.rows), None
        )
        if twin is None:
            return
        own, other = self._values(twin)
        mine, others = _sums(self.rows(), own), _sums(subject.rows(twin.name), other)
        rows, values = subject.cursor.execute(mine).fetchone() or (0, None)
        there, known = subject.cursor.execute(others).fetchone() or (0, None)
        if rows != there:
            message = f"{spec.name}: has {rows} rows, {twin.name} has {there}"
            yield Finding("doubled" if rows > there else "missing", f"{message}{self._example(twin)}", AGAIN, spec.name)
        elif values != known:
            message = f"{spec.name}: has other values than {twin.name}{self._example(twin)}"
            yield Finding("disagrees", message, AGAIN, spec.name)
        else:
            subject.tally.twins += 1

    def _example(self, twin: TableSpec) -> str:
        """Which records differ, for people."""
        subject, (own, other) = self.subject, self._values(twin)
        here, there = self.rows(filename=True), subject.rows(twin.name)
        if here is None or there is None or not subject.stream.key:
            return ""
        numbered = [f"_k{number}" for number in range(len(subject.keys(twin)))]

        def grouped(rows: str, keys: list[str], values: str, more: str) -> str:
            named = ", ".join(f"{key} AS {number}" for key, number in zip(keys, numbered, strict=True))
            return f"(SELECT {named}, count(*) AS c, sum({values}::HUGEINT) AS v, {more} FROM {rows} GROUP BY ALL)"

        mine = grouped(here, subject.keys(self.spec), own, "max(filename) AS file")
        others = grouped(there, subject.keys(twin), other, "max(_source_file) AS source")
        key = ", ".join(numbered)
        found = subject.cursor.execute(
            f"SELECT count(*), any_value(concat_ws(', ', {key})), any_value(source), any_value(file) "
            f"FROM {mine} AS a FULL JOIN {others} AS b USING ({key}) "
            "WHERE a.c IS DISTINCT FROM b.c OR a.v IS DISTINCT FROM b.v"
        ).fetchone()
        if found is None or not found[0]:
            return ""
        return f": {found[0]} records differ, for example {found[1]} (of {found[2]}, in {found[3]})"

    def rows(self, *, filename: bool = False) -> str | None:
        """A FROM item: the rows of its files, as they are to be read; None when it has none."""
        here = [path for path in self.there if path.endswith(".parquet")]
        types, differs = plain_table(self.spec, remembered(self.subject.opened[self.subject.stream.index]))
        columns = {column: kind.sql for column, kind in types.items()} if differs else None
        return parquet(here, filename=filename, columns=columns) if here else None

    def _values(self, twin: TableSpec) -> tuple[str, str]:
        """SQL: a fingerprint of a row's values in the columns that both tables have, however they name them."""
        theirs = {staged_name(column): column.name for column in twin.columns}
        every = [(each.name, theirs[staged_name(each)]) for each in self.spec.columns if staged_name(each) in theirs]
        pairs = [(mine, other) for mine, other in every if self._is_steady(mine, twin, other)]
        types = self.subject.opened[twin.name].layout.columns
        own = ", ".join(f"{name(mine)}::{types[other].sql}" for mine, other in pairs) or "0"
        others = ", ".join(f"{name(other)}::{types[other].sql}" for _, other in pairs) or "0"
        return f"hash({own})", f"hash({others})"

    def _is_steady(self, mine: str, twin: TableSpec, other: str) -> bool:
        """Whether a column has meant the same in both tables ever since: pipelines change, and old rows stay."""
        known = remembered(self.subject.opened[self.subject.stream.index])
        if known is None:
            return True
        own, others = (known.tables.get(table.name) for table in (self.spec, twin))
        return own is not None and others is not None and mine in own.steady and other in others.steady

    def _noted(self) -> dict[str, str]:
        """The seal of each file, as the newest commit that touched it left it."""
        newest: dict[str, tuple[int, str]] = {}
        for report in self.subject.events:
            for file, (commit, seal) in report.seals.items():
                newest[file] = max(newest.get(file, (0, "")), (commit, seal))
        root = self.files.store.engine_path(self.subject.backends.root)
        return {f"{root}/{file}": seal for file, (_, seal) in newest.items()}

    def _rows(self) -> dict[str, int]:
        """Per source identity, the rows of its file; none of those whose records others have taken over."""
        events = self.subject.events
        touched = {identity for each in events for identity in (*each.replaced, *each.restored)}
        wrote = {each.identity: each.tables.get(self.spec.name, 0) for each in events if each.status == "loaded"}
        return {identity: rows for identity, rows in wrote.items() if identity not in touched}


_AWAY: Final = "take it out of the folder: whoever reads the folder counts its rows"


def _sums(rows: str | None, values: str) -> str:
    """SQL: how many rows, and a fingerprint of their values whatever their order."""
    if rows is None:
        return "SELECT 0, NULL"
    return f"SELECT count(*), CAST(sum({values}::HUGEINT) AS VARCHAR) FROM {rows}"
