"""Who may do what, as the plan has it."""

import json
from fnmatch import fnmatchcase

import pytest

from tests.e2e.ministack import ACCOUNT, REGION
from tests.e2e.terraform.conftest import KEY
from tests.e2e.terraform.plans import resources, statements

UNBOUND = {"SendTraces", "DeliverLogs", "ReadItsSecurityConfiguration"}
"""Statements of actions for which AWS knows no resource."""
RAW, LAKE, OPS = (f"arn:aws:s3:::shop-{kind}-{ACCOUNT}-{REGION}" for kind in ("raw", "lake", "ops"))

pytestmark = pytest.mark.e2e


def test_no_policy_has_a_star_for_an_action_or_for_a_resource(with_kms):
    roles = statements(with_kms)
    assert set(roles) == {
        "shop-ingest",
        "shop-scan",
        "shop-workflow",
        "shop-scheduler",
        "shop-backfill",
        "shop-foreign",
    }
    for role, found in roles.items():
        for each in found:
            assert not any("*" in action for action in each["Action"]), (role, each)
            assert each["Effect"] == "Allow"
            if each["Sid"] in UNBOUND:
                assert each["Resource"] == ["*"]
                continue
            for resource in each["Resource"]:
                _, partition, service, region, account, name = resource.split(":", 5)
                assert "*" not in partition + service + region + account, (role, each)
                assert not name.startswith("*"), (role, each)
                assert service == "s3" or account == ACCOUNT, (role, each)


def test_nobody_may_write_or_delete_new_files(plain):
    for role, found in statements(plain).items():
        for each in found:
            raw = [resource for resource in each["Resource"] if resource.startswith(RAW)]
            if raw:
                readers = {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"}
                assert set(each["Action"]) <= readers, (role, each)


@pytest.mark.parametrize(
    ("role", "action", "resource", "allowed"),
    [
        ("shop-ingest", "s3:GetObjectVersion", f"{RAW}/raw/orders.json", True),
        ("shop-ingest", "s3:GetObject", f"{RAW}/other/orders.json", False),
        ("shop-ingest", "s3:PutObject", f"{LAKE}/lake/orders/data/1.parquet", True),
        ("shop-ingest", "s3:PutObject", f"{LAKE}/elsewhere", False),
        ("shop-ingest", "s3:PutObject", f"{OPS}/pipelines/orders.yaml", False),
        ("shop-ingest", "s3:GetObject", f"{OPS}/pipelines/orders.yaml", True),
        ("shop-ingest", "s3:GetObject", f"{OPS}/package/1.zip", False),
        ("shop-ingest", "sqs:DeleteMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-ingest", True),
        ("shop-ingest", "sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-dead-letters", False),
        ("shop-ingest", "dynamodb:UpdateItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/shop", True),
        ("shop-ingest", "glue:UpdateTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/shop/orders", True),
        ("shop-ingest", "glue:UpdateTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/shop_two/orders", False),
        ("shop-ingest", "glue:StartCrawler", f"arn:aws:glue:{REGION}:{ACCOUNT}:crawler/shop-foreign", True),
        ("shop-scan", "s3:ListBucketVersions", RAW, True),
        ("shop-scan", "s3:GetObject", f"{RAW}/raw/orders.json", False),
        ("shop-scan", "s3:PutObject", f"{LAKE}/lake/orders/data/1.parquet", False),
        ("shop-scan", "dynamodb:BatchGetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/shop", True),
        ("shop-scan", "dynamodb:PutItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/shop", False),
        ("shop-scan", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-ingest", True),
        ("shop-workflow", "s3:PutObject", f"{OPS}/backfill/run/groups/00001.json", True),
        ("shop-workflow", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-ingest", False),
        ("shop-workflow", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:shop-alarms", True),
        ("shop-ingest", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:shop-alerts", True),
        ("shop-ingest", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:shop-alarms", False),
        ("shop-scan", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:shop-alerts", False),
        ("shop-scheduler", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-scan", True),
        ("shop-scheduler", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-ingest", False),
        ("shop-backfill", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-workflow", True),
        ("shop-foreign", "s3:GetObject", f"{RAW}/raw/foreign/a.csv", True),
        ("shop-foreign", "s3:GetObject", f"{RAW}/raw/orders.json", False),
        ("shop-foreign", "glue:UpdateTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/shop/orders", False),
    ],
)
def test_each_role_may_do_its_own_work_and_no_other(plain, role, action, resource, allowed):
    assert allows(plain, role, action, resource) is allowed


def test_with_kms_each_role_may_use_the_one_key(plain, with_kms):
    assert not any(
        "kms" in action for found in statements(plain).values() for each in found for action in each["Action"]
    )
    for role, found in statements(with_kms).items():
        keys = [resource for each in found if "kms:Decrypt" in each["Action"] for resource in each["Resource"]]
        assert keys == ([] if role == "shop-backfill" else [KEY])


def test_buckets_and_queues_refuse_what_is_not_encrypted_on_its_way(plain):
    policies = [*resources(plain, "aws_s3_bucket_policy").values(), *resources(plain, "aws_sqs_queue").values()]
    assert len(policies) == 5
    for each in policies:
        found = {one["Sid"]: one for one in json.loads(each["policy"])["Statement"]}
        assert found["TlsOnly"]["Effect"] == "Deny"
        assert found["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_raw_bucket_of_this_account_may_announce_files(plain):
    found = json.loads(resources(plain, "aws_sqs_queue")["ingest"]["policy"])["Statement"]
    (allowed,) = (each for each in found if each["Effect"] == "Allow")
    assert allowed["Condition"]["ArnEquals"] == {"aws:SourceArn": RAW}
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def allows(plan, role, action, resource):
    """Whether a role may do this there (conditions aside)."""
    return any(
        action in each["Action"] and any(fnmatchcase(resource, pattern) for pattern in each["Resource"])
        for each in statements(plan)[role]
    )
