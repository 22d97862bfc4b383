"""Marts of a deployed lake: what dbt is told, what is refused, and what is remembered. Athena itself is not here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orderlake import Lake
from orderlake.building import athena as module
from orderlake.building import builder as builder_module
from orderlake.building.athena import profile
from orderlake.building.build import _builder
from orderlake.building.builder import Options
from orderlake.building.dbt import Told, run_dbt
from orderlake.building.report import Step
from orderlake.errors import CheckFailedError, ConfigError, QueryError
from orderlake.querying import _built, declared
from tests.own_models import own_models
from tests.reference import new_lake

STEPS = [Step("model", "fct_lines", "ok", 1.0, 1, 1)]


class Dbt:
    """Stands in for dbt: makes what a run would leave, and remembers what it was told."""

    def __init__(self, aws, settings):
        self.aws, self.settings = aws, settings
        self.words, self.variables, self.dies = [], {}, False
        self.names, self.status, self.kind = ["fct_lines"], "success", "decimal(18,2)"

    def __call__(self, workshop, models, words, target, on_step):
        self.words.append(words)
        self.variables = models.variables
        target.mkdir(parents=True, exist_ok=True)
        node = {"schema": self.settings.database, "resource_type": "model", "config": {"materialized": "table"}}
        nodes = {f"model.{name}": {**node, "alias": name, "name": name} for name in self.names}
        nodes["model.view"] = {**node, "alias": "stg_lines", "config": {"materialized": "view"}}
        (target / "manifest.json").write_text(json.dumps({"nodes": nodes}), "utf-8")
        if words == ["parse"]:
            return Told()
        if self.dies:
            raise KeyboardInterrupt
        for name in self.names:
            self.make(name)
        results = [{"unique_id": node, "status": self.status} for node in nodes]
        (target / "run_results.json").write_text(json.dumps({"results": results}), "utf-8")
        for step in STEPS:
            on_step(step)
        return Told(steps=list(STEPS))

    def make(self, name):
        glue = self.aws.client("glue")
        columns = [{"Name": "order_id", "Type": "bigint"}, {"Name": "price", "Type": self.kind}]
        table = {"Name": name, "StorageDescriptor": {"Columns": columns}}
        try:
            glue.create_table(DatabaseName=self.settings.database, TableInput=table)
        except glue.exceptions.AlreadyExistsException:
            glue.update_table(DatabaseName=self.settings.database, TableInput=table)


@pytest.fixture
def lake(aws, tmp_path):
    with new_lake(tmp_path / "shop") as local:
        own_models(local)
        project = replace(local.project, aws=aws.deploy())
    with Lake.of(project) as opened:
        yield opened


@pytest.fixture
def dbt(aws, lake, monkeypatch):
    stand_in = Dbt(aws, lake.project.aws)
    monkeypatch.setattr(module, "run_dbt", stand_in)
    monkeypatch.setattr(builder_module, "run_dbt", stand_in)
    return stand_in


def listed(lake):
    return json.loads(lake._backends.store.read(f"{lake.project.aws.lake}/marts/current.json"))


def test_dbt_builds_in_the_deployments_database_and_beside_its_tables(lake):
    settings = lake.project.aws
    found = profile(settings)
    assert (found["schema"], found["work_group"], found["region_name"]) == (
        settings.database,
        settings.workgroup,
        settings.region,
    )
    assert found["s3_data_dir"] == f"{settings.lake}/marts"
    assert not found["s3_data_dir"].startswith(settings.raw)


def test_models_are_built_over_the_tables_in_glue_and_listed_with_its_columns(lake, dbt):
    report = lake.build()
    assert (report.status, report.full_refresh, list(report.steps)) == ("published", True, STEPS)
    assert [(mart.name, mart.rows, mart.written) for mart in report.marts] == [("fct_lines", None, True)]
    assert dbt.words == [["parse"], ["build", "--exclude-resource-type", "unit_test", "--full-refresh"]]
    assert dbt.variables["source_schema"] == lake.project.aws.database
    assert listed(lake)["marts"]["fct_lines"]["columns"] == {"order_id": "BIGINT", "price": "DECIMAL(18,2)"}
    written = json.loads((lake.project.state / "dbt-aws" / "profiles.yml").read_text("utf-8"))
    assert written["orderlake"]["outputs"]["athena"] == profile(lake.project.aws)


def test_nothing_is_asked_of_athena_when_nothing_has_changed(lake, dbt):
    lake.build()
    asked = len(dbt.words)
    assert lake.build().status == "unchanged"
    assert len(dbt.words) == asked
    assert lake.build(full_refresh=True).status == "published"


def test_a_model_with_the_name_of_a_table_is_refused_before_it_could_replace_it(lake, dbt):
    dbt.names = ["fct_lines", "order_lines"]
    with pytest.raises(ConfigError, match="the model order_lines has the name of a table of the lake"):
        lake.build()
    assert dbt.words == [["parse"]]


def test_a_build_by_other_models_that_was_cut_short_is_made_from_scratch(lake, dbt):
    lake.build()
    file = lake.project.root / "dbt" / "models" / "marts" / "agg_daily.sql"
    before = file.read_text("utf-8")
    file.write_text("select 1 as x", "utf-8")
    dbt.dies = True
    with pytest.raises(KeyboardInterrupt):
        lake.build()
    file.write_text(before, "utf-8")
    dbt.dies = False
    assert lake.build().full_refresh
    assert not lake.build(["fct_lines"]).full_refresh


def test_a_part_leaves_the_list_of_the_others(lake, dbt):
    dbt.names = ["fct_lines", "fct_heads"]
    lake.build()
    dbt.names = ["fct_heads"]
    report = lake.build(["fct_heads"])
    assert {mart.name: mart.written for mart in report.marts} == {"fct_heads": True, "fct_lines": False}
    assert dbt.words[-1][-2:] == ["--select", "fct_heads"]


def test_a_failure_says_that_athena_publishes_nothing_at_once(lake, dbt):
    dbt.status = "fail"
    with pytest.raises(CheckFailedError, match="and the marts in Athena stand as this build left them"):
        lake.build()


def test_a_type_that_has_no_name_here_is_refused_by_name(lake, dbt):
    dbt.kind = "array<int>"
    with pytest.raises(QueryError, match="model fct_lines: Athena made a column of the type array<int>"):
        lake.build()


def test_athena_is_asked_about_marts_by_the_list(lake, dbt):
    backends = lake._backends
    marts = frozenset(["fct_lines"])
    assert _built(backends, marts, declared(backends)) == {}  # nothing is built yet
    lake.build()
    assert _built(backends, marts, declared(backends)) == {
        "fct_lines": {"order_id": "BIGINT", "price": "DECIMAL(18,2)"}
    }
    for other in (frozenset(["orders"]), frozenset[str]()):
        assert _built(backends, other, declared(backends)) == {}


@pytest.mark.slow
def test_dbt_itself_reads_the_bundled_models_with_this_profile(aws, tmp_path):
    with new_lake(tmp_path / "shop") as local:
        settings = aws.deploy()
    with Lake.of(replace(local.project, aws=settings)) as lake:
        builder = _builder(lake._backends, Options(), lambda _: None)
        builder.write_profile()
        run_dbt(builder.workshop, builder.models, ["compile"], builder.workshop.target, lambda _: None)
        nodes = builder.workshop.manifest()["nodes"]
        marts = builder.marts(settings.database)
    assert {"fct_orders", "fct_order_lines", "dim_customers"} <= {mart.name for mart in marts.values()}
    text = Path(nodes["model.orderlake.fct_orders"]["compiled_path"]).read_text("utf-8")
    assert f'"{settings.database}"' in text
