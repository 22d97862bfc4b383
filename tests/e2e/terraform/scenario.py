"""A shop's deployment under the names that Terraform gives it, and all that its functions can meet there."""

import json
import random
import string
import time
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import pytest

from orderlake import loading
from orderlake.aws import ingest, scan, workflow
from orderlake.aws.settings import container
from orderlake.errors import StorageUnavailableError
from orderlake.events import objects
from orderlake.ledger import loads
from orderlake.storage import s3, s3_streams
from orderlake.wiring import bundled_pipelines
from tests.emulators.fixtures import forget_clients
from tests.unit.aws.fakes import FakeContext

LARGE = 8_000
"""Orders whose addresses compress badly: their Parquet files are longer than the least part of an upload."""
FOR_GOOD = 99
SETTINGS = (
    "name", "raw", "lake", "pipelines", "table", "database", "workgroup", "crawler", "alerts_topic", "alerts_on",
)  # fmt: skip
MART = b"SELECT order_date, sum(total_amount) AS total FROM orders GROUP BY 1"


class Shop:
    """The deployment of a plan, in an emulator."""

    def __init__(self, recorder, plan, patch, folder):
        self.aws, self.recorder, self.patch, self.folder = recorder.aws, recorder, patch, folder
        aws = self.aws
        self.outputs = {name: each.get("value") for name, each in plan["planned_values"]["outputs"].items()}
        places = [self.outputs[name].split("/")[2] for name in ("raw", "lake", "pipelines")]
        self.raw, self.lake, self.ops = map(aws.make_bucket, places)
        aws.make_table(self.outputs["table"])
        aws.client("glue").create_database(DatabaseInput={"Name": self.outputs["database"]})
        self.queue = aws.client("sqs").create_queue(QueueName=f"{self.outputs['name']}-ingest")["QueueUrl"]
        self.topic = aws.client("sns").create_topic(Name=f"{self.outputs['name']}-alarms")["TopicArn"]
        aws.client("sns").create_topic(Name=f"{self.outputs['name']}-alerts")
        aws.client("glue").create_crawler(
            Name=self.outputs["crawler"],
            Role="crawler",
            Targets={"S3Targets": [{"Path": f"{self.outputs['raw']}/foreign/"}]},
        )
        for name, path in bundled_pipelines().items():
            self.put(f"pipelines/{name}.yaml", path.read_bytes(), self.ops)
        self.put("pipelines/marts/daily.sql", MART, self.ops)

    def start(self, function):
        """A new container of a function: it knows nothing, and has its own environment."""
        container.cache_clear()
        forget_clients()
        for name in SETTINGS:
            self.patch.setenv(f"ORDERLAKE_{name.upper()}", self.outputs[name])
        self.patch.setenv("ORDERLAKE_QUEUE_URL", self.queue)
        self.patch.setenv("ORDERLAKE_WORK", str(self.folder / function))
        if function == "workflow":
            self.patch.setenv("ORDERLAKE_TOPIC", self.topic)

    def put(self, key, body, bucket=None):
        """Upload, and give the record of the notification that S3 sends."""
        with self.recorder.aside():
            answer = self.aws.client("s3").put_object(Bucket=bucket or self.raw, Key=key, Body=body)
        return {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": {"name": bucket or self.raw},
                "object": {"key": quote_plus(key), "versionId": answer.get("VersionId", "null")},
            },
        }

    def keep_versions(self, on):
        """Whether the raw bucket keeps versions; somebody may have switched it off for a while."""
        status = {"Status": "Enabled" if on else "Suspended"}
        with self.recorder.aside():
            self.aws.client("s3").put_bucket_versioning(Bucket=self.raw, VersioningConfiguration=status)

    def lapse(self, name):
        """Leave a lease as a load that died does."""
        key = {"pk": {"S": "lease"}, "sk": {"S": name}}
        until = {"owner": {"S": "dead"}, "until": {"N": "0"}, "expires": {"N": str(int(time.time()))}}
        self.aws.client("dynamodb").put_item(TableName=self.outputs["table"], Item=key | until)

    def delete(self, record):
        """Delete this version for ever."""
        found = record["s3"]["object"]
        with self.recorder.aside():
            self.aws.client("s3").delete_object(
                Bucket=self.raw, Key=unquote_plus(found["key"]), VersionId=found["versionId"]
            )

    def gone(self, record):
        """A context in which this version is deleted once it was looked up, and before it is read."""
        shop = self

        class Deleting(FakeContext):
            asked = 0

            def get_remaining_time_in_millis(self):
                self.asked += 1
                if self.asked == 2:  # the first time is when the function starts
                    shop.delete(record)
                return 900_000

        return Deleting()


def batch(*records):
    """What Lambda is called with for messages that announce these."""
    return {
        "Records": [
            {"messageId": f"m{number}", "eventSource": "aws:sqs", "body": json.dumps({"Records": [record]})}
            for number, record in enumerate(records)
        ]
    }


def orders(*numbers, total=10.5, address="Weg 1", **changed):
    """Orders as the shop sends them."""
    return json.dumps(
        [
            {
                "order_id": number,
                "order_date": f"2024-0{1 + number % 3}-05",
                "total_amount": total,
                "customer": {"customer_id": 7, "name": "Ü", "email": "u@example.org", "address": address},
                "products": [{"product_id": "p1", "name": "Mug", "category": "Home", "price": total, "quantity": 1}],
                **changed,
            }
            for number in numbers
        ]
    ).encode()


def large(first):
    """A file of many orders, no two addresses alike."""
    chance = random.Random(first)
    found = json.loads(orders(*range(first, first + LARGE)))
    for order in found:
        order["customer"]["address"] = "".join(chance.choices(string.ascii_letters + string.digits, k=1200))
    return json.dumps(found).encode()


def ingested(shop, *records, context=None):
    """Have them loaded; gives the messages that come again."""
    answer = ingest.handler(batch(*records), context or FakeContext())
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def ingest_everything(shop):
    """What ingest is made for: first loads, corrections, duplicates; bad records, bad files, foreign ones."""
    first = [shop.put(f"raw/orders_{number}.json", orders(*range(10 * number, 10 * number + 5))) for number in range(4)]
    assert ingested(shop, *first) == []
    assert ingested(shop, *first) == []
    assert ingested(shop, shop.put("raw/orders_0.json", orders(0, 1, 2, total=20.5))) == []
    assert ingested(shop, shop.put("raw/orders_again.json", orders(10, 21, total=30.5))) == []
    assert ingested(shop, shop.put("raw/orders_all.json", orders(*range(30, 35), total=40.5))) == []
    assert ingested(shop, shop.put("raw/orders_odd.json", orders(50, order_date="no date"))) == []
    assert ingested(shop, shop.put("raw/orders_bad.json", b'{"orders": [')) == ["m0"]
    assert ingested(shop, shop.put("raw/unknown.bin", b"0")) == ["m0"]
    assert ingested(shop, shop.put("raw/foreign/things.csv", b"a,b\n1,2\n")) == []
    shop.keep_versions(False)
    assert ingested(shop, shop.put("raw/orders_unversioned.json", orders(61))) == []
    shop.keep_versions(True)
    vanished = shop.put("raw/orders_gone.json", orders(60))
    ingested(shop, vanished, context=shop.gone(vanished))
    assert ingested(shop, vanished) == []


def ingest_large_objects(shop):
    """Sources that are streamed, staged in the lake and written in parts; one whose upload is given up."""
    shop.patch.setattr(objects, "_COPIED", 1 << 20)
    shop.patch.setattr(loading, "_STAGED_HERE", 1 << 20)
    shop.patch.setattr(s3_streams, "PART", 5 << 20)
    shop.patch.setattr(s3, "_LARGEST_COPY", 1 << 20)
    shop.aws.faults.lose_reply("CompleteMultipartUpload")
    assert ingested(shop, shop.put("raw/orders_large.json", large(1_000))) == []
    shop.aws.faults.throttle("UploadPart", times=FOR_GOOD)
    more = shop.put("raw/orders_larger.json", large(1_000 + LARGE))
    assert ingested(shop, more) == ["m0"]
    shop.aws.faults.clear()
    assert ingested(shop, more) == []


def ingest_in_trouble(shop):
    """Calls that are throttled or whose replies are lost, reports too long for one item, a load that died."""
    faults = shop.aws.faults
    for operation in ("UpdateItem", "PutItem", "UpdateTable", "PutObject", "GetObject", "TransactGetItems"):
        faults.throttle(operation)
        assert ingested(shop, shop.put(f"raw/orders_{operation}.json", orders(70, total=len(operation)))) == []
    for operation in ("TransactWriteItems", "UpdateTable", "PutObject", "UpdateItem", "DeleteItem", "CopyObject"):
        faults.lose_reply(operation)
        assert ingested(shop, shop.put(f"raw/orders_lost_{operation}.json", orders(71, total=len(operation)))) == []
    faults.refuse("UpdateTable", "ThrottlingException", times=FOR_GOOD)
    committed = shop.put("raw/orders_not_shown.json", orders(72))
    ingested(shop, committed)
    faults.clear()
    assert ingested(shop, committed) == []
    shop.patch.setattr(loads, "PART_BYTES", 100)  # a report in parts, which give way to those of the next
    unknown = shop.put("raw/unknown.bin", b"1")
    assert ingested(shop, unknown) == ingested(shop, unknown) == ["m0"]
    dead = shop.put("raw/orders_dead.json", orders(73))
    (stream,) = (one for each in container().lake().pipelines for one in each.streams if each.name == "orders")
    with shop.recorder.aside():
        found = container().lake().sources.resolve(shop.raw, "raw/orders_dead.json", None)
        assert found is not None
        shop.lapse(f"claim#{found.identity}")
        shop.lapse(f"turn#{stream.index}")
    assert ingested(shop, dead) == []


def scan_everything(shop):
    """A scan that finds files, some of them not taken by the queue at first, and one that has nothing to do."""
    for number in range(3):
        shop.put(f"raw/orders_scan_{number}.json", orders(80 + number))
    shop.aws.faults.throttle("BatchGetItem")
    assert scan.handler({"min_age_seconds": 0}, FakeContext())["sent"] > 2
    scan.handler({"days": 3}, FakeContext())
    scan.handler({"prefix": f"{shop.outputs['raw']}/foreign", "min_age_seconds": 0}, FakeContext())


def backfill_everything(shop):
    """Backfills of what is there, of a prefix with files of every kind, and of one whose upload breaks off."""
    shop.patch.setattr("orderlake.tables.compact._FULL", 10**9)
    for number in range(3):
        shop.put(f"raw/2023/orders_{number}.json", orders(90 + number))
    shop.put("raw/2023/orders_broken.json", b'{"orders": [')
    backfilled(shop, "e1")
    shop.put("raw/2024/orders_large.json", large(20_000))
    shop.keep_versions(False)
    shop.put("raw/2024/orders_unversioned.json", orders(95))
    shop.keep_versions(True)
    gone = shop.put("raw/2024/orders_gone.json", orders(96))
    shop.aws.faults.throttle("UploadPart", times=FOR_GOOD)
    with pytest.raises(StorageUnavailableError):
        backfilled(shop, "e2", prefix=f"{shop.outputs['raw']}/2024")
    shop.aws.faults.clear()
    backfilled(shop, "e3", lambda: shop.delete(gone), prefix=f"{shop.outputs['raw']}/2024/")


def backfilled(shop, execution, after_plan=lambda: None, **plan):
    """The workflow as Step Functions runs it."""
    event = {"execution": execution}
    state: dict[str, Any] = {"plan": workflow.handler({"task": "plan", **event, **plan}, FakeContext())}
    after_plan()
    names = state["plan"]["groups"]
    assert names
    state["loads"] = [workflow.handler({"task": "load", "group": name, **event}, FakeContext()) for name in names]
    for task in ("check", "marts", "maintain"):
        state[task] = workflow.handler({"task": task, **event}, FakeContext())
        assert state[task]["ok"], state[task]
    workflow.handler({"task": "report", "state": state, **event}, FakeContext())


EVERYTHING = {
    "ingest": (ingest_everything, ingest_large_objects, ingest_in_trouble),
    "scan": (scan_everything,),
    "workflow": (backfill_everything,),
}
"""What each function is put through, in this order: the lake of one is that of the next."""
