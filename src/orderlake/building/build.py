"""A build of the marts, from the question whether anything has changed to the pointer that readers follow."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from orderlake.building.dbt import Workshop, run_dbt
from orderlake.building.failures import refuse_failed
from orderlake.building.models import Models, models_of
from orderlake.building.origin import Origin, heads_of, origin_of
from orderlake.building.publish import Publisher, candidates, refuse_taken
from orderlake.building.report import BuildReport, BuiltMart, Step
from orderlake.building.workdb import begin, complete, profile
from orderlake.tables.published import Publication, published
from orderlake.wiring import Backends, utc_now

TURN: Final = "marts"
"""The name of the lease that lets one builder at a time work."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to build: `select` in dbt's words (all when empty), from scratch or not, with documentation or not."""

    select: Sequence[str] = ()
    full_refresh: bool = False
    docs: bool = False


EVERYTHING: Final = Options()


def build(
    backends: Backends, options: Options = EVERYTHING, on_step: Callable[[Step], None] = lambda _: None
) -> BuildReport:
    """Build, test and publish the marts of a lake in folders; nothing is done when nothing has changed.

    Raises CheckFailedError or QueryError when a test or a model fails (nothing is published then), ConfigError or
    MissingExtraError when dbt cannot begin, TransientError when the private database is in use.
    """
    started = time.perf_counter()
    models = models_of(backends, "dbt-duckdb")
    builder = Builder(backends, Workshop(backends.project.state / "dbt"), models, options, on_step)
    with backends.ledger.turn(TURN):
        last = published(backends.store, backends.root)
        if last is not None and builder.is_current(last):
            marts = [BuiltMart(mart.name, mart.rows, written=False) for mart in last.marts.values()]
            report = BuildReport("unchanged", last.build, marts)
        else:
            report = builder.run(last)
        docs = builder.document() if options.docs else None
    return replace(report, docs=docs, seconds=time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class Builder:
    """One build, of these models in this workshop."""

    backends: Backends
    workshop: Workshop
    models: Models
    options: Options
    on_step: Callable[[Step], None]

    def is_current(self, last: Publication) -> bool:
        """Whether a build of everything would give what is published."""
        if self.options.full_refresh or self.options.select:
            return False
        return last.models == self.models.digest and last.sources == heads_of(self.backends)

    def run(self, last: Publication | None) -> BuildReport:
        """Build, test, and publish if all went well."""
        origin = self._origin()
        anew = begin(self.workshop.database, origin, self.models.digest) or self.options.full_refresh
        words = ["build", *(["--full-refresh"] if anew else []), *self._selection()]
        told = run_dbt(self.workshop, self.models, words, self.workshop.target, self.on_step)
        refuse_failed(self.workshop)
        if not self.options.select:
            complete(self.workshop.database, self.models.digest)
        publication = self._publication(origin, last)
        marts = self._publish(publication, last)
        return BuildReport("published", publication.build, marts, told.steps, anew)

    def document(self) -> str:
        """Make dbt's documentation, and give the path of the page."""
        self._write_profile()
        run_dbt(self.workshop, self.models, ["docs", "generate", "--static"], self.workshop.docs, lambda _: None)
        page = self.workshop.docs / "index.html"
        (self.workshop.docs / "static_index.html").replace(page)
        return str(page)

    def _origin(self) -> Origin:
        self._write_profile()
        (self.workshop.target / "run_results.json").unlink(missing_ok=True)  # what is read later is of this build
        return origin_of(self.backends)

    def _write_profile(self) -> None:
        spill = self.workshop.folder / "spill"
        self.workshop.write_profile("duckdb", profile(self.backends.project, self.workshop.database, spill))

    def _selection(self) -> list[str]:
        return ["--select", *self.options.select] if self.options.select else []

    def _publication(self, origin: Origin, last: Publication | None) -> Publication:
        """What this build is of. After one of a part, the marts as a whole are no newer than they were."""
        if not self.options.select:
            return Publication(_new_name(), utc_now(), {}, self.models.digest, origin.heads)
        if last is not None and last.models == self.models.digest:
            return Publication(_new_name(), utc_now(), {}, last.models, last.sources)
        return Publication(_new_name(), utc_now(), {})

    def _publish(self, publication: Publication, last: Publication | None) -> list[BuiltMart]:
        marts = candidates(self.workshop.manifest())
        refuse_taken(self.backends, marts)
        done = {result["unique_id"] for result in self.workshop.results()}
        chosen = [mart for node, mart in marts.items() if node in done]
        engine = self.backends.engine(self.backends.project.state / "work" / f"{os.getpid()}-build")
        try:
            publisher = Publisher(self.backends, engine, self.workshop.database, publication)
            return publisher.run(chosen, last, partial=bool(self.options.select))
        finally:
            engine.close()


def _new_name() -> str:
    """A name for a build: the names of builds are in the order of their times."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
