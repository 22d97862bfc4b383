"""Alerts of the functions and of loads from here, through SNS.

moto stands in for SNS and for the queue that hears the topic. What a mail looks like, and whether an encrypted topic
takes the message, only a real account can show.
"""

import json
from dataclasses import replace

import pytest

from orderlake.alerts.alert import alert_of
from orderlake.alerts.target import UndeliveredError
from orderlake.alerts.topic import Topic
from orderlake.aws import ingest
from orderlake.aws.settings import container
from orderlake.config import lambda_settings
from orderlake.lake import Lake
from orderlake.model.report import LoadReport
from tests.emulators.fixtures import REGION
from tests.unit.aws.fakes import FakeContext
from tests.unit.aws.test_functions import batch, order, shop

__all__ = ["shop"]

REFUSED = LoadReport("raw/ü\n.json", "orders", "rejected", "abc", "1", 1, "2024-01-05T00:00:00Z", reason="no ü")


@pytest.fixture
def topic(aws):
    """A topic with a queue that hears it: `topic()` gives what it has heard since."""
    sns, sqs = aws.client("sns"), aws.client("sqs")

    class Heard:
        arn = sns.create_topic(Name="shop-alerts")["TopicArn"]
        url = sqs.create_queue(QueueName="shop-mail")["QueueUrl"]

        def __call__(self):
            answer = sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            for each in answer.get("Messages", ()):
                sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
            return [json.loads(each["Body"]) for each in answer.get("Messages", ())]

    heard = Heard()
    queue = sqs.get_queue_attributes(QueueUrl=heard.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscribed = sns.subscribe(TopicArn=heard.arn, Protocol="sqs", Endpoint=queue)
    yield heard
    sns.unsubscribe(SubscriptionArn=subscribed["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=heard.url)
    sns.delete_topic(TopicArn=heard.arn)


def test_a_batch_with_bad_files_is_one_message_and_a_message_that_comes_again_none(shop, topic, monkeypatch):
    monkeypatch.setenv("ORDERLAKE_ALERTS_TOPIC", topic.arn)
    container.cache_clear()
    records = [shop.put(f"raw/orders_{number}.json", order(number)) for number in range(3)]
    records += [shop.put(f"raw/orders_bad_{number}.json", b"[{") for number in range(2)]
    records.append(shop.put("raw/unknown.bin", b"0"))
    failed = [{"itemIdentifier": f"m{number}"} for number in (3, 4, 5)]
    for _ in range(2):
        assert ingest.handler(batch(*records), FakeContext()) == {"batchItemFailures": failed}
    (said,) = topic()
    body = json.loads(said["Message"])
    assert said["Subject"] == f"orderlake {shop.settings.name}: 3 files rejected"
    assert (body["on"], body["counts"]["files_loaded"], len(body["rejected"])) == (["rejected"], 3, 3)
    assert shop.query("SELECT count(*) FROM orders") == [(3,)]


def test_a_new_container_does_not_tell_again(shop, topic, monkeypatch, tmp_path):
    monkeypatch.setenv("ORDERLAKE_ALERTS_TOPIC", topic.arn)
    record = shop.put("raw/unknown.bin", b"0")
    for number in range(2):
        monkeypatch.setenv("ORDERLAKE_WORK", str(tmp_path / f"container-{number}"))
        container.cache_clear()
        ingest.handler(batch(record), FakeContext())
    assert len(topic()) == 1


def test_the_kinds_are_those_of_the_deployment(shop, topic, monkeypatch):
    monkeypatch.setenv("ORDERLAKE_ALERTS_TOPIC", topic.arn)
    monkeypatch.setenv("ORDERLAKE_ALERTS_ON", "check,quarantined")
    container.cache_clear()
    odd = json.loads(order(1))
    odd[0]["order_date"] = "no date"
    records = [shop.put("raw/orders_odd.json", json.dumps(odd).encode()), shop.put("raw/orders_bad.json", b"[{")]
    ingest.handler(batch(*records), FakeContext())
    (said,) = topic()
    assert json.loads(said["Message"])["on"] == ["quarantined"]


def test_a_topic_that_is_not_there_fails_no_load_and_is_said(shop, topic, monkeypatch, caplog):
    monkeypatch.setenv("ORDERLAKE_ALERTS_TOPIC", f"{topic.arn}-gone")
    container.cache_clear()
    records = [shop.put("raw/orders_1.json", order(1)), shop.put("raw/orders_bad.json", b"[{")]
    assert ingest.handler(batch(*records), FakeContext()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert "topic shop-alerts-gone was not told" in caplog.text
    assert shop.query("SELECT count(*) FROM orders") == [(1,)]


def test_loads_from_here_tell_the_deployments_topic_as_well(shop, topic, monkeypatch):
    container().lake()  # it fetches the pipelines
    project = replace(container().project, aws=replace(shop.settings, alerts_topic=topic.arn))
    shop.put("raw/orders_bad.json", b"[{")
    with Lake.of(project) as lake:
        lake.run([f"{shop.settings.raw}/orders_bad.json"], "orders")
    (said,) = topic()
    assert json.loads(said["Message"])["rejected"][0]["source"].endswith("raw/orders_bad.json")


def test_a_subject_is_a_line_of_ascii_and_a_mail_is_text(aws, topic):
    alert = alert_of("shop", [REFUSED], "now")
    assert alert is not None
    Topic(topic.arn, REGION, ("rejected",)).deliver(replace(alert, text=f"orderlake ü {'x' * 200}\nmore"))
    (said,) = topic()
    assert said["Subject"] == f"orderlake ? {'x' * 88}"
    assert json.loads(said["Message"])["rejected"][0]["reason"] == "no ü"


def test_what_sns_refuses_is_an_alert_that_was_not_delivered(aws, topic):
    alert = alert_of("shop", [REFUSED], "now")
    assert alert is not None
    with pytest.raises(UndeliveredError, match="topic nowhere"):
        Topic(topic.arn.replace("shop-alerts", "nowhere"), REGION, ("rejected",)).deliver(alert)


def test_a_functions_environment_names_topic_and_kinds(monkeypatch):
    needed = {"NAME": "shop", "RAW": "s3://r/raw", "LAKE": "s3://l/lake", "PIPELINES": "s3://o/p", "TABLE": "t"}
    environment = {f"ORDERLAKE_{name}": value for name, value in {**needed, "DATABASE": "d"}.items()}
    found = lambda_settings({**environment, "AWS_REGION": REGION, "ORDERLAKE_ALERTS_TOPIC": "arn:x"})
    assert (found.alerts_topic, found.alerts_on) == ("arn:x", "")
