"""The Glue job's key of personal data: fetched from where its arguments say, and never one of them."""

import json
import os
from dataclasses import asdict

import pytest

from orderlake.aws import glue
from orderlake.errors import ConfigError
from orderlake.lake import Lake
from orderlake.secret import VARIABLE
from orderlake.wiring import bundled_pipelines

KEY = "a key that no argument has"


@pytest.fixture
def words(aws, monkeypatch):
    """The arguments of a job of a deployed lake; its backfill gives the key that it would hash with."""
    settings = aws.deploy()
    bucket, prefix = settings.pipelines.removeprefix("s3://").split("/", 1)
    aws.client("s3").put_object(
        Bucket=bucket, Key=f"{prefix}/orders.yaml", Body=bundled_pipelines()["orders"].read_bytes()
    )
    monkeypatch.setenv(VARIABLE, "")
    found: list[bytes] = []

    def backfill(lake: Lake, *_: object, **__: object) -> list[object]:
        found.append(lake._backends.secret())
        return []

    monkeypatch.setattr(Lake, "backfill", backfill)
    given = {f"ORDERLAKE_{name.upper()}": value for name, value in asdict(settings).items() if value}
    return ["--JOB_NAME", "lake-spark", "--settings", json.dumps(given)], found


def test_the_key_is_fetched_from_the_parameter_that_the_job_is_told_of(words, aws):
    given, found = words
    aws.client("ssm").put_parameter(Name="/orderlake/shop/pii-key", Type="SecureString", Value=KEY)
    glue.main([*given, "--pii-key-parameter", "/orderlake/shop/pii-key"])
    assert found == [KEY.encode()]


def test_without_one_there_is_none(words):
    given, _ = words
    with pytest.raises(ConfigError, match="no key to hash personal data with"):
        glue.main(given)
    assert os.environ[VARIABLE] == ""


def test_a_parameter_that_is_gone_is_told_of(words):
    given, _ = words
    with pytest.raises(ConfigError, match="the parameter /orderlake/gone"):
        glue.main([*given, "--pii-key-parameter", "/orderlake/gone"])
