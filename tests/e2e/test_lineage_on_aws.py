"""Lineage of a lake in buckets: the ingest function tells what it loads, by the names that others have for it."""

import subprocess
import sys

import pytest

from tests.e2e.test_lake_on_aws import Shop
from tests.reference import order
from tests.unit.lineage.endpoint import endpoint
from tests.unit.lineage.official import event

pytestmark = pytest.mark.e2e


def test_a_load_of_a_bucket_is_told_with_objects_and_with_what_athena_calls_the_tables(aws, tmp_path, monkeypatch):
    shop = Shop(aws, tmp_path, "orders")
    shop.put("orders_1.json", [order(1, "A")])
    with endpoint() as at:
        monkeypatch.setenv("OPENLINEAGE_URL", at.url)
        with shop.lake() as lake:
            lake.load(lake.sources.find(()))
        started, ended = at.events
    settings = shop.settings
    assert (started["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    assert started["job"] == {**started["job"], "namespace": f"orderlake.{settings.name}", "name": "orders.orders"}
    (source,) = ended["inputs"]
    assert (source["namespace"], source["name"]) == (f"s3://{shop.bucket}", f"{shop.prefix}/orders_1.json")
    orders = ended["outputs"][0]
    bucket, prefix = settings.lake.removeprefix("s3://").split("/", 1)
    assert (orders["namespace"], orders["name"]) == (f"s3://{bucket}", f"{prefix}/orders")
    (alias,) = orders["facets"]["symlinks"]["identifiers"]
    assert alias["namespace"] == f"awsathena://athena.{settings.region}.amazonaws.com"
    assert alias["name"] == f"AwsDataCatalog.{settings.database}.orders"
    for each in (started, ended):
        assert event(each).run.runId == each["run"]["runId"]


def test_a_function_that_tells_nobody_loads_nothing_for_it():
    script = "import sys, orderlake, orderlake.aws.ingest; print([m for m in sys.modules if 'lineage' in m])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
