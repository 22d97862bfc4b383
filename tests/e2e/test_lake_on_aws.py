"""One pipeline file, two homes: a lake in buckets has the tables that a lake in folders has.

An emulator stands in for AWS (tests/emulators): what is shown is our side of the conversation.
"""

import json
from dataclasses import replace

import pytest

from orderlake import Lake
from orderlake.config import load_project
from orderlake.samples import sample_paths

pytestmark = pytest.mark.e2e


@pytest.fixture
def settings(aws):
    return aws.deploy()


@pytest.fixture
def lake(tmp_path, settings):
    with Lake.init(tmp_path / "shop", ["orders"]) as local:
        project = replace(load_project(local.project.root), aws=settings)
    with Lake.of(project) as opened:
        yield opened


def put(aws, settings, name, records):
    bucket, prefix = settings.raw.removeprefix("s3://").split("/", 1)
    data = records if isinstance(records, bytes) else json.dumps(records).encode()
    return aws.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=data)


def test_the_samples_load_and_are_answered(aws, settings, lake):
    put(aws, settings, "orders_sample.json", sample_paths("orders")[0].read_bytes())
    (report,) = lake.run()
    assert (report.status, report.read, report.loaded) == ("loaded", 12, 12)
    assert lake.query("SELECT count(*), sum(total_amount) FROM orders").rows
    assert [r.status for r in lake.run()] == ["unchanged"]
    assert lake.verify().ok
