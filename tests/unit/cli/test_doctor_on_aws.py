"""`orderlake doctor --env aws`: a deployment whose parts are missing, at fault, or not as the project has them."""

import json
from dataclasses import asdict, replace

import boto3
import pytest

from orderlake import clients
from orderlake.config import load_project
from orderlake.deployment import Deployment


@pytest.fixture
def remember(project):
    """Make these the settings of the project's deployment."""

    def remembered(settings):
        (project / ".orderlake").mkdir(exist_ok=True)
        (project / ".orderlake" / "aws.json").write_text(json.dumps(asdict(settings)), "utf-8")
        return settings

    return remembered


@pytest.fixture
def deployed(project, aws, remember):
    """The project, deployed: all parts are there, and the pipelines uploaded."""
    settings = remember(aws.deploy())
    aws.make_loader(settings.name)
    Deployment(load_project(project)).upload(settings)
    return settings


def of(answer):
    return {one["check"]: one for one in answer.json}


def test_a_whole_deployment_is_ok_throughout_and_no_folder_is_looked_at(cli, deployed):
    answer = cli("doctor", "--env", "aws", "--json")
    assert answer.code == 0
    assert {one["status"] for one in answer.json} == {"ok"}
    assert {"account", "raw", "table", "database", "function", "queue", "dead letters", "pipelines"} <= set(of(answer))
    assert not {"lake", "catalog", "ledger"} & set(of(answer))
    assert "512 MB" in of(answer)["function"]["message"]


def test_a_project_that_is_not_deployed_fails(cli, project):
    answer = cli("doctor", "--env", "aws", "--json")
    assert answer.code == 78
    assert "orderlake deploy apply" in of(answer)["deployment"]["message"]


def test_without_credentials_it_ends_there(cli, deployed, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(clients, "_session", boto3.session.Session)
    clients.forget_clients()
    answer = cli("doctor", "--env", "aws", "--json")
    assert answer.code == 78
    assert of(answer)["account"]["status"] == "fail"
    assert "log in to AWS" in of(answer)["account"]["message"]
    assert "raw" not in of(answer)


def test_each_part_that_is_missing_fails_with_what_makes_it(cli, deployed, remember):
    remember(
        replace(
            deployed, name="no-such", raw="s3://no-such/raw", table="no-such", database="no_such",
            queue_url=f"{deployed.queue_url}-not", pipelines="s3://no-such/pipelines",
        )
    )  # fmt: skip
    answer = cli("doctor", "--env", "aws", "--json")
    assert answer.code == 78
    for part in ("raw", "table", "database", "function", "queue", "pipelines"):
        assert of(answer)[part]["status"] == "fail", part
        assert "orderlake deploy apply" in of(answer)[part]["remedy"], part


def test_new_files_without_versions_fail(cli, deployed, aws):
    bucket = deployed.raw.removeprefix("s3://").partition("/")[0]
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    answer = cli("doctor", "--env", "aws", "--json")
    assert of(answer)["raw"]["status"] == "fail"
    assert "keeps no versions" in of(answer)["raw"]["message"]


def test_files_that_wait_are_counted_and_dead_letters_are_a_warning(cli, deployed, aws):
    aws.client("sqs").send_message(QueueUrl=deployed.queue_url, MessageBody="{}")
    aws.client("sqs").send_message(QueueUrl=deployed.dead_letter_url, MessageBody="{}")
    answer = cli("doctor", "--env", "aws", "--json")
    assert answer.code == 0
    assert of(answer)["queue"]["message"].endswith("not loaded: 1")
    assert of(answer)["dead letters"]["status"] == "warn"
    assert "deadletter list" in of(answer)["dead letters"]["remedy"]


@pytest.mark.parametrize("change", ["other", "new", "gone"])
def test_pipelines_that_are_not_as_here_are_named(cli, deployed, project, change):
    file = project / "pipelines" / "orders.yaml"
    if change == "new":
        file = project / "marts" / "daily.sql"
        file.parent.mkdir()
        file.write_text("SELECT 1 AS one", "utf-8")
    elif change == "other":
        file.write_text(file.read_text("utf-8") + "# more\n", "utf-8")
    else:
        file.rename(project / "pipelines" / "sales.yaml")
    check = of(cli("doctor", "--env", "aws", "--json"))["pipelines"]
    assert check["status"] == "warn"
    assert {"other": "orders.yaml", "new": "marts/daily.sql", "gone": "orders.yaml, sales.yaml"}[change] in check[
        "message"
    ]
    assert "uploads them" in check["remedy"]


def test_what_is_away_for_a_while_is_to_be_asked_again(cli, deployed, aws):
    aws.faults.refuse("DescribeTable", "InternalServerError", status=500, times=20)
    check = of(cli("doctor", "--env", "aws", "--json"))["table"]
    assert (check["status"], check["remedy"]) == ("fail", "try again")
