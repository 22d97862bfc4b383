"""`orderlake deadletter`: the events that were set aside on AWS."""

import json
from dataclasses import asdict

import pytest


@pytest.fixture
def deployed(project, aws, monkeypatch):
    """The project, deployed with one dead letter: a file that cannot be read, and a message that is none."""
    monkeypatch.setattr("orderlake.aws.deadletter._WAIT_SECONDS", 0)  # the emulator is one server
    settings = aws.deploy()
    state = project / ".orderlake"
    state.mkdir(exist_ok=True)
    (state / "aws.json").write_text(json.dumps(asdict(settings)), encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "200")
    return settings


@pytest.fixture
def set_aside(deployed, aws):
    """Put a message into the dead-letter queue; gives its id."""

    def put(body):
        return aws.client("sqs").send_message(QueueUrl=deployed.dead_letter_url, MessageBody=body)["MessageId"]

    return put


def waiting(aws, url):
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


def test_without_dead_letters_it_says_so(cli, deployed):
    assert cli("deadletter").out == "no event was set aside\n"
    assert cli("deadletter", "--json").json == []


def test_the_list_shows_each_with_its_objects_and_reason(cli, deployed, set_aside, aws):
    bucket = deployed.raw.removeprefix("s3://").removesuffix("/raw")
    version = aws.client("s3").put_object(Bucket=bucket, Key="raw/orders 1.json", Body=b"[")["VersionId"]
    told = {"orderlake": {"objects": [{"bucket": bucket, "key": "raw/orders 1.json", "version_id": version}]}}
    first, second = set_aside(json.dumps(told)), set_aside("nonsense")
    answer = cli("deadletter", "list")
    assert answer.code == 0
    assert answer.out.count(f"s3://{bucket}/raw/orders 1.json") == 1
    assert "unreadable message" in answer.out
    assert first in answer.out
    assert second in answer.out
    assert "(2 dead letters; --json shows them whole)" in answer.out
    (letter,) = [each for each in cli("deadletter", "list", "--json").json if each["id"] == second]
    assert letter["body"] == "nonsense"


def test_redrive_wants_to_know_which(cli, deployed):
    for words in ((), ("--all", "--id", "x")):
        answer = cli("deadletter", "redrive", *words)
        assert answer.code == 78
        assert "--id ID… or --all" in answer.err


def test_redrive_sends_those_named(cli, deployed, set_aside, aws):
    first, _ = set_aside("one"), set_aside("two")
    answer = cli("deadletter", "redrive", "--id", first)
    assert (answer.code, answer.out) == (0, "1 message sent to the ingest queue again\n")
    assert waiting(aws, deployed.queue_url) == 1
    assert waiting(aws, deployed.dead_letter_url) == 1


def test_redrive_of_one_that_is_not_there_says_so(cli, deployed, set_aside):
    set_aside("one")
    answer = cli("deadletter", "redrive", "--id", "nobody")
    assert (answer.code, answer.out) == (66, "0 messages sent to the ingest queue again; not found: nobody\n")


def test_redrive_all_can_be_tried_without_effect(cli, deployed, set_aside, aws):
    set_aside("one")
    set_aside("two")
    answer = cli("deadletter", "redrive", "--all", "--dry-run")
    assert answer.out == "2 messages would be sent to the ingest queue again\n"
    assert waiting(aws, deployed.queue_url) == 0
    answer = cli("deadletter", "redrive", "--all", "--json")
    assert answer.json == {"messages": 2, "in_progress": False, "missing": [], "dry_run": False}
    assert waiting(aws, deployed.queue_url) == 2


def test_a_project_that_is_not_deployed_has_none(cli, project):
    answer = cli("deadletter")
    assert answer.code == 66
    assert "orderlake deploy apply" in answer.err


def test_the_three_ways_to_be_set_aside_are_told_apart(cli):
    text = " ".join(cli("deadletter", "--help").out.split())
    assert "Records that were set aside are in `quarantine`" in text
    assert "rejected" in text
