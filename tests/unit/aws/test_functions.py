"""The functions over a real lake in an emulated AWS: from an uploaded file to the answer of a query."""

import json
import random
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from orderlake.aws import ingest, scan, workflow
from orderlake.aws.settings import container
from orderlake.config import AwsSettings
from orderlake.lake import Lake
from orderlake.wiring import bundled_pipelines
from tests.unit.aws.fakes import FakeContext

SAMPLES = Path(ingest.__file__).parents[1] / "samples" / "orders"


@pytest.fixture
def shop(aws, monkeypatch, tmp_path):
    """A deployment with the bundled pipelines, and the functions' environment."""
    settings = aws.deploy()
    for field in fields(AwsSettings):
        if getattr(settings, field.name):
            monkeypatch.setenv(f"ORDERLAKE_{field.name.upper()}", getattr(settings, field.name))
    monkeypatch.setenv("ORDERLAKE_WORK", str(tmp_path / "orderlake"))
    container.cache_clear()
    yield Shop(aws, settings)
    container.cache_clear()


class Shop:
    """The buckets and the lake of a deployment."""

    def __init__(self, aws, settings):
        self.aws, self.settings = aws, settings
        self.raw = settings.raw.removeprefix("s3://").removesuffix("/raw")
        self.ops = settings.pipelines.removeprefix("s3://").removesuffix("/pipelines")
        for name, path in bundled_pipelines().items():
            self.put(f"pipelines/{name}.yaml", path.read_bytes(), self.ops)

    def put(self, key, body, bucket=None):
        """Upload, and give the record of the notification that S3 sends."""
        answer = self.aws.client("s3").put_object(Bucket=bucket or self.raw, Key=key, Body=body)
        return self.record(key, bucket or self.raw, {"versionId": answer["VersionId"]})

    def record(self, key, bucket, version=()):
        """The record of the notification that S3 sends."""
        return {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), **dict(version)}},
        }

    def read(self, key):
        return self.aws.client("s3").get_object(Bucket=self.ops, Key=key)["Body"].read().decode()

    def query(self, sql):
        with Lake.of(container().project) as lake:
            return [tuple(row) for row in lake.query(sql).rows]

    def queued(self):
        """What is on the ingest queue, as Lambda is called with it."""
        answer = self.aws.client("sqs").receive_message(QueueUrl=self.settings.queue_url, MaxNumberOfMessages=10)
        return {
            "Records": [
                {"messageId": each["MessageId"], "eventSource": "aws:sqs", "body": each["Body"]}
                for each in answer.get("Messages", ())
            ]
        }


def batch(*records):
    return {
        "Records": [
            {"messageId": f"m{number}", "eventSource": "aws:sqs", "body": json.dumps({"Records": [record]})}
            for number, record in enumerate(records)
        ]
    }


def sample():
    return (SAMPLES / "orders_sample.json").read_bytes()


def order(number, total=200.5):
    return json.dumps(
        [
            {
                "order_id": number,
                "order_date": "2024-01-05",
                "total_amount": total,
                "customer": {"customer_id": 7, "name": "Ü", "email": "u@example.org", "address": "Weg 1"},
                "products": [{"product_id": "p1", "name": "Mug", "category": "Home", "price": total, "quantity": 1}],
            }
        ]
    ).encode()


def test_a_batch_is_in_the_tables_once_however_often_it_is_delivered(shop):
    records = [shop.put(f"raw/orders {number}+ü%.json", order(number)) for number in range(10)]
    for _ in range(3):
        assert ingest.handler(batch(*records), FakeContext()) == {"batchItemFailures": []}
    assert shop.query("SELECT count(*), sum(total_amount) FROM orders") == [(10, 2005)]


def test_events_in_any_order_and_number_make_the_same_tables(shop):
    """Six orders in three versions each, every event one to five times, in no order, in batches of twenty."""
    totals = {(number, version): 10.0 * number + version for number in range(6) for version in range(3)}
    records = [shop.put(f"raw/orders_{number}.json", order(number, total)) for (number, _), total in totals.items()]
    chance = random.Random(7)
    delivered = [record for record in records for _ in range(chance.randint(1, 5))]
    chance.shuffle(delivered)
    for start in range(0, len(delivered), 20):
        answer = ingest.handler(batch(*delivered[start : start + 20]), FakeContext())
        assert answer == {"batchItemFailures": []}
    expected = [(number, totals[number, 2]) for number in range(6)]
    assert shop.query("SELECT order_id, total_amount::DOUBLE FROM orders ORDER BY 1") == expected
    with Lake.of(container().project) as lake:
        assert lake.verify().ok
        assert len(lake.loads()) == len(records)


def test_a_batch_of_fifty_files_of_one_second_commits_once_and_all_rows_are_there(shop):
    records = [shop.put(f"raw/orders_{number}.json", order(number)) for number in range(50)]
    shop.aws.faults.forget_calls()
    assert ingest.handler(batch(*records), FakeContext()) == {"batchItemFailures": []}
    operations = [call.operation for call in shop.aws.faults.calls()]
    assert operations.count("TransactWriteItems") == 1
    assert shop.query("SELECT count(*) FROM orders") == [(50,)]


def test_of_ten_files_one_that_cannot_be_read_comes_again_with_its_reason_in_the_ledger(shop):
    records = [shop.put(f"raw/orders_{number}.json", order(number)) for number in range(9)]
    bad = shop.put("raw/orders_bad.json", b'{"orders": [')
    answer = ingest.handler(batch(*records, bad), FakeContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m9"}]}
    assert shop.query("SELECT count(*) FROM orders") == [(9,)]
    assert ingest.handler(batch(bad), FakeContext()) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    with Lake.of(container().project) as lake:
        (rejected,) = [load for load in lake.loads() if load.status == "rejected"]
    assert rejected.source.endswith("raw/orders_bad.json")
    assert rejected.reason


def test_a_corrected_file_replaces_what_its_older_version_said_in_whatever_order_they_come(shop):
    old, new = shop.put("raw/orders_1.json", order(1, 10.0)), shop.put("raw/orders_1.json", order(1, 20.0))
    assert ingest.handler(batch(new), FakeContext()) == {"batchItemFailures": []}
    assert ingest.handler(batch(old), FakeContext()) == {"batchItemFailures": []}
    assert shop.query("SELECT total_amount FROM orders") == [(20,)]


def test_a_load_sends_no_event_that_would_load_it_again(shop):
    ingest.handler(batch(shop.put("raw/orders_1.json", order(1))), FakeContext())
    bucket = shop.settings.lake.removeprefix("s3://").removesuffix("/lake")
    keys = [each["Key"] for each in shop.aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    records = [shop.record(key, bucket) for key in keys]
    assert records
    before = shop.query("SELECT count(*) FROM orders")
    assert ingest.handler(batch(*records), FakeContext()) == {"batchItemFailures": []}
    assert shop.query("SELECT count(*) FROM orders") == before


def test_the_scan_announces_what_no_event_did_and_ingest_understands_it(shop):
    announced = shop.put("raw/orders_1.json", order(1))
    shop.put("raw/orders 2024+01 ü%.json", order(2))
    ingest.handler(batch(announced), FakeContext())
    assert scan.handler({"min_age_seconds": 0}, FakeContext())["sent"] == 1
    assert ingest.handler(shop.queued(), FakeContext()) == {"batchItemFailures": []}
    assert shop.query("SELECT order_id FROM orders ORDER BY 1") == [(1,), (2,)]
    assert scan.handler({"min_age_seconds": 0}, FakeContext())["sent"] == 0


def steps(shop, execution="e1", **plan):
    """The workflow as Step Functions runs it; gives the report."""
    state: dict[str, Any] = {"plan": workflow.handler({"task": "plan", "execution": execution, **plan}, FakeContext())}
    event = {"task": "load", "execution": execution}
    state["loads"] = [workflow.handler({**event, "group": name}, FakeContext()) for name in state["plan"]["groups"]]
    for task in ("check", "marts", "maintain"):
        state[task] = workflow.handler({"task": task, "execution": execution}, FakeContext())
    assert len(json.dumps(state)) < 256 * 1024
    return workflow.handler({"task": "report", "execution": execution, "state": state}, FakeContext())


def test_a_backfill_loads_a_prefix_checks_it_and_reports(shop):
    shop.put("raw/2024/orders_sample.json", sample())
    shop.put("raw/2023/orders_1.json", order(1))
    shop.put(
        "pipelines/marts/daily.sql", b"SELECT order_date, sum(total_amount) AS total FROM orders GROUP BY 1", shop.ops
    )
    told = steps(shop, prefix=f"{shop.settings.raw}/2024/")
    assert told["ok"] is True
    assert told["files"] == {"loaded": 1, "failed": 0}
    assert told["records"]["loaded"] == told["records"]["read"] == 12
    assert shop.query("SELECT count(*) FROM orders") == [(12,)]
    report = json.loads(shop.read("backfill/e1/report.json"))
    assert report["marts"]["ok"] is True
    assert [each["table"] for each in json.loads(shop.read("backfill/e1/marts.json"))] == ["daily"]
    assert [each["status"] for each in report["reports"]] == ["loaded"]
    assert shop.read("backfill/e1/report.txt").startswith("backfill e1: done\nfiles: 1 loaded; 0 were loaded before\n")


def test_a_backfill_done_again_has_nothing_to_do(shop):
    shop.put("raw/orders_1.json", order(1))
    steps(shop)
    told = steps(shop, "e2")
    assert told["ok"] is True
    assert "files: none new; 1 were loaded before" in told["text"]
