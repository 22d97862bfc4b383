"""Questions to a lake: which tables can be asked, in which files they lie, and who answers."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from orderlake.anatomy import Anatomy, anatomy
from orderlake.building.origin import heads_of, origin_of
from orderlake.config import DEFAULT_MEMORY_MB, deployed
from orderlake.errors import ConfigError, NotFoundError, QueryError, TransientError
from orderlake.explain.moment import Moment, moment_of
from orderlake.explain.past import past, versions_then
from orderlake.marts import declared_marts
from orderlake.query.asked import tables_asked
from orderlake.query.duckdb import QueryTable, Question, Result, confine
from orderlake.query.footers import Footers
from orderlake.query.room import room_mb
from orderlake.storage.touched import touched
from orderlake.tables.evolve import stored_layout
from orderlake.tables.hive import files_of
from orderlake.tables.kept import kept_as
from orderlake.tables.layout import system_layouts, table_layout
from orderlake.tables.published import Publication, location, pointer, published
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.engine import Engine
    from orderlake.model.column import ColumnType
    from orderlake.query.grain import Grains

T = TypeVar("T")
_TRIES: Final = 3
"""How often a question is asked whose files are replaced under it."""


class Session:
    """Answers many questions with one engine. Tables are looked up again only when one of them has changed.

    Threads may share a session; each question sees all tables as of one moment. What a `confined` one is asked
    reads no file outside the lake and raw/.
    """

    def __init__(self, backends: Backends, *, confined: bool = False) -> None:
        self._backends = backends
        self._confined = confined
        folder = f"{os.getpid()}-query-{uuid.uuid4().hex[:8]}"
        self._folder = backends.project.state / "work" / folder
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._token = ""
        self._seen: tuple[object, str] = (None, "")
        """What was there when the token was made last, as far as that is cheap to tell, and the token."""
        self._tables: Sequence[QueryTable] = ()
        self._footers = Footers(lambda: self.engine, self._version)

    @property
    def engine(self) -> Engine:
        """The DuckDB that answers, opened with the first question."""
        with self._lock:
            if self._engine is None:
                engine = self._backends.engine(self._folder)
                if self._confined:
                    if self._backends.project.memory_mb == DEFAULT_MEMORY_MB:  # nobody has asked for another
                        engine.connection.execute(f"SET memory_limit = '{room_mb(DEFAULT_MEMORY_MB)}MB'")
                    confine(engine, [*self._places(), str(self.folder)])
                self._engine = engine
            return self._engine

    @property
    def folder(self) -> Path:
        """A folder for answers on their way, which goes with the session."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def _places(self) -> list[str]:
        """Where the files lie that may be read."""
        project = self._backends.project
        raw = str(project.raw) if project.aws is None else project.aws.raw
        return [self._backends.store.engine_path(self._backends.root), raw]

    def token(self) -> str:
        """A text that changes when, and only when, a table has other rows than before."""
        there = _there(self._backends)
        before, token = self._seen
        if there is None or there != before:
            token = _token(self._backends)
            self._seen = (there, token)
        return token

    def tables(self) -> Sequence[QueryTable]:
        """The tables that can be asked, as they are now."""
        token = self.token()
        with self._lock:
            is_new = token != self._token
            if is_new:
                self._tables, self._token = query_tables(self._backends), token
            found = self._tables
        if is_new:
            self._footers.keep(file for table in found for file in table.files)
        return found

    def query(self, sql: str, as_of: str | Moment | None = None) -> Result:
        """Answer one SELECT in DuckDB's SQL; QueryError says what is wrong with it.

        `as_of` asks the Iceberg tables as they were at one moment; errors then as of `meant` and of `past`.
        """
        if as_of is None:
            return self.ask(sql, Question.answer)
        moment = meant(self._backends, as_of)
        seen = past(self._backends, moment, sql, self._marts())
        return replace(Question(self.engine, seen.tables, sql).answer(), notes=(moment.said, *seen.notes))

    def _marts(self) -> list[str]:
        publication = _publication(self._backends)
        built = () if publication is None else publication.marts.values()
        return [*(file.stem for file in declared_marts(self._backends)), *(mart.name for mart in built)]

    def ask(self, sql: str, how: Callable[[Question], T], seconds: float | None = None) -> T:
        """What `how` makes of a SELECT, which it may stop, and which is stopped after so many seconds.

        Files of plain Parquet tables go when a load replaces them: then it is asked once more, of those that are there.
        """
        for _ in range(_TRIES):
            tables = self.tables()
            try:
                return how(Question(self.engine, tables, sql, seconds))
            except QueryError as error:
                if error.__cause__ is None or not self._gone(tables):
                    raise
        return how(Question(self.engine, self.tables(), sql, seconds))

    def _gone(self, tables: Sequence[QueryTable]) -> bool:
        """Whether a file of these tables is there no more; in a bucket it is not looked for."""
        return not self._backends.is_remote and any(not os.path.exists(file) for one in tables for file in one.files)  # noqa: PTH110 - of thousands

    def anatomy(self, table: str, *, values: bool = True) -> Anatomy:
        """What a table is made of, by its metadata alone; NotFoundError when there is none of that name.

        Without `values` it is not asked what the columns of plain Parquet files hold, which takes a while for many.
        """
        return anatomy(self._backends, self._footers, self.tables(), table, values=values)

    def _version(self, file: str) -> object:
        """What changes when a file is replaced; of a lake in buckets, when anything is."""
        return self._token if self._backends.is_remote else self._backends.store.stat(file)

    def close(self) -> None:
        """Give back memory and spill files."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def query_tables(backends: Backends) -> list[QueryTable]:
    """Every table that can be asked, with its files: declared ones, quarantine, and the marts that were built."""
    found = list(origin_of(backends).tables)
    for file in sorted((backends.project.root / "marts").glob("*.sql")):
        files = _files(backends, file.stem)
        found += [QueryTable(file.stem, files, {})] if files else []  # not built yet: no table
    return found + _published(backends, {table.name for table in found})


def declared(backends: Backends) -> dict[str, dict[str, str]]:
    """Columns and types of each table that can be asked, quarantine and marts among them, as the project has it."""
    kinds: dict[str, Mapping[str, ColumnType]] = {
        spec.name: table_layout(stream, spec).columns
        if spec.format == "iceberg"
        else {column.name: column.type for column in spec.columns}
        for stream, spec in backends.specs
    }
    kinds |= {layout.name: layout.columns for layout in system_layouts()}
    found = {table: {column: kind.sql for column, kind in columns.items()} for table, columns in kinds.items()}
    marts = {}
    for file in declared_marts(backends):
        from orderlake.query.dialect import described  # noqa: PLC0415 - most projects have no such file

        try:
            columns, types = described(file.read_text(encoding="utf-8"), found)
        except QueryError as error:
            raise QueryError(f"{file}: {error}") from error
        marts[file.stem] = {column: kept_as(kind) for column, kind in zip(columns, types, strict=True)}
    return found | marts


def grains(backends: Backends) -> Grains:
    """What is known of the rows of each table: pipelines, models of marts, and the SELECTs of `marts/` say it."""
    from orderlake.query.grain import grains_of, mart_grain  # noqa: PLC0415 - most questions add nothing up

    publication = _publication(backends)
    marts = () if publication is None else publication.marts.values()
    known = [mart_grain(one.name, one.grain, one.unique_key, one.columns) for one in marts if one.unique_key]
    views = {file.stem: file.read_text(encoding="utf-8") for file in declared_marts(backends)}
    return grains_of(backends.pipelines, known, views)


def meant(backends: Backends, as_of: str | Moment) -> Moment:
    """The moment that a text means; ConfigError and NotFoundError say what is wrong with it."""
    return moment_of(backends, as_of, datetime.now(UTC)) if isinstance(as_of, str) else as_of


def on_athena(backends: Backends, sql: str, as_of: str | Moment | None = None) -> Result:
    """Let Athena answer a SELECT in DuckDB's SQL, for a deployed lake; of the tables as they were at a moment."""
    from orderlake.cost.actual import query_cost  # noqa: PLC0415 - needs the extra `aws`
    from orderlake.query.athena import AthenaEngine  # noqa: PLC0415 - as above

    project = backends.project
    settings = project.aws if project.aws is not None else deployed(project.root)
    tables = declared(backends)
    there = Backends(replace(project, aws=settings))
    if as_of is not None:
        moment = meant(there, as_of)
        columns, versions, notes = versions_then(there, moment, sql)
        engine = AthenaEngine(settings, tables | columns, query_cost, versions)
        return replace(engine.run(sql), notes=(moment.said, *notes))
    try:
        asked = frozenset(tables_asked(sql))
    except ValueError:
        asked = frozenset()  # what is wrong with it is said by who translates it
    found, notes = _stored_or_declared(there, asked)
    answer = AthenaEngine(settings, tables | found | _built(there, asked, tables), query_cost).run(sql)
    return replace(answer, notes=(*notes, *answer.notes))


def stored(there: Backends, asked: frozenset[str]) -> dict[str, dict[str, str]]:
    """Of the Iceberg tables among those asked, the columns they have: some that no pipeline declares, or not yet.

    A table that no load has filled has none.
    """
    layouts = [table_layout(stream, spec) for stream, spec in there.specs if spec.format == "iceberg"]
    wanted = [layout for layout in (*layouts, *system_layouts()) if layout.name in asked]
    if not wanted:
        return {}
    return {
        table: {column: kind.sql for column, kind in stored_layout(opened.layout, opened.metadata).columns.items()}
        for table, opened in there.house.open(wanted, files=False).items()
        if opened.metadata is not None
    }


def _stored_or_declared(there: Backends, asked: frozenset[str]) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """As `stored`; who may ask Athena may not read what is beside it: then nothing, and a note that says why."""
    try:
        return stored(there, asked), ()
    except (ConfigError, NotFoundError, TransientError) as error:
        return {}, (f"only columns that the pipelines declare were asked for, since others cannot be seen: {error}",)


def _built(there: Backends, asked: frozenset[str], tables: Mapping[str, object]) -> dict[str, Mapping[str, str]]:
    """The marts that Athena keeps, looked up where a statement asks for more than the declared tables."""
    if asked <= {table.lower() for table in tables}:
        return {}
    publication = published(there.store, there.root)
    marts = () if publication is None else publication.marts.values()
    return {mart.name: mart.columns for mart in marts if mart.name not in tables}


def _there(backends: Backends) -> object:
    """What changes whenever the token would; None where it takes as long to tell as the token itself."""
    if backends.is_remote:
        return None
    lake, marts = backends.project.lake, backends.project.root / "marts"
    plain = [spec.name for _, spec in backends.specs if spec.format == "parquet"]
    plain += [file.stem for file in marts.glob("*.sql")]
    published_by = Path(backends.store.engine_path(pointer(backends.root))).parent
    times = touched([marts, published_by, *(lake / table for table in plain)])
    return None if times is None else (backends.catalog.tables(), times)


def _token(backends: Backends) -> str:
    plain = [file.stem for file in sorted((backends.project.root / "marts").glob("*.sql"))]
    seen = [
        (found.location, found.version) for table in plain for found in files_of(backends.store, backends.root, table)
    ]
    marts = _publication(backends)
    heads = sorted(heads_of(backends).items())
    return hashlib.sha256(repr((heads, seen, None if marts is None else marts.build)).encode()).hexdigest()


def _publication(backends: Backends) -> Publication | None:
    """What `orderlake build` has published; of a lake in buckets it is Athena's, and no file of ours."""
    return None if backends.is_remote else published(backends.store, backends.root)


def _published(backends: Backends, taken: set[str]) -> list[QueryTable]:
    """The published marts. One whose name a table has got since is not asked: tables come first."""
    publication = _publication(backends)
    marts = () if publication is None else publication.marts.values()
    return [
        QueryTable(mart.name, _where(backends, mart.files), mart.columns) for mart in marts if mart.name not in taken
    ]


def _where(backends: Backends, files: Sequence[str]) -> list[str]:
    return [backends.store.engine_path(location(backends.root, file)) for file in files]


def _files(backends: Backends, table: str) -> list[str]:
    """The files of a plain Parquet table, as the engine calls them."""
    return [backends.store.engine_path(found.location) for found in files_of(backends.store, backends.root, table)]
