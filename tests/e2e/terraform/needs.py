"""What a call needs by IAM: its operation is not its action, and some need more than one.

From the service authorization reference and the services' own guides:

- GET and HEAD of an object are s3:GetObject; of a version by its id, s3:GetObjectVersion. Of an object that is not
  there they say 404 only to who has s3:ListBucket, and 403 to all others; such a request brings no s3:prefix.
- Listing objects is s3:ListBucket, listing versions s3:ListBucketVersions, both on the bucket, with s3:prefix.
- A copy reads its source and writes its target. Tags go with it (GetObjectTagging, PutObjectTagging) only where an
  object has some; ours have none, and a call that would give one stops here.
- Every step of a multipart upload is s3:PutObject, but for its being given up.
- A transaction of DynamoDB has no action of its own: each of its parts needs its own.
- Glue asks for a table's database and its catalog, too.
- With a key of KMS, what is read is decrypted, and what is written needs a data key; to add a part to an upload,
  or a message to a queue, needs both. The caller's own role is asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.ministack import ACCOUNT, REGION
from tests.e2e.terraform.iam import Need

MISSING = 404
READ, WRITE = "kms:Decrypt", "kms:GenerateDataKey"
_SPECIAL = {"Tagging", "TaggingDirective", "ACL", "BypassGovernanceRetention"}
"""Parameters for which a call needs more than it does without them."""
_S3 = {
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
    "DeleteObject": "DeleteObject",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
}
_GLUE = {"GetTable": "Name", "GetTableOptimizer": "TableName", "CreateTable": "TableInput", "UpdateTable": "TableInput"}
_PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_ITEMS = {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"}
_KMS = {
    "GetObject": {READ},
    "HeadObject": {READ},
    "PutObject": {WRITE},
    "CopyObject": {READ, WRITE},
    "CreateMultipartUpload": {READ, WRITE},
    "UploadPart": {READ, WRITE},
    "CompleteMultipartUpload": {READ, WRITE},
    "SendMessageBatch": {READ, WRITE},
    "Publish": {READ, WRITE},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as it was made, and the status of its answer; 0 when there was none."""

    service: str
    operation: str
    params: Mapping[str, Any]
    status: int


def needs(call: Asked) -> list[Need]:
    """What its caller must be allowed to do; a KeyError for a call that nobody has looked up yet."""
    return list(_SERVICES[call.service](call))


def key_needs(call: Asked, key: str) -> list[Need]:
    """What its caller must be allowed to do with the key that encrypts everything."""
    if call.service == "dynamodb":
        return [Need(READ, key)]
    return [Need(action, key) for action in sorted(_KMS.get(call.operation, ()))]


def arn(service: str, name: str) -> str:
    """The ARN of something in the account and region of the plan."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def objects(bucket: str, key: str = "") -> str:
    """The ARN of an object, or of a bucket."""
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


def _s3(call: Asked) -> Iterator[Need]:
    asked = call.params
    if asked.keys() & _SPECIAL:
        raise NotImplementedError(f"look up what {call} needs")
    here = objects(asked["Bucket"], asked.get("Key", ""))
    if call.operation == "DeleteObjects":
        for each in asked["Delete"]["Objects"]:
            yield Need(_of_version("s3:DeleteObject", each), objects(asked["Bucket"], each["Key"]))
        return
    if "CopySource" in asked:
        source = asked["CopySource"]
        yield Need(_of_version("s3:GetObject", source), objects(source["Bucket"], source["Key"]))
    action = f"s3:{_S3[call.operation]}"
    yield Need(_of_version(action, asked), here, {"s3:prefix": asked["Prefix"]} if "Prefix" in asked else {})
    if call.status == MISSING and action == "s3:GetObject":
        yield Need("s3:ListBucket", objects(asked["Bucket"]))


def _of_version(action: str, asked: Mapping[str, Any]) -> str:
    return f"{action}Version" if "VersionId" in asked else action


def _dynamodb(call: Asked) -> Iterator[Need]:
    asked, operation = call.params, call.operation
    if operation in _ITEMS:
        if "IndexName" in asked:
            raise NotImplementedError(f"look up what {call} needs")
        yield Need(f"dynamodb:{operation}", arn("dynamodb", f"table/{asked['TableName']}"))
    elif operation == "BatchGetItem":
        for table in asked["RequestItems"]:
            yield Need("dynamodb:BatchGetItem", arn("dynamodb", f"table/{table}"))
    else:
        parts = {"TransactGetItems": {"Get": "GetItem"}, "TransactWriteItems": _PARTS}[operation]
        for each in asked["TransactItems"]:
            ((kind, item),) = each.items()
            yield Need(f"dynamodb:{parts[kind]}", arn("dynamodb", f"table/{item['TableName']}"))


def _glue(call: Asked) -> Iterator[Need]:
    asked, action = call.params, f"glue:{call.operation}"
    if call.operation == "StartCrawler":
        yield Need(action, arn("glue", f"crawler/{asked['Name']}"))
        return
    name = asked[_GLUE[call.operation]]
    table = name if isinstance(name, str) else name["Name"]
    database = asked["DatabaseName"]
    for resource in ("catalog", f"database/{database}", f"table/{database}/{table}"):
        yield Need(action, arn("glue", resource))


def _sqs(call: Asked) -> Iterator[Need]:
    action = {"SendMessage": "SendMessage", "SendMessageBatch": "SendMessage"}[call.operation]
    yield Need(f"sqs:{action}", arn("sqs", call.params["QueueUrl"].rsplit("/", 1)[-1]))


def _sns(call: Asked) -> Iterator[Need]:
    action = {"Publish": "Publish"}[call.operation]
    yield Need(f"sns:{action}", arn("sns", call.params["TopicArn"].rsplit(":", 1)[-1]))


def _sts(call: Asked) -> Iterator[Need]:
    """Who one is, everybody may ask."""
    yield from {"GetCallerIdentity": ()}[call.operation]


_SERVICES = {"sts": _sts, "s3": _s3, "dynamodb": _dynamodb, "glue": _glue, "sqs": _sqs, "sns": _sns}
