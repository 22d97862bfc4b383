"""The marts of a deployed lake: the same models, run by Athena over the tables in Glue, beside which the marts stand.

Athena has no private place to build in, and no pointer: a model replaces its table when it is done, and is tested
there. What a local build publishes at once changes model by model, and a test that fails says so afterwards.

1. The models are read. A build in which one of them has the name of a table of the lake ends here.
2. Where other models built last, the list of marts forgets by which models it was built: whoever dies from here on
   leaves marts that the next build makes from scratch.
3. dbt builds and tests.
4. The list of marts is written, with the columns that Glue has of them. The next build compares itself with it, and
   `orderlake query --on athena` knows the marts by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from orderlake.building.builder import Builder
from orderlake.building.dbt import run_dbt
from orderlake.building.failures import refuse_failed
from orderlake.building.origin import heads_of
from orderlake.building.publish import Candidate, refuse_taken
from orderlake.building.report import BuildReport, BuiltMart
from orderlake.clients import catalog_errors, client
from orderlake.config import AwsSettings
from orderlake.errors import ConfigError, QueryError
from orderlake.model.column import ColumnType
from orderlake.tables.published import FOLDER, Publication, PublishedMart, publish

_THREADS: Final = 4


def profile(settings: AwsSettings) -> dict[str, Any]:
    """How dbt reaches Athena: the deployment's workgroup and database, and data beside the lake's own tables.

    The lake's bucket tells no queue of its objects, so what is written there is not taken for new order files.
    """
    return {
        "type": "athena",
        "region_name": settings.region,
        "work_group": settings.workgroup,
        "database": "awsdatacatalog",
        "schema": settings.database,
        "s3_data_dir": f"{settings.lake}/{FOLDER}",
        "s3_data_naming": "schema_table_unique",
        "threads": _THREADS,
    }


@dataclass(frozen=True, slots=True)
class AthenaBuilder(Builder):
    """Builds in Glue's database, where the tables of the lake are."""

    def write_profile(self) -> None:
        """Tell dbt of the deployment. Its credentials are the environment's."""
        self.workshop.write_profile("athena", profile(self._settings))

    def run(self, last: Publication | None) -> BuildReport:
        """Build, test, and write down what there is."""
        self.write_profile()
        heads = heads_of(self.backends)
        run_dbt(self.workshop, self.models, ["parse"], self.workshop.target, lambda _: None)
        refuse_taken(self.backends, self._made())
        other = last is None or last.models != self.models.digest
        store, root = self.backends.store, self.backends.root
        if last is not None and other:
            publish(store, root, replace(last, models=""))
        anew = other or self.options.full_refresh
        steps = self.dbt_build(anew=anew)
        refuse_failed(self.workshop, "and the marts in Athena stand as this build left them")
        publication = self.publication(heads, last)
        before: Mapping[str, PublishedMart] = last.marts if last is not None and self.options.select else {}
        now = {mart.name: self._described(mart, publication.build) for mart in self.built(self.marts(self._database))}
        publication = replace(publication, marts=dict(sorted({**before, **now}.items())))
        publish(store, root, publication)
        marts = [BuiltMart(mart.name, mart.rows, mart.name in now) for mart in publication.marts.values()]
        return BuildReport("published", publication.build, marts, steps, anew)

    @property
    def _settings(self) -> AwsSettings:
        settings = self.backends.project.aws
        if settings is None:
            raise ConfigError("the project is not deployed on AWS: `orderlake deploy apply` does that")
        return settings

    @property
    def _database(self) -> str:
        return self._settings.database

    def _made(self) -> Iterable[str]:
        """Every name that the build makes in Glue, views among them: a table of the lake must not be replaced."""
        nodes = self.workshop.manifest().get("nodes", {}).values()
        return [
            str(node["alias"])
            for node in nodes
            if node.get("schema") == self._database and node["resource_type"] in {"model", "seed", "snapshot"}
        ]

    def _described(self, mart: Candidate, build: str) -> PublishedMart:
        """A mart as Glue knows it; how many rows it has only a query would tell."""
        with catalog_errors(f"the Glue table {mart.name}"):
            found = client("glue", self._settings.region).get_table(DatabaseName=self._database, Name=mart.name)
        columns = {
            each["Name"]: _duckdb(each["Type"], mart.name) for each in found["Table"]["StorageDescriptor"]["Columns"]
        }
        told = (mart.grain, mart.unique_key, mart.about)
        return PublishedMart(mart.name, (), columns, None, 0, *told, build=build)


def _duckdb(kind: str, mart: str) -> str:
    """DuckDB's name of a type of Glue's.

    >>> _duckdb("decimal(18,2)", "m"), _duckdb("string", "m"), _duckdb("timestamp", "m")
    ('DECIMAL(18,2)', 'VARCHAR', 'TIMESTAMP')
    """
    try:
        return ColumnType.parse(kind).sql
    except ConfigError as error:
        raise QueryError(f"model {mart}: Athena made a column of the type {kind}: cast it") from error
