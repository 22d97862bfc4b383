"""Dead letters over an emulated SQS: seen with their reasons, sent again, never lost."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from orderlake.aws.deadletter import DeadLetters
from orderlake.errors import ConfigError, StorageUnavailableError
from orderlake.events.announcement import ObjectRef
from orderlake.events.envelope import own_message
from tests.unit.aws.fakes import FakeLake, report_of, source


@pytest.fixture
def queues(aws, monkeypatch):
    monkeypatch.setattr("orderlake.aws.deadletter._WAIT_SECONDS", 0)  # the emulator is one server
    return aws.deploy()


@pytest.fixture
def sqs(aws):
    return aws.client("sqs")


@pytest.fixture
def letters(queues, lake):
    return DeadLetters(queues, lake)


def send(sqs, queues, *bodies):
    return [sqs.send_message(QueueUrl=queues.dead_letter_url, MessageBody=body)["MessageId"] for body in bodies]


def told(key):
    return own_message([ObjectRef("shop-raw", key, "v1")])


def bodies(sqs, url):
    """All that is in a queue now."""
    found: list[str] = []
    while True:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", ())
        if not messages:
            return sorted(found)
        found += [message["Body"] for message in messages]


def test_each_letter_names_its_objects_and_why_it_failed(queues, letters, lake, sqs):
    bad, done, unknown = lake.put("raw/bad.json", "raw/done.json", "raw/unknown.json")
    lake.ledger.done = {
        bad.identity: report_of(bad, "rejected", reason="truncated gzip"),
        done.identity: report_of(done),
    }
    ids = send(sqs, queues, told("raw/bad.json"), told("raw/done.json"), told("raw/unknown.json"), "no JSON")
    found = {letter.id: letter for letter in letters.list(100)}
    assert set(found) == set(ids)
    assert found[ids[0]].objects == (bad.uri,)
    assert found[ids[0]].reasons == (f"{bad.uri}: rejected file: truncated gzip",)
    assert found[ids[1]].reasons == ("nothing is left to load: all of it is loaded or gone",)
    assert "no reason is recorded" in found[ids[2]].reasons[0]
    assert found[ids[3]].reasons[0].startswith("unreadable message: it is no JSON")
    assert found[ids[0]].receives >= 1
    assert found[ids[0]].sent[:2] == "20"
    assert unknown.uri in found[ids[2]].reasons[0]


def test_listing_shows_all_pages_and_leaves_all_where_they_are(queues, letters, sqs):
    sent = [told(f"raw/{number:02d}.json") for number in range(25)]
    send(sqs, queues, *sent)
    assert len(letters.list(100)) == 25
    assert len(letters.list(100)) == 25
    assert bodies(sqs, queues.dead_letter_url) == sorted(sent)


def test_listing_stops_at_the_number_asked_for(queues, letters, sqs):
    send(sqs, queues, *[told(f"raw/{number}.json") for number in range(15)])
    assert len(letters.list(12)) == 12
    assert len(bodies(sqs, queues.dead_letter_url)) == 15


def test_an_object_that_cannot_be_looked_up_says_so(queues, letters, lake, sqs):
    lake.sources.errors["s3://shop-raw/raw/a.json"] = StorageUnavailableError("slow down")
    send(sqs, queues, told("raw/a.json"))
    assert letters.list(10)[0].reasons == ("s3://shop-raw/raw/a.json: slow down",)


def test_chosen_letters_are_sent_again_and_the_others_stay(queues, letters, sqs):
    sent = [told(f"raw/{number}.json") for number in range(12)]
    ids = send(sqs, queues, *sent)
    found = letters.redrive([ids[3], ids[7]], most=100)
    assert (found.messages, found.missing, found.in_progress) == (2, (), False)
    assert bodies(sqs, queues.queue_url) == sorted([sent[3], sent[7]])
    assert bodies(sqs, queues.dead_letter_url) == sorted(set(sent) - {sent[3], sent[7]})


def test_a_letter_that_is_not_there_is_said_to_be_missing(queues, letters, sqs):
    send(sqs, queues, told("raw/a.json"))
    assert letters.redrive(["nobody"], most=100).missing == ("nobody",)
    assert len(bodies(sqs, queues.dead_letter_url)) == 1


def test_where_sqs_cannot_move_messages_by_itself_they_are_sent_and_deleted(queues, letters, sqs):
    sent = [told(f"raw/{number}.json") for number in range(12)]
    send(sqs, queues, *sent)
    assert letters.redrive(None, most=100).messages == 12
    assert bodies(sqs, queues.queue_url) == sorted(sent)
    assert bodies(sqs, queues.dead_letter_url) == []


def test_where_sqs_can_move_messages_it_is_asked_to(queues, letters, sqs, monkeypatch):
    send(sqs, queues, told("raw/a.json"))
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(letters, "_sqs", Moving(sqs, asked))
    found = letters.redrive(None, most=100)
    assert (found.messages, found.in_progress) == (1, True)
    ((source_arn, target_arn),) = asked
    assert source_arn.endswith("-dead-letters")
    assert target_arn.endswith("-ingest")


class Moving:
    """An SQS that moves messages by itself."""

    def __init__(self, sqs, asked):
        self._sqs, self._asked = sqs, asked

    def __getattr__(self, name):
        return getattr(self._sqs, name)

    def start_message_move_task(self, **words):
        self._asked.append((words["SourceArn"], words["DestinationArn"]))


def test_a_dry_run_counts_and_sends_nothing(queues, letters, sqs):
    sent = [told(f"raw/{number}.json") for number in range(3)]
    send(sqs, queues, *sent)
    assert letters.redrive(None, most=100, dry_run=True).messages == 3
    assert bodies(sqs, queues.queue_url) == []
    assert bodies(sqs, queues.dead_letter_url) == sorted(sent)


def test_when_a_letter_cannot_be_sent_none_is_lost(queues, sqs, lake):
    sent = [told(f"raw/{number}.json") for number in range(3)]
    ids = send(sqs, queues, *sent)
    nowhere = DeadLetters(replace(queues, queue_url=queues.queue_url + "-gone"), lake)
    with pytest.raises(ConfigError):
        nowhere.redrive(ids, most=100)
    assert bodies(sqs, queues.dead_letter_url) == sorted(sent)


def test_a_message_keeps_its_attributes(queues, letters, sqs):
    note = {"why": {"DataType": "String", "StringValue": "test"}}
    sqs.send_message(QueueUrl=queues.dead_letter_url, MessageBody=told("raw/a.json"), MessageAttributes=note)
    letters.redrive(None, most=10)
    (message,) = sqs.receive_message(QueueUrl=queues.queue_url, MessageAttributeNames=["All"])["Messages"]
    assert message["MessageAttributes"]["why"]["StringValue"] == "test"


def test_where_only_move_tasks_are_refused_messages_go_one_by_one(queues, letters, sqs, monkeypatch):
    send(sqs, queues, told("raw/a.json"))

    class Refusing(Moving):
        def start_message_move_task(self, **words):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "StartMessageMoveTask")

    monkeypatch.setattr(letters, "_sqs", Refusing(sqs, []))
    assert letters.redrive(None, most=10).in_progress is False
    assert bodies(sqs, queues.queue_url) == [told("raw/a.json")]


def test_a_deployment_without_a_dead_letter_queue_says_what_to_do(queues):
    with pytest.raises(ConfigError, match="dead_letter_url"):
        DeadLetters(replace(queues, dead_letter_url=""), FakeLake())


def test_a_letter_is_json(queues, letters, sqs):
    send(sqs, queues, told("raw/a.json"))
    assert json.loads(json.dumps(letters.list(1)[0].as_dict()))["objects"] == [source("raw/a.json").uri]
