"""From settings to backends: the one place that knows which catalog, ledger and store a project uses."""

from __future__ import annotations

import os
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orderlake.catalog.sqlite import SqliteCatalog, strangers
from orderlake.config import Project, read_yaml
from orderlake.errors import ConfigError, MissingExtraError
from orderlake.ledger.sqlite import SqliteLedger
from orderlake.model.pipeline import Pipeline, parse_pipeline
from orderlake.secret import FILE, FORGOTTEN, VARIABLE, project_key
from orderlake.sources import LocalSources
from orderlake.storage.local import LocalStore, location_of

if TYPE_CHECKING:
    from orderlake.engine import Engine
    from orderlake.erasing.forgotten import Forgotten
    from orderlake.model.pipeline import Stream, TableSpec
    from orderlake.model.ports import Catalog, Ledger, ObjectStore, SourceFiles
    from orderlake.storage.s3 import S3Store
    from orderlake.tables.lakehouse import Lakehouse

STAGED: Final = "staged"
"""In a project's `.orderlake`: the parts of large files that were staged by loads that were broken off."""


@dataclass
class Backends:
    """A project's parts, each opened when first used."""

    project: Project
    _idle: list[Engine] = field(default_factory=list, repr=False)
    """Engines that were given back."""

    @property
    def is_remote(self) -> bool:
        """Whether the lake is in buckets."""
        return self.project.aws is not None

    @property
    def root(self) -> str:
        """The location under which the tables lie."""
        return location_of(self.project.lake) if self.project.aws is None else self.project.aws.lake

    @cached_property
    def store(self) -> ObjectStore:
        """Where bytes are."""
        return LocalStore() if self.project.aws is None else self._s3

    @cached_property
    def _s3(self) -> S3Store:
        from orderlake.storage.s3 import S3Store

        return S3Store(None if self.project.aws is None else self.project.aws.region)

    @cached_property
    def catalog(self) -> Catalog:
        """Which metadata each table has; ConfigError when the tables are those of another folder."""
        if self.project.aws is None:
            catalog = SqliteCatalog(self.project.state / "catalog.db")
            other = strangers([head.metadata for head in catalog.tables()], self.project.lake)
            if other is not None:
                catalog.close()
                raise ConfigError(f"{other[0]}; {other[1]}")
            return catalog
        from orderlake.catalog.glue import GlueCatalog
        from orderlake.catalog.glue_table import iceberg_shape

        aws = self.project.aws
        return GlueCatalog(
            aws.table, aws.database, aws.region, lambda location: iceberg_shape(self.store.read(location))
        )

    @cached_property
    def ledger(self) -> Ledger:
        """What was loaded."""
        if self.project.aws is None:
            return SqliteLedger(self.project.state / "ledger.db")
        from orderlake.ledger.dynamodb import DynamoLedger

        return DynamoLedger(self.project.aws.table, self.project.aws.region)

    @cached_property
    def sources(self) -> SourceFiles:
        """Where source objects come from."""
        if self.project.aws is None:
            return LocalSources(self.project)
        from orderlake.events.objects import S3Sources

        return S3Sources(self.project.aws.region, self.project.aws.raw, self.project.aws.lake)

    @cached_property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The project's pipelines, by file name; ConfigError when one is wrong or a table is declared in two."""
        found = tuple(
            load_pipeline(file, self.project.state / "cache") for file in sorted(self.project.pipelines.glob("*.y*ml"))
        )
        owners: dict[str, str] = {}
        for pipeline in found:
            for table in (table.name for stream in pipeline.streams for table in stream.tables):
                if owners.setdefault(table, pipeline.name) != pipeline.name:
                    raise ConfigError(
                        f"table {table!r} is declared by the pipelines {owners[table]} and {pipeline.name}"
                    )
        return found

    @property
    def streams(self) -> list[Stream]:
        """Every kind of file that some pipeline takes."""
        return [stream for pipeline in self.pipelines for stream in pipeline.streams]

    @property
    def specs(self) -> list[tuple[Stream, TableSpec]]:
        """Every declared table, with the stream that it is of."""
        return [(stream, spec) for stream in self.streams for spec in stream.tables]

    @cached_property
    def house(self) -> Lakehouse:
        """The tables."""
        from orderlake.tables.iceberg import ManifestCache
        from orderlake.tables.lakehouse import Lakehouse

        return Lakehouse(
            self.store,
            self.catalog,
            self.root,
            lambda: time.time_ns() // 1_000_000,
            lambda: secrets.randbits(62),
            ManifestCache(),
        )

    def key_for(self, stream: Stream) -> bytes:
        """What a stream's personal data is hashed with; empty where none is. ConfigError when the key is lost.

        It is made with the first load that wants it, for a lake of this machine.
        """
        return self.secret() if stream.policies else b""

    def secret(self) -> bytes:
        """The project's key, made where nothing was made with one yet."""
        return project_key(self.project.state, is_made=not self.has_secret)

    @property
    def has_secret(self) -> bool:
        """Whether the project has a key, or must have one: a new one would not do."""
        return self.is_remote or (self.project.state / FILE).exists() or VARIABLE in os.environ or self._hashes

    def forgotten(self) -> Forgotten | None:
        """Who is forgotten in the project, as it is now; None while nobody is."""
        if not self.is_remote and not (self.project.state / FORGOTTEN).exists():
            return None
        from orderlake.erasing.forgotten import forgotten

        found = forgotten(self.store, self.remembered, self.secret)
        return found if found.people else None

    @property
    def remembered(self) -> str:
        """The location of what is remembered of people who are forgotten."""
        return f"{self.root}/.{FORGOTTEN}" if self.is_remote else location_of(self.project.state / FORGOTTEN)

    @property
    def _hashes(self) -> bool:
        """Whether something in the tables was made with a key."""
        from orderlake.tables.declared import remembered
        from orderlake.tables.layout import index_layout

        wanted = [index_layout(stream) for stream in self.streams if stream.policies]
        known = [remembered(index) for index in self.house.open(wanted, files=False).values()]
        made = any(table.pii for declared in known if declared is not None for table in declared.tables.values())
        return made or (self.project.state / FORGOTTEN).exists()

    def engine(self, work: Path) -> Engine:
        """A DuckDB with the project's memory budget, spilling under `work`."""
        from orderlake.engine import connect

        return connect(work / "spill", self.project.memory_mb, self.project.workers, self._filesystem())

    @contextmanager
    def lent_engine(self, work: Path) -> Iterator[Engine]:
        """An engine for one load; of a lake in buckets it is the last load's, since a function's container lives on.

        One whose load has failed is not used again.
        """
        engine = self._idle.pop() if self._idle else self.engine(work if not self.is_remote else self._lasting)
        try:
            yield engine
            if self.is_remote:
                engine.clear()
                self._idle.append(engine)
        finally:
            if engine not in self._idle:
                engine.close()

    @property
    def _lasting(self) -> Path:
        """Where an engine spills that outlives a load; its own, and swept when this process is dead."""
        return self.project.state / "work" / f"{os.getpid()}-{uuid.uuid4().hex}"

    def _filesystem(self) -> object:
        if self.project.aws is None:
            return None
        try:
            from orderlake.storage.filesystem import StoreFileSystem
        except ImportError as error:
            raise MissingExtraError(f"AWS needs the extra `aws` ({error}): pip install 'orderlake[aws]'") from error
        return StoreFileSystem(self._s3)

    def close(self) -> None:
        """Give back what was opened."""
        for part in ("catalog", "ledger"):
            if part in self.__dict__:
                self.__dict__[part].close()
        while self._idle:
            self._idle.pop().close()


def load_pipeline(file: Path, cache: Path | None = None) -> Pipeline:
    """Read one pipeline file; `cache` as for read_yaml."""
    return parse_pipeline(read_yaml(file, cache), str(file))


def bundled_pipelines() -> dict[str, Path]:
    """The pipelines that ship, by name."""
    folder = Path(__file__).parent / "pipelines"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def utc_now() -> str:
    """The time as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
