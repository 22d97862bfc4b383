"""The scan: what no event announced is announced, and nothing else."""

import json
from dataclasses import replace

import pytest

from orderlake.aws.scan import Scan, Sender, handler, packed, ref_of
from orderlake.clients import client
from orderlake.errors import ConfigError, StorageUnavailableError
from orderlake.events.announcement import ObjectRef
from orderlake.events.sqs import messages
from tests.unit.aws.fakes import NOW, SECOND, SETTINGS, FakeContext, report_of, source


class Queue:
    """An SQS that does not take the messages it is told not to take, so often."""

    def __init__(self):
        self.sent: list[str] = []
        self.calls: list[int] = []
        self.refuse: dict[str, int] = {}
        self.sender_fault = False

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803
        self.calls.append(len(Entries))
        assert len(Entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= 256 * 1024
        failed = []
        for entry in Entries:
            if self.refuse.get(entry["MessageBody"], 0) > 0:
                self.refuse[entry["MessageBody"]] -= 1
                failed.append({"Id": entry["Id"], "SenderFault": self.sender_fault, "Code": "InternalError"})
            else:
                self.sent.append(entry["MessageBody"])
        return {"Failed": failed} if failed else {}

    @property
    def objects(self):
        """What was announced, as the ingest function understands it."""
        batch = {"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": body} for body in self.sent]}
        found = messages(batch) if self.sent else []
        assert all(not message.said.faults for message in found)
        return [ref for message in found for ref in message.said.objects]


@pytest.fixture
def queue(monkeypatch):
    found = Queue()
    monkeypatch.setattr("orderlake.aws.scan.client", lambda *_: found)
    return found


def scanned(lake, settings=SETTINGS, **options):
    scan = Scan(lake, settings, clock=lambda: NOW + 3600.0, wait=lambda _: None)
    return scan.run(settings.raw, **options)


def test_what_is_in_no_load_is_announced_with_its_version(lake, queue):
    lake.put("raw/orders 2024+01 ü%.json", "raw/b.json")
    counts = scanned(lake)
    assert [ref.version for ref in queue.objects] == [
        ("shop-raw", "raw/orders 2024+01 ü%.json", "v1"),
        ("shop-raw", "raw/b.json", "v1"),
    ]
    assert (counts["seen"], counts["sent"], counts["messages"]) == (2, 2, 1)


def test_an_object_of_a_bucket_without_versions_is_announced_without_one():
    assert ref_of(source("raw/a.json", '"etag"')).version_id is None


def test_what_is_loaded_is_not_announced(lake, queue):
    done, _ = lake.put("raw/done.json", "raw/new.json")
    lake.ledger.done[done.identity] = report_of(done)
    assert scanned(lake)["known"] == 1
    assert [ref.key for ref in queue.objects] == ["raw/new.json"]


def test_a_rejected_file_is_announced_again_only_when_its_pipeline_has_changed(lake, queue):
    same, changed = lake.put("raw/same.json", "raw/changed.json")
    current = lake.pipelines[0].fingerprint
    lake.ledger.done = {
        same.identity: report_of(same, "rejected", definition=current),
        changed.identity: report_of(changed, "rejected", definition="what it was before"),
    }
    scanned(lake)
    assert [ref.key for ref in queue.objects] == ["raw/changed.json"]


def test_a_file_that_fitted_no_pipeline_is_announced_again_once_it_fits_one(lake, queue):
    nobody, fits = lake.put("raw/data.xml", "raw/orders_1.json")
    lake.ledger.done = {each.identity: report_of(each, "rejected", definition="") for each in (nobody, fits)}
    scanned(lake)
    assert [ref.key for ref in queue.objects] == ["raw/orders_1.json"]


def test_an_object_younger_than_two_minutes_waits_for_its_own_event(lake, queue):
    lake.sources.objects += [source("raw/new.json", version=(NOW + 3600 - 60) * SECOND), source("raw/old.json")]
    assert scanned(lake)["young"] == 1
    assert [ref.key for ref in queue.objects] == ["raw/old.json"]
    assert scanned(lake, min_age=0)["young"] == 0


def test_a_scan_of_some_days_leaves_older_objects_out(lake, queue):
    lake.put("raw/a.json")
    assert scanned(lake, max_age=60)["old"] == 1
    assert queue.objects == []


def test_what_ingest_would_ignore_is_not_announced(lake, queue):
    lake.put("raw/.hidden/a.json", "raw/folder/")
    counts = scanned(lake)
    assert (counts["ignored"], counts["sent"]) == (2, 0)


def test_each_object_is_counted_once(lake, queue):
    done, *_ = lake.put("raw/done.json", "raw/new.json", "raw/.hidden.json", "raw/foreign/a.xml")
    lake.sources.objects.append(source("raw/young.json", version=(NOW + 3600) * SECOND))
    lake.ledger.done[done.identity] = report_of(done)
    counts = scanned(lake, replace(SETTINGS, crawler="shop-foreign"))
    assert counts.pop("messages") == 1
    assert counts.pop("seen") == sum(counts.values()) == 5


def test_foreign_files_are_left_to_the_crawler(lake, queue):
    lake.put("raw/foreign/a.xml")
    assert scanned(lake, replace(SETTINGS, crawler="shop-foreign"))["foreign"] == 1
    assert queue.objects == []


def test_many_objects_go_in_messages_of_fifty_and_calls_of_ten(lake, queue):
    lake.put(*[f"raw/{number:04d}.json" for number in range(1234)])
    assert scanned(lake)["messages"] == 25
    assert queue.calls == [10, 10, 5]
    assert len({ref.version for ref in queue.objects}) == 1234


def test_however_many_objects_there_are_only_some_are_held(lake, queue, monkeypatch):
    monkeypatch.setattr("orderlake.aws.scan._AT_ONCE", 100)
    asked, listed = [], 0

    def each(location):
        nonlocal listed
        for number in range(1000):
            listed += 1
            yield source(f"raw/{number:04d}.json")

    def applied(identities):
        asked.append((listed, len(list(identities))))
        return {}

    monkeypatch.setattr(lake.sources, "each", each)
    monkeypatch.setattr(lake.ledger, "applied", applied)
    counts = scanned(lake)
    assert (counts["seen"], counts["sent"], counts["messages"]) == (1000, 1000, 20)
    assert asked == [(number, 100) for number in range(100, 1001, 100)]


def test_long_keys_make_smaller_messages(queue):
    refs = [ObjectRef("shop-raw", f"raw/{number}-{'ü' * 3500}.json", "v" * 1024) for number in range(60)]
    bodies = list(packed(refs))
    assert max(len(body.encode()) for body in bodies) <= 200_000
    Sender("q", "r", lambda _: None).send(bodies)
    assert [ref.version for ref in queue.objects] == [ref.version for ref in refs]


def test_messages_that_are_not_taken_are_sent_again(queue):
    queue.refuse = {"b": 2}
    pauses: list[float] = []
    Sender("q", "r", pauses.append).send(["a", "b", "c"])
    assert sorted(queue.sent) == ["a", "b", "c"]
    assert queue.calls == [3, 1, 1]
    assert pauses == sorted(pauses)


def test_messages_that_are_never_taken_are_an_error(queue):
    queue.refuse = {"b": 99}
    with pytest.raises(StorageUnavailableError, match="1 messages were not taken"):
        Sender("q", "r", lambda _: None).send(["a", "b"])


def test_messages_that_are_refused_for_good_are_not_tried_again(queue):
    queue.refuse, queue.sender_fault = {"b": 99}, True
    with pytest.raises(ConfigError, match="refuses a message"):
        Sender("q", "r", lambda _: None).send(["a", "b"])
    assert queue.calls == [2]


def test_the_function_counts_what_it_found(opened, queue, said):
    opened.put("raw/a.json", "raw/b.json")
    counts = handler({"source": "schedule"}, FakeContext())
    assert counts["sent"] == 2
    logs, metrics = said()
    assert [(line["seen"], line["sent"]) for line in logs if line["message"] == "scan"] == [(2, 2)]
    assert metrics == []  # each would be billed all month, and no alarm asks for it


def test_the_function_looks_only_where_it_is_told(opened, queue):
    opened.put("raw/2024/a.json", "raw/2023/b.json")
    assert handler({"prefix": "s3://shop-raw/raw/2024", "min_age_seconds": 0}, FakeContext())["seen"] == 1
    assert opened.sources.asked == ["s3://shop-raw/raw/2024/"]


def test_a_real_queue_takes_the_messages(aws):
    settings = aws.deploy()
    Sender(settings.queue_url, settings.region).send([f'{{"n": {number}}}' for number in range(12)])
    found = client("sqs", settings.region).get_queue_attributes(
        QueueUrl=settings.queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert json.loads(found["Attributes"]["ApproximateNumberOfMessages"]) == 12
