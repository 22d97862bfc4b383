"""The fixture `aws`: a strict emulator of S3, DynamoDB, Glue, SQS … that stands in for AWS, on 127.0.0.1.

    def test_something(aws):
        settings = aws.deploy()                     # versioned buckets, DynamoDB table, Glue database, queues
        clients.client("s3", settings.region).put_object(…)
        aws.faults.lose_reply("PutItem", times=2)   # done, but the caller sees the connection close
        aws.faults.throttle("UpdateTable", times=3)
        aws.faults.calls()                          # [Call("s3", "PutObject", "bucket/key"), …]

One server process serves a whole test session (one per xdist worker), started when first asked for. The fixture sets
AWS_ENDPOINT_URL, dummy credentials and a region in the environment, so `orderlake.clients` and any other process
find it by inheriting the environment: workers may be spawned, only `AwsSettings` (it pickles) has to be handed over.
Cached clients are dropped before and after. Within this process the pauses of botocore's retries are cut short.

It is moto with its gaps closed (strict.py): Glue checks VersionId, DynamoDB's transactions are atomic and know their
ClientRequestToken, S3's conditions hold, versions are listed newest first. It proves nothing about IAM, KMS or speed.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from orderlake import clients
from orderlake.config import AwsSettings
from tests.emulators.faults import Faults

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
ACCOUNT = "123456789012"


class Aws:
    """An emulated AWS: where it is, how to break it, and how to make the parts of a deployment in it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.region = REGION
        self.faults = Faults(endpoint)

    def client(self, service: str) -> Any:
        """A client of a service, the one that orderlake uses."""
        return clients.client(service, REGION)

    def deploy(self, name: str = "lake") -> AwsSettings:
        """Make buckets, table, database, queues of a deployment as Terraform would, under names not used before."""
        name = f"{name}-{uuid.uuid4().hex[:12]}"
        raw, lake, ops = (f"{name}-{kind}" for kind in ("raw", "lake", "ops"))
        for bucket in (raw, lake, ops):
            self.make_bucket(bucket)
        self.make_table(name)
        database = name.replace("-", "_")
        self.client("glue").create_database(DatabaseInput={"Name": database})
        kinds = ("ingest", "dead-letters")
        queues = [self.client("sqs").create_queue(QueueName=f"{name}-{kind}")["QueueUrl"] for kind in kinds]
        return AwsSettings(
            name=name,
            region=REGION,
            raw=f"s3://{raw}/raw",
            lake=f"s3://{lake}/lake",
            pipelines=f"s3://{ops}/pipelines",
            table=name,
            database=database,
            workgroup=name,
            queue_url=queues[0],
            dead_letter_url=queues[1],
        )

    def make_bucket(self, bucket: str, *, versioned: bool = True) -> str:
        """Make a bucket."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket

    def make_loader(self, name: str, **variables: str) -> None:
        """Make the function of a deployment that loads files, with an environment; it has no code that runs."""
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "*"}]}
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "")
        self.client("lambda").create_function(
            FunctionName=f"{name}-ingest",
            Runtime="python3.12",
            Role=role["Arn"],
            Handler="app.handler",
            Code={"ZipFile": code.getvalue()},
            MemorySize=512,
            Environment={"Variables": variables},
        )

    def make_table(self, table: str) -> str:
        """Make the DynamoDB table of a deployment: keys pk and sk, `expires` for leases."""
        dynamodb = self.client("dynamodb")
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        return table


def forget_clients() -> None:
    """Drop cached clients: they hold an endpoint and credentials."""
    clients.forget_clients()


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """Run the emulator; gives its endpoint. Ask for `aws` instead."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "COV_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.emulators.server"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)


@pytest.fixture(scope="session")
def aws_session() -> Any:
    """The boto3 session of all tests that use `aws`."""
    return boto3.session.Session("testing", "testing", region_name=REGION)


@pytest.fixture
def aws(aws_server: str, aws_session: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """AWS, emulated strictly; see this module's docstring."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    settings = {
        "AWS_ENDPOINT_URL": aws_server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(clients, "_session", lambda: aws_session)  # so that service descriptions are read once
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.001)
    forget_clients()
    found = Aws(aws_server)
    found.faults.clear()
    found.faults.forget_calls()
    yield found
    found.faults.clear()
    forget_clients()
