"""What happens around a function: pipelines are synced, an object lands, S3 announces it through the queue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from orderlake.clients import client
from orderlake.config import AwsSettings
from orderlake.wiring import bundled_pipelines


@dataclass(frozen=True, slots=True)
class Landed:
    """One version of an object, as S3 knows it."""

    bucket: str
    key: str
    version: str
    size: int


def upload(settings: AwsSettings, key: str, file: Path) -> Landed:
    """Upload a file of any size to the bucket of new files."""
    bucket = settings.raw.removeprefix("s3://").partition("/")[0]
    s3 = client("s3", settings.region)
    s3.upload_file(str(file), bucket, key)
    found = s3.head_object(Bucket=bucket, Key=key)
    return Landed(bucket, key, found.get("VersionId", ""), found["ContentLength"])


def sync_pipelines(settings: AwsSettings, *names: str) -> None:
    """Put bundled pipelines where the functions look for them."""
    bucket, _, prefix = settings.pipelines.removeprefix("s3://").partition("/")
    for name in names:
        body = bundled_pipelines()[name].read_bytes()
        client("s3", settings.region).put_object(Bucket=bucket, Key=f"{prefix}/{name}.yaml", Body=body)


def put(settings: AwsSettings, key: str, body: bytes) -> Landed:
    """Put an object into the raw bucket."""
    bucket = settings.raw.removeprefix("s3://").partition("/")[0]
    answer = client("s3", settings.region).put_object(Bucket=bucket, Key=key, Body=body)
    return Landed(bucket, key, answer.get("VersionId", ""), len(body))


def announcement(*landed: Landed, receives: int = 1) -> dict[str, Any]:
    """The event that Lambda makes of a batch of the queue: a message for each object."""
    return {"Records": [_message(number, one, receives) for number, one in enumerate(landed)]}


def failures(answer: dict[str, Sequence[dict[str, str]]]) -> list[str]:
    """The messages that have to come again."""
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def _message(number: int, landed: Landed, receives: int) -> dict[str, Any]:
    thing = {"key": quote_plus(landed.key, safe="/"), "size": landed.size, "sequencer": f"{number:016X}"}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": landed.bucket, "arn": f"arn:aws:s3:::{landed.bucket}"},
            "object": {**thing, **({"versionId": landed.version} if landed.version else {})},
        },
    }
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "handle",
        "body": json.dumps({"Records": [record]}),
        "attributes": {"ApproximateReceiveCount": str(receives)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:ingest",
        "awsRegion": "eu-central-1",
    }
