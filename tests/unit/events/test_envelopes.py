"""What an event says, whoever sent it and whatever it came in."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from orderlake.errors import DataError
from orderlake.events.announcement import ObjectRef, is_later
from orderlake.events.envelope import own_message, parsed, read
from orderlake.events.sqs import is_batch, messages

KEY = "raw/orders 2024+01 ü%.json"
ENCODED = "raw/orders+2024%2B01+%C3%BC%25.json"  # as S3 sends it


def s3_record(key=ENCODED, event="ObjectCreated:Put", version="v1"):
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2024-01-05T10:00:00.000Z",
        "eventName": event,
        "s3": {
            "bucket": {"name": "shop-raw", "arn": "arn:aws:s3:::shop-raw"},
            "object": {"key": key, "size": 12, "eTag": "e", "versionId": version, "sequencer": "0055AED6DCD90281E5"},
        },
    }


def s3_event(*records):
    return {"Records": list(records or [s3_record()])}


def bridge_event(key=KEY, kind="Object Created", source="aws.s3"):
    return {
        "version": "0",
        "detail-type": kind,
        "source": source,
        "time": "2024-01-05T10:00:00Z",
        "detail": {
            "bucket": {"name": "shop-raw"},
            "object": {"key": key, "size": 12, "version-id": "v1", "sequencer": "0055AED6DCD90281E5"},
            "reason": "CompleteMultipartUpload",
        },
    }


def in_sns(event):
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:…", "Message": json.dumps(event)}


def to_lambda_by_sns(event):
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(event)}}]}


def in_sqs(*bodies, receives="1"):
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "eventSource": "aws:sqs",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": receives},
            }
            for number, body in enumerate(bodies)
        ]
    }


def own(key=KEY):
    return json.loads(own_message([ObjectRef("shop-raw", key, "v1")]))


SENDERS = {"S3": s3_event(), "one bare record": s3_record(), "EventBridge": bridge_event(), "scan": own()}
WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "bare": lambda event: event,
    "SNS": to_lambda_by_sns,
    "SQS": in_sqs,
    "SNS in SQS": lambda event: in_sqs(in_sns(event)),
    "SQS in SQS": lambda event: in_sqs(in_sqs(event)),
    "SNS in SQS in SQS": lambda event: in_sqs(in_sqs(in_sns(event))),
    "a list": lambda event: [event],
    "JSON in JSON": lambda event: in_sqs(json.dumps(json.dumps(event))),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("sender", SENDERS)
def test_a_key_with_blanks_signs_and_umlauts_comes_out_of_every_envelope_as_it_is(sender, wrapper):
    said = read(WRAPPERS[wrapper](SENDERS[sender]))
    assert [each.version for each in said.objects] == [("shop-raw", KEY, "v1")]
    assert said.faults == ()


def test_what_is_known_of_the_object_comes_along():
    expected = ObjectRef("shop-raw", KEY, "v1", "2024-01-05T10:00:00.000Z", "0055AED6DCD90281E5", 12)
    assert read(s3_event()).objects == (expected,)
    (bridged,) = read(bridge_event()).objects
    assert (bridged.sequencer, bridged.size, bridged.event_time) == (
        expected.sequencer,
        expected.size,
        "2024-01-05T10:00:00Z",
    )


@pytest.mark.parametrize("way", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
@pytest.mark.parametrize("prefix", ["", "s3:"])
def test_every_way_to_create_an_object_is_a_load(way, prefix):
    assert len(read(s3_event(s3_record(event=f"{prefix}ObjectCreated:{way}"))).objects) == 1


@pytest.mark.parametrize(
    "event",
    [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectRestore:Completed",
        "LifecycleExpiration:Delete",
        "LifecycleTransition",
        "ObjectTagging:Put",
        "ReducedRedundancyLostObject",
    ],
)
def test_what_creates_nothing_is_ignored_with_a_reason(event):
    said = read(in_sqs(s3_event(s3_record(event=event))))
    assert (said.objects, said.faults) == ((), ())
    assert said.ignored[0].what == KEY
    assert event in said.ignored[0].reason


def test_an_eventbridge_event_that_creates_nothing_is_ignored_with_a_reason():
    said = read(in_sqs(bridge_event(kind="Object Deleted")))
    assert (said.objects, said.faults) == ((), ())
    assert "Object Deleted" in said.ignored[0].reason


def test_the_test_event_of_s3_is_ignored():
    said = read(in_sqs({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "shop-raw"}))
    assert (said.objects, said.faults) == ((), ())
    assert [each.what for each in said.ignored] == ["shop-raw"]


def test_every_record_of_an_event_counts_not_only_the_first():
    said = read(s3_event(*[s3_record(f"raw/orders_{number}.json") for number in range(10)]))
    assert [each.key for each in said.objects] == [f"raw/orders_{number}.json" for number in range(10)]


def test_an_object_without_a_version_is_the_current_one():
    record = s3_record()
    del record["s3"]["object"]["versionId"]
    assert read(s3_event(record)).objects[0].version_id is None


UNREADABLE = {
    "no JSON": "orders.json is ready",
    "empty": "",
    "a number": "12",
    "null": "null",
    "an empty object": {},
    "no records": {"Records": []},
    "records that are none": {"Records": [7]},
    "somebody else's": bridge_event(source="aws.ec2", kind="EC2 Instance State-change Notification"),
    "an unknown event of S3": s3_event(s3_record(event="ObjectInvented:Put")),
    "no key": s3_event(s3_record(key="")),
    "a key that is no text": s3_event(s3_record(key="%FF%FE.json")),
    "no bucket": {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {}}}]},
    "an object event without an object": {"detail-type": "Object Created", "source": "aws.s3", "detail": {}},
    "our own without objects": {"orderlake": {"objects": []}},
    "our own of nothing": {"orderlake": []},
    "a list of nothing": "[]",
    "lists without end": "[" * 100_000,
    "a number without end": "9" * 5000,
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_message_that_cannot_be_understood_is_named_and_harms_no_other(what):
    bad, good = messages(in_sqs(UNREADABLE[what], s3_event()))
    assert (bad.id, bad.said.objects) == ("m0", ())
    assert bad.said.faults
    assert all(bad.said.faults)
    assert (good.id, len(good.said.objects), good.said.faults) == ("m1", 1, ())


def test_one_bad_record_among_good_ones_is_a_fault_beside_them():
    said = read(s3_event(s3_record("raw/a.json"), {"eventSource": "aws:s3"}, s3_record("raw/b.json")))
    assert [each.key for each in said.objects] == ["raw/a.json", "raw/b.json"]
    assert said.faults == ("eventName is missing or no text",)


def test_one_bad_object_of_a_scan_is_a_fault_beside_the_others():
    said = read({"orderlake": {"objects": [{"bucket": "b"}, {"bucket": "b", "key": "raw/a.json", "version_id": None}]}})
    assert [each.uri for each in said.objects] == ["s3://b/raw/a.json"]
    assert len(said.faults) == 1


def test_envelopes_without_end_are_a_fault():
    event = s3_event()
    for _ in range(30):
        event = [event]
    assert read(event).faults == ("too many envelopes lie in each other",)


def test_a_batch_tells_its_messages_apart_and_how_often_they_came():
    found = messages(in_sqs(s3_event(), own(), receives="3"))
    assert [(each.id, each.receives, len(each.said.objects)) for each in found] == [("m0", 3, 1), ("m1", 3, 1)]


def test_an_event_that_came_without_a_queue_is_one_message_without_a_name():
    assert not is_batch(s3_event())
    (only,) = messages(s3_event())
    assert (only.id, len(only.said.objects)) == (None, 1)


def test_a_message_without_its_attributes_came_once():
    event = in_sqs(s3_event())
    del event["Records"][0]["attributes"]
    assert messages(event)[0].receives == 1


def test_sequencers_of_different_keys_or_none_at_all_tell_nothing():
    one = ObjectRef("shop", "a.json", sequencer="02")
    assert is_later(one, ObjectRef("shop", "b.json", sequencer="01")) is None
    assert is_later(one, ObjectRef("other", "a.json", sequencer="01")) is None
    assert is_later(one, ObjectRef("shop", "a.json")) is None


def test_two_versions_with_one_sequencer_are_two_and_one_version_with_two_sequencers_is_one():
    one, two = ObjectRef("shop", "a.json", "v1", sequencer="01"), ObjectRef("shop", "a.json", "v2", sequencer="01")
    assert one.version != two.version
    assert one.version == ObjectRef("shop", "a.json", "v1", sequencer="02").version


def test_a_text_that_is_no_json_says_so():
    with pytest.raises(DataError, match="no JSON"):
        parsed("{")
