"""Where a lake is deployed: whether all of it is there, at work, and as the project has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from orderlake.clients import account_of, client, translated
from orderlake.config import AwsSettings, Project
from orderlake.deploy.contents import contents
from orderlake.doctor.check import Check
from orderlake.errors import LakeError, TransientError
from orderlake.storage.s3 import split

_APPLY: Final = "`orderlake deploy apply` sets it right"
_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
_NAMED: Final = 3


def lake(project: Project, aws: AwsSettings) -> Iterator[Check]:
    """A check for each part of a deployment; without credentials that work there is one."""
    yield Check("deployment", "ok", f"deployed as {aws.name} in {aws.region}")
    try:
        account = account_of(aws.region)
    except LakeError as error:
        yield Check("account", "fail", str(error))
        return
    yield Check("account", "ok", f"credentials of AWS account {account}")
    parts: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("raw", lambda: _raw(aws)),
        ("table", lambda: _table(aws)),
        ("database", lambda: _database(aws)),
        ("function", lambda: _function(aws)),
        ("queue", lambda: _queue(aws)),
        ("dead letters", lambda: _dead_letters(aws)),
        ("pipelines", lambda: _pipelines(project, aws)),
    )
    for name, look in parts:
        try:
            yield look()
        except TransientError as error:
            yield Check(name, "fail", str(error), "try again")
        except LakeError as error:
            yield Check(name, "fail", str(error), "if it is not there, `orderlake deploy apply` makes it")


def _raw(aws: AwsSettings) -> Check:
    bucket, _ = split(aws.raw)
    with translated(f"the bucket {bucket}"):
        found = client("s3", aws.region).get_bucket_versioning(Bucket=bucket).get("Status")
    if found != "Enabled":
        return Check(
            "raw", "fail", f"{aws.raw} keeps no versions: a file that is replaced at once may be missed", _APPLY
        )
    return Check("raw", "ok", f"{aws.raw} keeps versions")


def _table(aws: AwsSettings) -> Check:
    with translated(f"the DynamoDB table {aws.table}"):
        status = client("dynamodb", aws.region).describe_table(TableName=aws.table)["Table"]["TableStatus"]
    return Check("table", "ok", f"the DynamoDB table {aws.table} is {status.lower()}")


def _database(aws: AwsSettings) -> Check:
    with translated(f"the Glue database {aws.database}"):
        client("glue", aws.region).get_database(Name=aws.database)
    return Check("database", "ok", f"the Glue database {aws.database} is there")


def _function(aws: AwsSettings) -> Check:
    name = f"{aws.name}-ingest"
    with translated(f"the function {name}"):
        found = client("lambda", aws.region).get_function_configuration(FunctionName=name)
    state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
    if state == "Failed" or update == "Failed":
        why = found.get("StateReason") or found.get("LastUpdateStatusReason") or "AWS does not say why"
        return Check("function", "fail", f"the function {name} cannot run: {why}", _APPLY)
    return Check("function", "ok", f"the function {name} is {state.lower()}, {found['MemorySize']} MB")


def _queue(aws: AwsSettings) -> Check:
    return Check("queue", "ok", f"files announced and not loaded: {_messages(aws, aws.queue_url)}")


def _dead_letters(aws: AwsSettings) -> Check:
    count = _messages(aws, aws.dead_letter_url)
    if count:
        return Check("dead letters", "warn", f"dead letters: {count}", "`orderlake deadletter list` says why")
    return Check("dead letters", "ok", "no dead letters")


def _messages(aws: AwsSettings, url: str) -> int:
    with translated(url):
        found = client("sqs", aws.region).get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
    return sum(int(found.get(name, 0)) for name in _COUNTS)


def _pipelines(project: Project, aws: AwsSettings) -> Check:
    bucket, prefix = split(aws.pipelines)
    s3 = client("s3", aws.region)
    wanted = contents(project)
    there: dict[str, bytes] = {}
    with translated(aws.pipelines):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
            for found in page.get("Contents", ()):
                body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                there[found["Key"].removeprefix(f"{prefix}/")] = body
    differing = sorted(
        name for name in wanted.keys() | there.keys()
        if name not in wanted or there.get(name) != wanted[name].read_bytes()
    )  # fmt: skip
    if differing:
        return Check(
            "pipelines", "warn", f"not as they are here: {_some(differing)}", "`orderlake deploy apply` uploads them"
        )
    return Check("pipelines", "ok", f"the functions have the pipelines as they are here ({len(wanted)} files)")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
