"""Lineage of a real build: what dbt leaves behind is read as events, and each mart's columns lead to loaded ones."""

import json

import pytest

from orderlake import Lake
from orderlake.lineage.upstream import Upstream
from orderlake.samples import sample_paths
from tests.unit.lineage.official import event

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_build_is_told_model_by_model_and_the_money_is_traced_to_the_orders(tmp_path):
    Lake.init(tmp_path, ["orders"]).close()
    file = tmp_path / "orderlake.yaml"
    file.write_text(f"{file.read_text()}lineage:\n  file: events.ndjson\n")
    with Lake(tmp_path) as lake:
        lake.run(sample_paths("orders"))
        (tmp_path / "events.ndjson").unlink()
        report = lake.build()
        declared = {table.name: table.columns for table in lake.tables()}
    events = [json.loads(line) for line in (tmp_path / "events.ndjson").read_text().splitlines()]
    for each in events:
        assert event(each).run.runId == each["run"]["runId"]
    assert [each["eventType"] for each in (events[0], events[-1])] == ["START", "COMPLETE"]
    assert {each["status"] for each in events[-1]["run"]["facets"]["tests"]["tests"]} == {"pass"}
    written = {output["name"]: output["facets"] for each in events for output in each["outputs"]}
    for mart in report.marts:
        facets = written[str(tmp_path / "lake" / "marts" / mart.name)]
        assert facets["columnLineage"]["fields"]
    manifest = json.loads((tmp_path / ".orderlake" / "dbt" / "target" / "manifest.json").read_bytes())
    upstream = Upstream(manifest, declared)
    assert ("orders", "total_amount") in upstream.roots("fct_orders", "total_amount")
    assert ("orders", "total_amount") in upstream.roots("agg_daily_sales", "revenue")
    assert ("order_lines", "price") in upstream.roots("fct_order_lines", "unit_price")
