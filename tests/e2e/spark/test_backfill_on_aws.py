"""A backfill of a lake in buckets: executors fetch their share of an object, and stage and write in the lake."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest
from pyspark import cloudpickle

from orderlake import Lake
from orderlake.aws import glue
from orderlake.config import load_project
from orderlake.errors import ConfigError, DataError
from orderlake.generate import generate
from orderlake.spark import SparkRunner

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # executors know no tests
pytestmark = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.slow,
    # pyspark leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
QUESTION = "SELECT count(*), sum(total_amount), count(DISTINCT _source_row), max(_source_row) FROM orders"


@dataclass(frozen=True)
class There:
    """Does the work with the environment of this process, in which the emulator's address is."""

    work: Callable[[Any], Any]
    environment: dict[str, str]

    def __call__(self, item: Any) -> Any:
        os.environ.update(self.environment)
        return self.work(item)


@pytest.fixture
def shop(aws, tmp_path, cluster):
    """A deployed lake with a large file in its raw bucket, one of whose last records is wrong; and its twin here."""
    settings = aws.deploy()
    with Lake.init(tmp_path / "shop", ["orders"]) as twin:
        (file,) = generate("orders", 45_000, 1, tmp_path, "ndjson")
        with file.open("a") as out:
            out.write('{"order_id": "A-17", "order_date": "2024-01-05"}\n')
        twin.run([file])
        answer = twin.query(QUESTION).rows
        lines = twin.query("SELECT position, line FROM quarantine").rows
    bucket, prefix = settings.raw.removeprefix("s3://").split("/", 1)
    aws.client("s3").upload_file(str(file), bucket, f"{prefix}/orders_history.ndjson")
    environment = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    for stage in ("staging", "checking", "writing"):
        cluster.faults[stage] = lambda work: There(work, environment)
    cluster.of_one = True
    return replace(load_project(tmp_path / "shop"), aws=settings), answer, lines


def test_a_large_object_is_staged_in_shares_and_gives_what_it_gives_here(shop, cluster):
    project, answer, lines = shop
    with Lake.of(project) as lake:
        with SparkRunner(lake._backends, cluster) as runner:
            sources = lake.sources.find([])
            reports = lake._loads.run(sources, lambda _: None, runner=runner)
        assert [(report.status, report.quarantined) for report in reports] == [("loaded", 1)]
        assert cluster.counts["staging"] > 1
        assert lake.query(QUESTION).rows == answer
        assert lake.query("SELECT position, line FROM quarantine").rows == lines
        assert lake.verify().ok
        listed = [each.location for each in lake._backends.store.list(lake._backends.root, hidden=True)]
        assert not [location for location in listed if "/.work/" in location or "/.pending/" in location]


def test_the_glue_job_backfills_a_deployed_lake_by_its_settings_and_tells_of_rejected_files(
    shop, cluster, aws, monkeypatch
):
    project, *_ = shop
    settings = project.aws
    monkeypatch.setattr("orderlake.spark.Cluster", lambda *_: cluster)
    bucket, prefix = settings.pipelines.removeprefix("s3://").split("/", 1)
    pipeline = (project.pipelines / "orders.yaml").read_bytes()
    aws.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/orders.yaml", Body=pipeline)
    raw, where = settings.raw.removeprefix("s3://").split("/", 1)
    record = b'{"order_id": 7, "order_date": "2024-01-05", "total_amount": 1, "products": []}\n'
    aws.client("s3").put_object(Bucket=raw, Key=f"{where}/small/orders_1.ndjson", Body=record)
    given = {f"ORDERLAKE_{name.upper()}": value for name, value in asdict(settings).items() if value}
    words = ["--JOB_NAME", "lake-spark", "--settings", json.dumps(given), "--path", f"{settings.raw}/small/"]
    assert [(report.status, report.loaded) for report in glue.main(words)] == [("loaded", 1)]
    aws.client("s3").put_object(Bucket=raw, Key=f"{where}/small/orders_2.json", Body=b"[1")
    with pytest.raises(DataError, match=r"1 files were rejected: .*orders_2\.json"):
        glue.main(words)
    with pytest.raises(ConfigError, match="JSON object"):
        glue.main(["--settings", "[]"])
