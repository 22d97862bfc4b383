"""A function's container: pipelines copied from S3, one lake for as long as they stay the same."""

import pytest

from orderlake.aws.settings import Container, DeployedLake, container
from orderlake.errors import ConfigError
from orderlake.wiring import bundled_pipelines, load_pipeline
from tests.unit.aws.fakes import FakeLake


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def deployed(aws):
    return aws.deploy()


class Bucket:
    """The location of pipelines."""

    def __init__(self, s3, settings):
        self._s3, self._bucket = s3, settings.pipelines.removeprefix("s3://").removesuffix("/pipelines")

    def __call__(self, name, body=None):
        content = bundled_pipelines()[name.partition(".")[0]].read_bytes() if body is None else body
        self._s3.put_object(Bucket=self._bucket, Key=f"pipelines/{name}", Body=content)

    def remove(self, name):
        self._s3.delete_object(Bucket=self._bucket, Key=f"pipelines/{name}")


@pytest.fixture
def put(aws, deployed):
    return Bucket(aws.client("s3"), deployed)


@pytest.fixture
def box(deployed, tmp_path):
    def build(project):
        return FakeLake(pipelines=tuple(load_pipeline(path) for path in sorted(project.pipelines.glob("*.yaml"))))

    return Container(deployed, tmp_path / "orderlake", clock=Clock(), build=build)


def names(lake):
    return [pipeline.name for pipeline in lake.pipelines]


def test_the_pipelines_are_those_in_the_bucket(box, put):
    put("orders.yaml")
    put("olist.yaml")
    assert names(box.lake()) == ["olist", "orders"]


def test_the_lake_is_built_once_and_s3_asked_once_a_minute(box, put, aws):
    put("orders.yaml")
    first = box.lake()
    aws.faults.forget_calls()
    box.clock.now += 59
    assert box.lake() is first
    assert aws.faults.calls() == []
    box.clock.now += 2
    assert box.lake() is first
    assert [call.operation for call in aws.faults.calls()] == ["ListObjectsV2"]


def test_a_changed_pipeline_is_taken_up_within_a_minute(box, put):
    put("orders.yaml")
    first = box.lake()
    put("olist.yaml")
    box.clock.now += 61
    assert names(box.lake()) == ["olist", "orders"]
    assert first.closed == 1
    put.remove("orders.yaml")
    box.clock.now += 61
    assert names(box.lake()) == ["olist"]


def test_marts_come_along(box, put):
    put("orders.yaml")
    put("marts/daily.sql", b"SELECT 1")
    put("notes.txt", b"not for us")
    box.lake()
    assert (box.root / "marts" / "daily.sql").read_text() == "SELECT 1"
    assert not list(box.root.rglob("notes.txt"))
    put.remove("marts/daily.sql")
    box.clock.now += 61
    box.lake()
    assert not (box.root / "marts" / "daily.sql").exists()


def test_when_s3_is_away_a_warm_function_works_with_what_it_has(box, put, aws):
    put("orders.yaml")
    first = box.lake()
    box.clock.now += 61
    aws.faults.throttle("ListObjectsV2", times=50)
    assert box.lake() is first


def test_without_a_pipeline_it_says_where_one_belongs(box, deployed):
    with pytest.raises(ConfigError, match=f"no pipeline in {deployed.pipelines}"):
        box.lake()


@pytest.mark.parametrize(
    "name", ["../../evil.yaml", "other/orders.yaml", "marts/deep/a.sql", "marts/../../a.sql", "a.sql"]
)
def test_what_is_neither_a_pipeline_nor_a_mart_is_refused(box, put, name):
    put("orders.yaml")
    put(name, b"x")
    with pytest.raises(ConfigError, match="neither a pipeline nor a mart"):
        box.lake()


def test_the_environment_says_all(monkeypatch, tmp_path):
    values = {
        "NAME": "shop", "RAW": "s3://r/raw", "LAKE": "s3://l/lake", "PIPELINES": "s3://o/pipelines", "TABLE": "shop",
        "DATABASE": "shop", "MEMORY_MB": "300", "WORK": str(tmp_path),
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(f"ORDERLAKE_{name}", value)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    container.cache_clear()
    found = container()
    container.cache_clear()
    assert (found.settings.name, found.memory_mb, found.root) == ("shop", 300, tmp_path)
    assert (found.project.workers, found.project.aws) == (1, found.settings)
    assert found.build is DeployedLake
