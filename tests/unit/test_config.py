"""Settings of a deployment: complete, safe, and found where they are."""

import json
from dataclasses import asdict, replace

import pytest

from orderlake.config import (
    AwsSettings,
    aws_settings,
    deployed,
    in_environment,
    lambda_settings,
    load_project,
    refuse_loop,
)
from orderlake.errors import ConfigError, NotFoundError

SETTINGS = AwsSettings(
    name="shop",
    region="eu-central-1",
    raw="s3://shop-raw/raw",
    lake="s3://shop-lake/lake",
    pipelines="s3://shop-ops/pipelines",
    table="shop",
    database="shop",
)
NEEDED = ["name", "region", "raw", "lake", "pipelines", "table", "database"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("ORDERLAKE_ENV", raising=False)
    (tmp_path / "orderlake.yaml").write_text("raw: raw\n")
    return load_project(tmp_path)


def deploy(project, text):
    project.state.mkdir(exist_ok=True)
    (project.state / "aws.json").write_text(text)


def test_terraforms_outputs_are_settings_whatever_else_is_among_them():
    outputs = {**asdict(SETTINGS), "raw": "s3://shop-raw/raw/", "dashboard_url": "https://…", "functions": ["a"]}
    assert aws_settings(outputs, "aws.json") == SETTINGS


@pytest.mark.parametrize("key", NEEDED)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named(key, value):
    with pytest.raises(ConfigError, match=rf"aws\.json: {key} is missing"):
        aws_settings({**asdict(SETTINGS), key: value}, "aws.json")


@pytest.mark.parametrize("key", ["raw", "lake", "pipelines"])
def test_locations_must_be_in_buckets(key):
    with pytest.raises(ConfigError, match=f"{key} must be an s3:// location"):
        aws_settings({**asdict(SETTINGS), key: "/data/raw"}, "aws.json")


@pytest.mark.parametrize(
    ("raw", "lake"),
    [
        ("s3://b/raw", "s3://b/raw"),
        ("s3://b/raw", "s3://b/raw/lake"),
        ("s3://b/x/raw", "s3://b/x"),
        ("s3://b", "s3://b/lake"),
        ("s3://b/raw/", "s3://b/raw"),
    ],
)
def test_a_lake_that_would_load_itself_is_refused(raw, lake):
    with pytest.raises(ConfigError, match="buckets or prefixes of their own"):
        refuse_loop(raw, lake, "aws.json")
    with pytest.raises(ConfigError, match="buckets or prefixes of their own"):
        aws_settings({**asdict(SETTINGS), "raw": raw, "lake": lake}, "aws.json")


@pytest.mark.parametrize(("raw", "lake"), [("s3://b/raw", "s3://b/raw2"), ("s3://b/raw", "s3://bb/raw")])
def test_names_that_only_begin_alike_are_apart(raw, lake):
    refuse_loop(raw, lake, "aws.json")


def test_a_functions_environment_is_settings():
    environment = {f"ORDERLAKE_{key.upper()}": value for key, value in asdict(SETTINGS).items() if key != "region"}
    for region in ("AWS_REGION", "AWS_DEFAULT_REGION", "ORDERLAKE_REGION"):
        assert lambda_settings({**environment, region: "eu-central-1"}) == SETTINGS
    queue = {"ORDERLAKE_QUEUE_URL": "https://sqs/q", "AWS_REGION": "eu-central-1"}
    assert lambda_settings(environment | queue) == replace(SETTINGS, queue_url="https://sqs/q")
    with pytest.raises(ConfigError, match="region is missing"):
        lambda_settings(environment)


def test_a_project_is_local_unless_an_environment_is_named(project, monkeypatch):
    deploy(project, json.dumps(asdict(SETTINGS)))
    assert in_environment(project).aws is None
    assert in_environment(project, "aws").aws == SETTINGS
    monkeypatch.setenv("ORDERLAKE_ENV", "aws")
    assert in_environment(project).aws == SETTINGS
    assert in_environment(project, "local").aws is None


def test_an_environment_that_is_not_known_is_refused_with_those_that_are(project):
    with pytest.raises(ConfigError, match="say local or aws"):
        in_environment(project, "gcp")


def test_a_project_that_is_not_deployed_says_what_deploys_it(project):
    with pytest.raises(NotFoundError, match="orderlake deploy apply"):
        deployed(project.root)


def test_outputs_that_cannot_be_read_say_what_makes_them_again(project):
    deploy(project, '{"name": ')
    with pytest.raises(ConfigError, match="orderlake deploy apply"):
        deployed(project.root)
