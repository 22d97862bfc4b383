"""The lake: order files in, trusted tables out. The same words as on the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self, cast

from orderlake.config import PROJECT_FILE, Project, find_project, in_environment, load_project
from orderlake.errors import ConfigError, LakeError
from orderlake.model.pipeline import Pipeline
from orderlake.model.report import ANY_LOAD, LoadPage, LoadReport, Wanted
from orderlake.telling import Loads
from orderlake.wiring import Backends, bundled_pipelines, utc_now

if TYPE_CHECKING:
    from orderlake.building.report import BuildReport, Step
    from orderlake.engine import Engine
    from orderlake.exporting import Export, Exported
    from orderlake.inventory import TableInfo
    from orderlake.marts import Mart
    from orderlake.mending import Mended, Mender, Quarantined
    from orderlake.model.pipeline import Stream
    from orderlake.model.ports import Ledger, SourceFiles
    from orderlake.model.source import SourceObject
    from orderlake.overview import Keeper
    from orderlake.query.duckdb import Result
    from orderlake.query.grain import FanOut
    from orderlake.query.saved import SavedQuery
    from orderlake.querying import Session
    from orderlake.tables.compact import Compaction
    from orderlake.verify import VerifyReport
    from orderlake.watching import Pace

_PROJECT_TEXT: Final = """\
# An orderlake project. Drop files into raw/, then `orderlake run`.
raw: raw                # where new files are looked for
lake: lake              # where the tables are kept
# memory_mb: 192        # what the engine may hold; file size does not matter
# workers: 2            # shares of a file read at once; one per core by default
"""


class Lake:
    """A project folder with its raw files and tables.

    >>> Lake.init("/tmp/shop", ["orders"]).run(["orders.json"])  # doctest: +SKIP
    """

    def __init__(self, project: str | os.PathLike[str] | None = None, env: str | None = None) -> None:
        """Open a project folder, or the nearest one upward; NotFoundError says how to make one.

        `env` is `local` for the lake in folders, or `aws` for the one that the project is deployed as; by default what
        ORDERLAKE_ENV says, else local.
        """
        root = find_project(Path.cwd()) if project is None else Path(project)
        self._backends = Backends(in_environment(load_project(root), env))

    @classmethod
    def of(cls, project: Project) -> Self:
        """Open a lake by its settings."""
        lake = cls.__new__(cls)
        lake._backends = Backends(project)  # noqa: SLF001 - our own
        return lake

    @classmethod
    def init(cls, folder: str | os.PathLike[str], pipelines: Sequence[str] = ()) -> Lake:
        """Make a project with bundled pipelines (all of them when none is named); existing files stay.

        A project that has pipelines gets only those named.
        """
        bundled = bundled_pipelines()
        for wanted in pipelines:
            if wanted not in bundled:
                raise ConfigError(f"there is no bundled pipeline {wanted!r}; there are {', '.join(bundled)}")
        root = Path(folder)
        if root.exists() and not root.is_dir():
            raise ConfigError(f"{root} is a file: name a folder")
        (root / "raw").mkdir(parents=True, exist_ok=True)
        (root / "pipelines").mkdir(exist_ok=True)
        if not (root / PROJECT_FILE).exists():
            (root / PROJECT_FILE).write_text(_PROJECT_TEXT, encoding="utf-8")
        has_some = any((root / "pipelines").glob("*.y*ml"))
        for wanted in pipelines or (() if has_some else bundled):
            if not (root / "pipelines" / f"{wanted}.yaml").exists():
                shutil.copyfile(bundled[wanted], root / "pipelines" / f"{wanted}.yaml")
        return cls(root, "local")  # whatever ORDERLAKE_ENV says: nothing of it is deployed yet

    @property
    def project(self) -> Project:
        """Where the project's parts lie."""
        return self._backends.project

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The project's pipelines."""
        return self._backends.pipelines

    def run(
        self,
        paths: Sequence[str | os.PathLike[str]] = (),
        pipeline: str | None = None,
        on_report: Callable[[LoadReport], None] = lambda _: None,
        on_step: Callable[[int], None] = lambda _: None,
    ) -> list[LoadReport]:
        """Load these files, folders or patterns, or whatever is new under raw/; one report per file.

        A file that cannot be read is reported as rejected and the others load. Loading a file again
        changes nothing. Raises ConfigError, NotFoundError, TransientError; never for bad data.
        """
        return self._loads.run(self.sources.find(paths), on_report, pipeline, on_step)

    def load(
        self,
        sources: Sequence[SourceObject],
        on_report: Callable[[LoadReport], None] = lambda _: None,
        proceed: Callable[[], bool] = lambda: True,
    ) -> list[LoadReport]:
        """Load these source objects; `proceed` is asked before each group, and no ends the load there.

        A report per object, in the order given, those apart that were not begun. Raises as `run` does; `on_report` has
        heard then of what was done.
        """
        return self._loads.run(sources, on_report, proceed=proceed)

    @cached_property
    def _loads(self) -> Loads:
        return Loads(self._backends)

    @property
    def sources(self) -> SourceFiles:
        """Where source objects come from."""
        return self._backends.sources

    @property
    def ledger(self) -> Ledger:
        """What was loaded, by source identity."""
        return self._backends.ledger

    def watch(
        self,
        wait: Callable[[float], bool],
        on_report: Callable[[LoadReport], None] = lambda _: None,
        on_error: Callable[[LakeError], None] = lambda _: None,
        pace: Pace | None = None,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Load what lands in raw/, each file once it is complete, until `wait(seconds)` gives True.

        `wait` sleeps for so long, or less when it is time to stop; the load in hand is finished
        first. `on_error` hears of a load that failed; it is tried again when that may help. `then` follows each round
        that loaded something.
        """
        from orderlake.watching import EVERY_SECOND, Watch  # noqa: PLC0415 - `run` watches nothing

        if self._backends.is_remote:
            raise ConfigError("on AWS each new file announces itself, there is nothing to watch: leave --env aws out")
        load = partial(self._loads.run, on_report=on_report)
        follow = then or (lambda: None)
        Watch(lambda: self.sources.find(()), load, wait, on_error, pace or EVERY_SECOND, then=follow).run()

    def query(self, sql: str, on: Literal["duckdb", "athena"] = "duckdb") -> Result:
        """Answer one SELECT over all tables by name, in DuckDB's SQL on either engine; QueryError when it cannot be.

        Athena answers for a deployed lake only, bills for it, and tells for how much (`Result.stats`).
        """
        from orderlake import querying  # noqa: PLC0415 - `run` needs no query engine

        if on == "athena":
            return querying.on_athena(self._backends, sql)
        with self.session() as session:
            return session.query(sql)

    def lint(self, sql: str) -> list[FanOut]:
        """What a statement counts more than once, each with a message; nothing where the lake knows too little."""
        from orderlake.query.grain import adds_up, fan_outs  # noqa: PLC0415 - as above

        if not adds_up(sql):
            return []
        from orderlake.querying import grains  # noqa: PLC0415 - as above

        return fan_outs(sql, grains(self._backends))

    def saved_queries(self, on_fault: Callable[[ConfigError], None] | None = None) -> list[SavedQuery]:
        """The saved queries that can be asked here, the project's own (`queries/*.sql`) among them, by group and name.

        ConfigError names the file and line of one that is faulty; `on_fault` hears of each instead, for the others.
        """
        from orderlake.query.saved import folders, saved_queries  # noqa: PLC0415 - as above
        from orderlake.querying import declared  # noqa: PLC0415 - as above

        tables = declared(self._backends)
        found = saved_queries(folders(self.project.root), on_fault)
        return [each for each in found.values() if not each.lacking(tables)]

    def saved_query(self, name: str) -> SavedQuery:
        """One saved query by name; NotFoundError has the names that come close, or the tables that are lacking."""
        from orderlake.query.saved import folders, saved_query  # noqa: PLC0415 - as above
        from orderlake.querying import declared  # noqa: PLC0415 - as above

        return saved_query(name, folders(self.project.root), declared(self._backends))

    def saved(
        self, name: str, params: Mapping[str, str] | None = None, on: Literal["duckdb", "athena"] = "duckdb"
    ) -> Result:
        """Answer a saved query; a parameter that is not given has its default. Raises as `saved_query` and `query` do.

        ConfigError for a parameter that there is not, or a value that is none of its type.
        """
        return self.query(self.saved_query(name).bound(params or {}), on)

    def session(self, *, confined: bool = False) -> Session:
        """Ask many questions: the engine stays, and tables are looked up again only when one has changed.

        What a `confined` session is asked reads no files but the lake's own and those in raw/.
        """
        from orderlake.querying import Session  # noqa: PLC0415 - as above

        return Session(self._backends, confined=confined)

    def export(self, wanted: Export) -> list[Exported]:
        """Write tables, or one answer, to files for other tools; each file appears whole or not at all."""
        from orderlake.exporting import export  # noqa: PLC0415 - `run` exports nothing

        with self.session() as session:
            token = session.token()
            return export(self._backends, session.engine, session.tables(), token, wanted)

    def overview(self, session: Session) -> Keeper:
        """The figures of the lake's shops, summed ahead of questions; `session` says which tables there are."""
        from orderlake.overview import Keeper  # noqa: PLC0415 - as above

        return Keeper(self._backends, session.tables, session.token)

    def tables(self, *, system: bool = False) -> list[TableInfo]:
        """The declared tables, and quarantine once it has rows; with `system` also the hidden ones."""
        from orderlake.inventory import inventory  # noqa: PLC0415 - `run` of loaded files needs no tables

        return inventory(self._backends, system=system)

    def quarantine(self, source: str | None = None, limit: int | None = None) -> list[Quarantined]:
        """The records set aside, newest last: of sources whose name holds `source`, at most the last `limit`.

        Each stands once, however often it was mended, with its `status`: open, fixed or replaced.
        """
        from orderlake.engine import quote  # noqa: PLC0415 - as above
        from orderlake.mending import quarantine_records  # noqa: PLC0415 - as above

        where = "" if source is None else f"WHERE contains(source, {quote(source)})"
        some = "" if limit is None else f"LIMIT {max(0, limit)}"
        records = quarantine_records(self.project, self.loads())
        newest = f"SELECT * FROM {records} {where} ORDER BY quarantined_at DESC, source DESC, position DESC {some}"
        # As UTC without a zone: DuckDB gives times with a zone only where pytz is installed.
        result = self.query(
            "SELECT * REPLACE (make_timestamp(epoch_us(quarantined_at)) AS quarantined_at) "
            f"FROM ({newest}) ORDER BY quarantined_at, source, position"
        )
        at = result.columns.index("quarantined_at")
        times = [row[at].replace(tzinfo=UTC).isoformat(timespec="milliseconds") for row in result.rows]
        rows = zip(result.as_dicts(), times, strict=True)
        return [cast("Quarantined", row | {"quarantined_at": time}) for row, time in rows]

    def fix(self, source: str, position: int, record: str, version: int | None = None) -> Mended:
        """Load a record of the quarantine with this text: as a file of its own, with the time of the file it is from.

        Of a CSV file `record` is the row, with or without the header above it. The outcome is in what is returned;
        DataError says what is wrong with the text, ConfigError why a record of this source cannot be mended.
        """
        return self._mender().fix(source, position, record, version)

    def replay(self, source: str, position: int, version: int | None = None) -> Mended:
        """Load a record of the quarantine as it is, once the pipeline takes what it refused; as `fix` otherwise."""
        return self._mender().fix(source, position, None, version)

    def draft(self, source: str, position: int, version: int | None = None) -> str:
        """The text to begin fixing a record of the quarantine with; errors as of `fix`."""
        return self._mender().draft(source, position, version)

    def _mender(self) -> Mender:
        from orderlake.mending import Mender  # noqa: PLC0415 - as above

        return Mender(self._backends, self.query, self.load)

    def verify(self) -> VerifyReport:
        """Recount everything from stored data; the report names each table and file that disagrees."""
        from orderlake.verify import verify  # noqa: PLC0415 - `run` needs no verification

        engine = self._backends.engine(self.project.state / "work" / f"{os.getpid()}-verify")
        try:
            for pipeline in self.pipelines:
                for stream in pipeline.streams:
                    self._recover(engine, stream)
            return verify(self._backends, engine)
        finally:
            engine.close()

    def compact(self) -> list[Compaction]:
        """Make one file of the small ones of each partition; no row changes. A report per table that has files."""
        from orderlake.tables.commit import newest  # noqa: PLC0415 - `run` compacts nothing
        from orderlake.tables.compact import compact  # noqa: PLC0415 - as above
        from orderlake.tables.layout import index_layout, quarantine_layout, table_layout  # noqa: PLC0415 - as above

        done: list[Compaction] = []
        engine = self._backends.engine(self.project.state / "work" / f"{os.getpid()}-compact")
        try:
            for stream in (stream for pipeline in self.pipelines for stream in pipeline.streams):
                self._recover(engine, stream)
                index = index_layout(stream)
                layouts = [table_layout(stream, spec) for spec in stream.tables if spec.format == "iceberg"]
                with self._backends.ledger.turn(stream.index):
                    done += [compact(engine, self._backends.house, layout) for layout in layouts]
                    done.append(compact(engine, self._backends.house, index, newest(index)))
            done.append(compact(engine, self._backends.house, quarantine_layout()))
        finally:
            engine.close()
        return [one for one in done if one.before]

    def marts(self) -> list[Mart]:
        """Build the marts (`marts/*.sql`, a SELECT each) as plain Parquet tables; QueryError names the file."""
        from orderlake.marts import build_marts  # noqa: PLC0415 - `run` builds none
        from orderlake.querying import query_tables  # noqa: PLC0415 - as above

        engine = self._backends.engine(self.project.state / "work" / f"{os.getpid()}-marts")
        try:
            return build_marts(self._backends, engine, query_tables(self._backends))
        finally:
            engine.close()

    def build(
        self,
        select: Sequence[str] = (),
        on_step: Callable[[Step], None] = lambda _: None,
        *,
        full_refresh: bool = False,
        docs: bool = False,
    ) -> BuildReport:
        """Build the marts with dbt, test them, and publish them all at once if every test passes.

        Nothing is done when neither tables nor models have changed. `select` builds a part, in dbt's words; `docs`
        makes dbt's documentation too. Raises CheckFailedError for a test, QueryError for a model that failed.
        """
        from orderlake.building.builder import Options  # noqa: PLC0415 - `run` builds none

        return self._loads.build(Options(tuple(select), full_refresh, docs), on_step)

    def eject_models(self) -> Path:
        """Copy the bundled dbt models into the project's `dbt/`, which is built from then on; give that folder."""
        from orderlake.building.models import eject  # noqa: PLC0415 - as above

        return eject(self.project)

    def loads(self) -> Sequence[LoadReport]:
        """The whole load history, oldest first."""
        return self._backends.ledger.loads()

    def recent(self, limit: int, before: str | None = None, wanted: Wanted = ANY_LOAD) -> LoadPage:
        """The newest loads that are wanted, newest first, at most `limit`, from where an earlier page ended on."""
        return self._backends.ledger.recent(limit, before, wanted)

    def _recover(self, engine: Engine, stream: Stream) -> None:
        """Finish what a load that died left behind, so that it is not taken for a fault."""
        from orderlake.tables.commit import Committer  # noqa: PLC0415 - as above
        from orderlake.tables.layout import index_layout  # noqa: PLC0415 - as above

        with self._backends.ledger.turn(stream.index):
            parts = self._backends
            Committer(engine, parts.house, parts.ledger, parts.sources, utc_now).recover(index_layout(stream))

    def close(self) -> None:
        """Give back the catalog and the ledger."""
        self._loads.close()
        self._backends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
