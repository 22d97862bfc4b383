"""A build on this machine: in a private DuckDB file over the tables' own Parquet files, and published at the end."""

from __future__ import annotations

import os
from dataclasses import dataclass

from orderlake.building.builder import Builder
from orderlake.building.failures import refuse_failed
from orderlake.building.origin import origin_of
from orderlake.building.publish import Publisher, refuse_taken
from orderlake.building.report import BuildReport, BuiltMart
from orderlake.building.workdb import MARTS, begin, complete, profile
from orderlake.tables.published import Publication


@dataclass(frozen=True, slots=True)
class LocalBuilder(Builder):
    """Builds where nobody looks, and publishes what has passed its tests."""

    def write_profile(self) -> None:
        """Tell dbt of the private database."""
        spill = self.workshop.folder / "spill"
        self.workshop.write_profile("duckdb", profile(self.backends.project, self.workshop.database, spill))

    def run(self, last: Publication | None) -> BuildReport:
        """Build, test, and publish if all went well."""
        self.write_profile()
        origin = origin_of(self.backends)
        anew = begin(self.workshop.database, origin, self.models.digest) or self.options.full_refresh
        steps = self.dbt_build(anew=anew)
        refuse_failed(self.workshop, "so nothing was published")
        if not self.options.select:
            complete(self.workshop.database, self.models.digest)
        publication = self.publication(origin.heads, last)
        marts = self._publish(publication, last)
        return BuildReport("published", publication.build, marts, steps, anew)

    def _publish(self, publication: Publication, last: Publication | None) -> list[BuiltMart]:
        marts = self.marts(MARTS)
        refuse_taken(self.backends, (mart.name for mart in marts.values()))
        engine = self.backends.engine(self.backends.project.state / "work" / f"{os.getpid()}-build")
        try:
            publisher = Publisher(self.backends, engine, self.workshop.database, publication)
            return publisher.run(self.built(marts), last, partial=bool(self.options.select))
        finally:
            engine.close()
