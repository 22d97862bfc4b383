"""Each function's policy allows the calls that it makes, as they were recorded, and no others.

The functions run over an emulator that has no idea of IAM; the plan's policies judge each of their calls afterwards.
"""

import re

import pytest

from orderlake.aws.settings import container
from tests.e2e.ministack import ACCOUNT, REGION
from tests.e2e.terraform.conftest import KEY
from tests.e2e.terraform.iam import Need, allows, granting, like
from tests.e2e.terraform.needs import Asked, arn, key_needs, needs, objects
from tests.e2e.terraform.plans import statements
from tests.e2e.terraform.recorder import TEST, Recorder
from tests.e2e.terraform.scenario import EVERYTHING, Shop

POLLER, LOGS, DAEMON = "Lambda's poller does it", "Lambda writes what is printed", "the daemon beside the function"
BY_OTHERS = {
    "sqs:ReceiveMessage": POLLER,
    "sqs:DeleteMessage": POLLER,
    "sqs:GetQueueAttributes": POLLER,
    "logs:CreateLogStream": LOGS,
    "logs:PutLogEvents": LOGS,
    "xray:PutTraceSegments": DAEMON,
    "xray:PutTelemetryRecords": DAEMON,
}
"""What a function's role is asked for when the function itself calls nothing."""
FUNCTIONS = tuple(EVERYTHING)
RAW, LAKE, OPS = (f"shop-{kind}-{ACCOUNT}-{REGION}" for kind in ("raw", "lake", "ops"))
TABLE, QUEUE = arn("dynamodb", "table/shop"), arn("sqs", "shop-ingest")

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def heard():
    """What was recorded, once for all tests here."""
    return {}


@pytest.fixture
def recorder(aws, aws_session):
    """Listens to what is asked of AWS."""
    found = Recorder(aws_session, aws)
    yield found
    found.close()
    container.cache_clear()


@pytest.fixture
def recorded(heard, plain, recorder, monkeypatch, tmp_path):
    """A recorder that has heard each function do all it can."""
    if not heard:
        shop = Shop(recorder, plain, monkeypatch, tmp_path)
        for function, parts in EVERYTHING.items():
            shop.start(function)
            for part in parts:
                with recorder.during(function):
                    part(shop)
        heard["recorder"] = recorder
    return heard["recorder"]


def needed(recorded, function):
    """What a function was seen to need."""
    return {(str(need), need) for call in recorded.calls[function] for need in needs(call)}


def test_nothing_is_asked_of_aws_that_the_record_does_not_have(recorded):
    assert recorded.unheard == {function: set() for function in FUNCTIONS}
    assert set(recorded.calls) == {*FUNCTIONS, TEST}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_call_that_a_function_makes_is_allowed(recorded, plain, function):
    policy = statements(plain)[f"shop-{function}"]
    assert recorded.calls[function]
    assert sorted(text for text, need in needed(recorded, function) if not allows(policy, need)) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_with_a_key_of_kms_every_call_is_allowed_its_use(recorded, with_kms, function):
    policy = statements(with_kms)[f"shop-{function}"]
    wanted = {need for call in recorded.calls[function] for need in key_needs(call, KEY)}
    assert wanted
    assert [str(need) for need in wanted if not allows(policy, need)] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_allowed_that_no_call_of_the_function_needs(recorded, with_kms, function):
    policy = statements(with_kms)[f"shop-{function}"]
    wanted = [need for _, need in needed(recorded, function)]
    wanted += {need for call in recorded.calls[function] for need in key_needs(call, KEY)}
    used = {
        (statement["Sid"], need.action, resource)
        for need in wanted
        for statement in granting(policy, need)
        for resource in statement["Resource"]
        if like(need.resource, resource)
    }
    given = {
        (statement["Sid"], action, resource)
        for statement in policy
        for action in statement["Action"]
        for resource in statement["Resource"]
        if action not in BY_OTHERS
    }
    assert sorted(given - used) == []


def test_what_others_do_for_the_functions_is_still_in_their_policies(with_kms):
    found = {action for each in FUNCTIONS for one in statements(with_kms)[f"shop-{each}"] for action in one["Action"]}
    assert set(BY_OTHERS) <= found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_same_calls_in_another_deployment_are_refused(recorded, plain, function):
    """Another shop's buckets, table, database, queue, topic, in this account; and this name in another account."""
    policy = statements(plain)[f"shop-{function}"]
    elsewhere = [
        Need(need.action, moved, need.context)
        for _, need in needed(recorded, function)
        for moved in (
            re.sub(r"(?<=[:/])shop(?=[-/]|$)", "shop2", need.resource),
            need.resource.replace(ACCOUNT, "999999999999"),
        )
        if moved != need.resource
    ]
    assert len(elsewhere) > 5
    assert [str(need) for need in elsewhere if allows(policy, need)] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_same_calls_beside_the_function_s_own_prefixes_are_refused(recorded, plain, function):
    policy = statements(plain)[f"shop-{function}"]
    beside = set()
    for _, need in needed(recorded, function):
        bucket, slash, key = need.resource.removeprefix("arn:aws:s3:::").partition("/")
        prefix = need.context.get("s3:prefix")
        if need.action.startswith("s3:") and slash:
            beside.add(Need(need.action, objects(bucket, f"other/{key}")))
        elif prefix is not None:
            beside |= {Need(need.action, need.resource, {"s3:prefix": each}) for each in ("", f"other/{prefix}")}
    assert beside
    assert [str(need) for need in beside if allows(policy, need)] == []


@pytest.mark.parametrize(
    ("function", "need"),
    [
        ("ingest", Need("s3:DeleteObject", objects(RAW, "raw/orders_1.json"))),
        ("ingest", Need("s3:DeleteObjectVersion", objects(RAW, "raw/orders_1.json"))),
        ("ingest", Need("s3:PutObject", objects(RAW, "raw/orders_1.json"))),
        ("ingest", Need("s3:DeleteObjectVersion", objects(LAKE, "lake/orders/data/1.parquet"))),
        ("ingest", Need("s3:PutObject", objects(OPS, "pipelines/orders.yaml"))),
        ("ingest", Need("s3:GetObject", objects(OPS, "backfill/e1/report.json"))),
        ("ingest", Need("dynamodb:Query", TABLE)),
        ("ingest", Need("dynamodb:Scan", TABLE)),
        ("ingest", Need("dynamodb:DeleteTable", TABLE)),
        ("ingest", Need("glue:DeleteTable", arn("glue", "table/shop/orders"))),
        ("ingest", Need("sqs:SendMessage", QUEUE)),
        ("ingest", Need("sqs:PurgeQueue", QUEUE)),
        ("scan", Need("s3:GetObject", objects(RAW, "raw/orders_1.json"))),
        ("scan", Need("s3:GetObjectVersion", objects(RAW, "raw/orders_1.json"))),
        ("scan", Need("s3:ListBucketVersions", objects(RAW))),
        ("scan", Need("s3:PutObject", objects(LAKE, "lake/orders/data/1.parquet"))),
        ("scan", Need("s3:GetObject", objects(LAKE, "lake/orders/data/1.parquet"))),
        ("scan", Need("dynamodb:PutItem", TABLE)),
        ("scan", Need("dynamodb:Query", TABLE)),
        ("scan", Need("glue:GetTable", arn("glue", "catalog"))),
        ("scan", Need("sqs:ReceiveMessage", QUEUE)),
        ("scan", Need("sqs:SendMessage", arn("sqs", "shop-dead-letters"))),
        ("workflow", Need("s3:DeleteObject", objects(RAW, "raw/orders_1.json"))),
        ("workflow", Need("s3:PutObject", objects(RAW, "raw/orders_1.json"))),
        ("workflow", Need("s3:PutObject", objects(OPS, "package/1.zip"))),
        ("workflow", Need("s3:DeleteObject", objects(OPS, "backfill/e1/report.json"))),
        ("workflow", Need("sqs:SendMessage", QUEUE)),
        ("workflow", Need("lambda:InvokeFunction", arn("lambda", "function:shop-ingest"))),
        ("workflow", Need("sns:Subscribe", arn("sns", "shop-alarms"))),
    ],
    ids=str,
)
def test_what_is_another_s_work_is_refused(plain, function, need):
    assert not allows(statements(plain)[f"shop-{function}"], need)


def test_the_evaluator_decides_as_iam_does():
    read = {"Effect": "Allow", "Action": ["s3:Get*"], "Resource": ["arn:aws:s3:::b/raw/?.json", "arn:aws:s3:::c/*"]}
    assert allows([read], Need("s3:GetObject", "arn:aws:s3:::b/raw/a.json"))
    assert allows([read], Need("S3:getobject", "arn:aws:s3:::c/x/y"))
    assert not allows([read], Need("s3:PutObject", "arn:aws:s3:::c/x/y"))
    assert not allows([read], Need("s3:GetObject", "arn:aws:s3:::b/raw/aa.json"))
    assert not allows([read], Need("s3:GetObject", "arn:aws:s3:::B/raw/a.json"))
    assert not allows([read, read | {"Effect": "Deny"}], Need("s3:GetObject", "arn:aws:s3:::c/x"))
    assert not allows([], Need("s3:GetObject", "arn:aws:s3:::c/x"))


@pytest.mark.parametrize(
    ("operator", "without", "within", "outside"),
    [
        ("StringLike", False, True, False),
        ("StringLikeIfExists", True, True, False),
        ("StringEquals", False, False, False),
        ("StringEqualsIfExists", True, False, False),
    ],
)
def test_the_evaluator_asks_conditions_as_iam_does(operator, without, within, outside):
    listing = {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::b"]}
    policy = [listing | {"Condition": {operator: {"s3:prefix": ["raw/*"]}}}]
    asked = [{}, {"s3:prefix": "raw/2024"}, {"s3:prefix": "rawer"}]
    found = [allows(policy, Need("s3:ListBucket", "arn:aws:s3:::b", context)) for context in asked]
    assert found == [without, within, outside]


def test_the_evaluator_stops_at_what_it_does_not_know():
    any_ = {"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}
    need = Need("s3:GetObject", "arn:aws:s3:::c/x")
    for statement in (
        any_ | {"NotAction": ["s3:*"]},
        any_ | {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        any_ | {"Resource": ["arn:aws:s3:::${aws:username}"]},
    ):
        with pytest.raises(ValueError, match="does not know"):
            allows([statement], need)


def test_a_call_that_nobody_has_looked_up_is_no_call_without_needs():
    for call in (
        Asked("s3", "PutObjectAcl", {"Bucket": "b", "Key": "k"}, 200),
        Asked("glue", "DeleteTable", {"DatabaseName": "d", "Name": "t"}, 200),
        Asked("sqs", "PurgeQueue", {"QueueUrl": "u"}, 200),
        Asked("sts", "AssumeRole", {}, 200),
    ):
        with pytest.raises(KeyError):
            needs(call)
    with pytest.raises(NotImplementedError):
        needs(Asked("s3", "PutObject", {"Bucket": "b", "Key": "k", "Tagging": "a=b"}, 200))
