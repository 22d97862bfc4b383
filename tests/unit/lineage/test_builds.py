"""Events of builds: a build is a run, each model a run below it, and tests and reasons are in it."""

import json
import uuid
from datetime import datetime

import pytest
from openlineage.client.serde import Serde

from orderlake.building import build as building
from orderlake.building.report import BuildReport
from orderlake.config import load_project
from orderlake.errors import CheckFailedError
from orderlake.lake import Lake
from orderlake.lineage.builds import build_events, told
from orderlake.lineage.places import Places
from tests.reference import new_lake
from tests.unit.lineage.artifacts import MANIFEST, results
from tests.unit.lineage.official import event

PLACES = Places("orderlake.shop", "/shop", "file:///shop/lake")


def events(**statuses):
    return [Serde.to_dict(each) for each in build_events(PLACES, MANIFEST, results(**statuses))]


def test_a_build_and_each_of_its_models_begin_and_end():
    found = [(each["eventType"], each["job"]["name"]) for each in events()]
    assert found == [
        ("START", "build"),
        ("START", "build.stg"),
        ("COMPLETE", "build.stg"),
        ("START", "build.fct"),
        ("COMPLETE", "build.fct"),
        ("START", "build.agg"),
        ("COMPLETE", "build.agg"),
        ("COMPLETE", "build"),
    ]
    times = [datetime.fromisoformat(each["eventTime"]) for each in events()]
    assert times == sorted(times)


def test_models_are_runs_below_the_build_and_told_again_they_are_the_same_runs():
    first, second = events(), events()
    assert [each["run"] for each in first] == [each["run"] for each in second]
    parents = {each["run"]["facets"]["parent"]["run"]["runId"] for each in first[1:-1]}
    assert parents == {first[0]["run"]["runId"]} == {str(uuid.UUID(results()["metadata"]["invocation_id"]))}
    assert len({each["run"]["runId"] for each in first}) == 4


def test_a_model_reads_the_tables_that_loads_write_and_writes_the_mart_that_is_published():
    by_job = {each["job"]["name"]: each for each in events() if each["eventType"] == "COMPLETE"}
    assert [each["name"] for each in by_job["build.stg"]["inputs"]] == ["/shop/lake/orders"]
    assert [each["name"] for each in by_job["build.fct"]["outputs"]] == ["/shop/lake/marts/fct"]
    assert [each["name"] for each in by_job["build.agg"]["inputs"]] == ["/shop/lake/marts/fct"]
    staged = by_job["build.stg"]["outputs"][0]
    assert (staged["namespace"], staged["name"]) == ("orderlake.shop", "staging.stg")
    fct = by_job["build.fct"]["outputs"][0]
    assert fct["outputFacets"]["outputStatistics"]["rowCount"] == 7
    assert [field["name"] for field in fct["facets"]["schema"]["fields"]] == ["order_key", "revenue"]
    origin = by_job["build.agg"]["outputs"][0]["facets"]["columnLineage"]["fields"]["revenue"]["inputFields"]
    assert [(each["name"], each["field"]) for each in origin] == [("/shop/lake/marts/fct", "revenue")]


def test_tests_are_told_with_the_build_and_what_failed_with_its_reason():
    *_, fine = events()
    assert [(each["name"], each["status"], each["type"]) for each in fine["run"]["facets"]["tests"]["tests"]] == [
        ("unique_fct_order_key", "pass", "unique")
    ]
    bad = events(unique="fail", agg="skipped")
    assert [each["job"]["name"] for each in bad if "agg" in each["job"]["name"]] == []
    assert bad[-1]["eventType"] == "FAIL"
    assert bad[-1]["run"]["facets"]["tests"]["tests"][0]["status"] == "fail"
    assert "test.o.unique: unique says" in bad[-1]["run"]["facets"]["errorMessage"]["message"]


def test_a_model_that_failed_writes_nothing():
    failed = next(each for each in events(fct="error") if each["eventType"] == "FAIL")
    assert (failed["job"]["name"], failed["outputs"]) == ("build.fct", [])
    assert failed["run"]["facets"]["errorMessage"]["message"] == "model.o.fct: fct says"


def test_every_event_is_one_that_the_official_client_understands():
    for each in (*events(), *events(unique="fail", fct="error", agg="skipped")):
        assert event(each).run.runId == each["run"]["runId"]


def test_where_nothing_was_built_there_is_nothing_to_tell(tmp_path):
    assert told(PLACES, str(tmp_path)) == []


@pytest.mark.parametrize("outcome", ["published", "unchanged", "failed"])
def test_a_build_is_told_when_dbt_has_run_whether_it_went_well_or_not(tmp_path, monkeypatch, outcome):
    new_lake(tmp_path).close()
    file = tmp_path / "orderlake.yaml"
    file.write_text(f"{file.read_text()}lineage:\n  file: events.ndjson\n")
    folder = load_project(tmp_path).state / "dbt" / "target"

    def build(*_):
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(MANIFEST))
        (folder / "run_results.json").write_text(json.dumps(results()))
        if outcome == "failed":
            raise CheckFailedError("a test failed")
        return BuildReport(outcome, "b", [])

    monkeypatch.setattr(building, "build", build)
    with Lake(tmp_path) as lake:
        if outcome == "failed":
            with pytest.raises(CheckFailedError):
                lake.build()
        else:
            assert lake.build().status == outcome
    lines = (tmp_path / "events.ndjson").read_text().splitlines() if (tmp_path / "events.ndjson").exists() else []
    assert len(lines) == (0 if outcome == "unchanged" else 8)
