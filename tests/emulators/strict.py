"""Where moto is laxer than AWS, it is made as strict: version checks, idempotency tokens, order, limits.

Every request is served under one lock (see server.py), so each of these is atomic, as it is on AWS. An emulator stands
in for AWS here: what it refuses, AWS refuses; what only AWS can show (IAM, KMS, scaling) it does not.
"""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from datetime import timedelta
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.dynamodb import responses
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.responses import DynamoHandler
from moto.glue.models import GlueBackend
from moto.glue.responses import GlueResponse
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend
from moto.s3.responses import S3Response

_MEGABYTE = 1024 * 1024


def make_strict() -> None:
    """Patch moto; once per server process."""
    GlueResponse.update_table = _update_table  # type: ignore[method-assign]
    GlueResponse.get_table_optimizer = _get_table_optimizer  # type: ignore[attr-defined]
    GlueBackend.create_table = _create_table  # type: ignore[method-assign]
    GlueBackend.get_table = _get_table  # type: ignore[method-assign]
    DynamoDBBackend.transact_write_items = _transact_write_items  # type: ignore[method-assign]
    responses.TRANSACTION_MAX_ITEMS = 100
    DynamoHandler.transact_write_items = _idempotent  # type: ignore[method-assign]
    S3Response.put_object = _put_object  # type: ignore[method-assign]
    S3Backend.list_object_versions = _list_object_versions  # type: ignore[method-assign]


# --- Glue -------------------------------------------------------------------------------------------------------------

_glue_create, _glue_get, _glue_update = GlueBackend.create_table, GlueBackend.get_table, GlueResponse.update_table


def _update_table(self: GlueResponse) -> Any:
    """AWS compares VersionId and raises ConcurrentModificationException; moto ignores it and loses updates."""
    name = self.parameters["TableInput"]["Name"]
    found = self.glue_backend.get_table(self.parameters["DatabaseName"], name)
    expected = self.parameters.get("VersionId")
    if expected is not None and expected != found.as_dict()["VersionId"]:
        raise JsonRESTError("ConcurrentModificationException", f"Update table failed: {name} was changed meanwhile")
    self.parameters["TableInput"]["Name"] = name.lower()
    return _glue_update(self)


def _create_table(self: GlueBackend, database_name: str, table_name: str, *rest: Any, **more: Any) -> Any:
    """Glue folds names to lower case."""
    table_input = more["table_input"] if "table_input" in more else rest[0]
    table_input["Name"] = table_name.lower()
    return _glue_create(self, database_name, table_name.lower(), *rest, **more)


def _get_table(self: GlueBackend, database_name: str, table_name: str) -> Any:
    return _glue_get(self, database_name, table_name.lower())


def _get_table_optimizer(self: GlueResponse) -> Any:
    """Moto has none: which are on stands in the table's parameter `optimizers`, in place of CreateTableOptimizer."""
    found = self.glue_backend.get_table(self.parameters["DatabaseName"], self.parameters["TableName"])
    kind, on = self.parameters["Type"], found.as_dict().get("Parameters", {}).get("optimizers", "")
    if kind not in on.split(","):
        raise JsonRESTError("EntityNotFoundException", f"There is no {kind} optimizer")
    return json.dumps({"TableOptimizer": {"type": kind, "configuration": {"enabled": True}}})


# --- DynamoDB ---------------------------------------------------------------------------------------------------------

_transact, _handle_transact = DynamoDBBackend.transact_write_items, DynamoHandler.transact_write_items
_done: dict[str, str] = {}


def forget_tokens() -> None:
    """Do as DynamoDB does ten minutes later."""
    _done.clear()


class IdempotentParameterMismatchError(JsonRESTError):
    """The token of a transaction that asked for something else."""

    def __init__(self) -> None:
        super().__init__("IdempotentParameterMismatchException", "Request used with a token of another request")


def _idempotent(self: DynamoHandler) -> Any:
    """AWS answers the repetition of a ClientRequestToken as it did at first, and does nothing; moto does it again."""
    if len(self.raw_body) > 4 * _MEGABYTE:
        raise MockValidationException("Transaction size exceeds the limit of 4 MB")
    token = self.body.get("ClientRequestToken")
    if token is None:
        return _handle_transact(self)
    asked = json.dumps(self.body, sort_keys=True)
    key = f"{self.region}/{token}"
    if _done.get(key, asked) != asked:
        raise IdempotentParameterMismatchError
    if key in _done:
        return ActionResult({})
    answer = _handle_transact(self)
    _done[key] = asked
    return answer


def _transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """The same transaction, on a table that holds the items it names alone: moto copies the whole table each time."""
    names = {next(iter(item.values()))["TableName"] for item in transact_items}
    table = self.get_table(names.pop())
    if names or table.range_key_attr is None:
        _transact(self, transact_items)
        return
    keys = {_key(table, next(iter(item.values()))) for item in transact_items}
    whole, table.items = table.items, _only(table.items, keys)
    try:
        _transact(self, transact_items)
    except BaseException:
        self.tables[table.name] = table  # moto has put its copy there
        table.items = whole
        raise
    changed, table.items = table.items, whole
    for hash_key, range_key in keys:
        table.items[hash_key].pop(range_key, None)
    for hash_key, items in changed.items():
        table.items[hash_key].update(items)


def _key(table: Any, operation: dict[str, Any]) -> tuple[DynamoType, DynamoType]:
    named = operation.get("Key") or operation["Item"]
    return DynamoType(named[table.hash_key_attr]), DynamoType(named[table.range_key_attr])


def _only(items: Any, keys: set[tuple[DynamoType, DynamoType]]) -> Any:
    part: Any = defaultdict(dict)
    for hash_key, range_key in keys:
        if range_key in items.get(hash_key, {}):
            part[hash_key][range_key] = copy.deepcopy(items[hash_key][range_key])
    return part


# --- S3 ---------------------------------------------------------------------------------------------------------------

_s3_put, _s3_versions = S3Response.put_object, S3Backend.list_object_versions


def _put_object(self: S3Response) -> Any:
    """S3 takes no If-None-Match but `*`."""
    if self.headers.get("If-None-Match") not in {None, "*"}:
        raise S3ClientError("NotImplemented", "A header you provided implies functionality that is not implemented")
    return _s3_put(self)


def _list_object_versions(self: S3Backend, bucket_name: str, *args: Any, **more: Any) -> Any:
    """Newest first within a key, even when two versions came in one tick of the clock.

    And of a prefix only: moto copies all that a bucket holds before it looks at the prefix.
    """
    bucket = self.get_bucket(bucket_name)
    whole, some = bucket.keys, type(bucket.keys)()
    for key, versions in whole.iterlists():
        if not key.startswith(more.get("prefix") or ""):
            continue
        some.setlist(key, versions)
        before = None
        for version in versions:
            if before is not None and version.last_modified <= before:
                _set_time(version, before + timedelta(milliseconds=1))
            before = version.last_modified
    bucket.keys = some
    try:
        return _s3_versions(self, bucket_name, *args, **more)
    finally:
        bucket.keys = whole


def _set_time(version: FakeKey | FakeDeleteMarker, time: Any) -> None:
    version.last_modified = time
