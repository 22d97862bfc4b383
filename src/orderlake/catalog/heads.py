"""The heads of all tables in DynamoDB: they move in one transaction, and are read as of one moment.

A table's head is one item: its metadata, a sequence number that grows by one with each move, the last sequence that was
published, and the token of the commit that wrote it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from orderlake.clients import Client, catalog_errors, client, wait_longer
from orderlake.errors import CatalogUnavailableError, CommitConflictError

Answer: TypeAlias = dict[str, Any]

AT_ONCE: Final = 100
"""Items of one DynamoDB transaction."""

_PARTITION: Final = "head"
_NAMES: Final = {"#m": "metadata", "#n": "sequence", "#p": "published", "#c": "commit"}
_ATTEMPTS: Final = 12
_PASSING: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_MISSED: Final = "ConditionalCheckFailed"


@dataclass(frozen=True, slots=True)
class Head:
    """A table's head; no metadata and sequence 0 before its first commit."""

    table: str
    metadata: str | None = None
    sequence: int = 0
    published: int = 0

    @property
    def is_behind(self) -> bool:
        """Whether the newest commit has not been seen to be published."""
        return self.published < self.sequence


@dataclass(frozen=True, slots=True)
class HeadMove:
    """From the head as it was read to new metadata; one that nobody publishes counts as published at once."""

    before: Head
    metadata: str
    is_published: bool = False

    @property
    def after(self) -> Head:
        """The head once it has moved."""
        sequence = self.before.sequence + 1
        published = sequence if self.is_published else self.before.published
        return Head(self.before.table, self.metadata, sequence, published)


@dataclass(frozen=True, slots=True)
class Heads:
    """Reads and moves heads. Raises CatalogUnavailableError; after one, a move may or may not have landed."""

    table: str
    region: str
    pause: Callable[[int], None] = wait_longer

    def read(self, tables: Sequence[str]) -> dict[str, Head]:
        """These heads as they stood together at one moment.

        Up to a hundred are one transaction. More are read until two rounds agree: sequences only grow, so what was the
        same before and after stood still in between.
        """
        names = list(dict.fromkeys(tables))
        chunks = [names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE)]
        found = self._round(chunks)
        while len(chunks) > 1:
            again = self._round(chunks)
            if again == found:
                break
            found = again
        return found

    def _round(self, chunks: Sequence[Sequence[str]]) -> dict[str, Head]:
        return {head.table: head for chunk in chunks for head in self._moment(chunk)}

    def _moment(self, names: Sequence[str]) -> list[Head]:
        gets = [{"Get": {"TableName": self.table, "Key": _key(name)}} for name in names]
        answer = self._through(lambda: self._client.transact_get_items(TransactItems=gets))
        return [_head(name, found.get("Item", {})) for name, found in zip(names, answer["Responses"], strict=True)]

    def all(self) -> list[Head]:
        """Every head, in name order."""
        asked = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": _PARTITION}},
            "ConsistentRead": True,
        }
        with catalog_errors(self._what):
            pages = self._client.get_paginator("query").paginate(**asked)
            return [_head(item["sk"]["S"], item) for page in pages for item in page["Items"]]

    def move(self, moves: Sequence[HeadMove]) -> list[Head]:
        """Move all these heads or none; CommitConflictError, and no change, when any is not where it was read.

        Each try carries the same token, and writes it into the items: whether a reply was lost or the service forgot
        the token, what landed is known as ours.
        """
        token = uuid.uuid4().hex
        items = [self._update(move, token) for move in moves]

        def send() -> Answer:
            return dict(self._client.transact_write_items(TransactItems=items, ClientRequestToken=token))

        missed = self._through(send).get("missed")
        if missed is not None and missed.get("commit", {}).get("S") != token:
            raise CommitConflictError("a table was changed by another load; nothing of this one was written")
        return [move.after for move in moves]

    def mark(self, head: Head) -> None:
        """Note that a head was published; an older note never replaces a newer one."""
        asked = {
            "TableName": self.table,
            "Key": _key(head.table),
            "UpdateExpression": "SET #p = :n",
            "ConditionExpression": "#p < :n",
            "ExpressionAttributeNames": {"#p": _NAMES["#p"]},
            "ExpressionAttributeValues": {":n": {"N": str(head.sequence)}},
        }

        def send() -> Answer:
            try:
                return dict(self._client.update_item(**asked))
            except self._client.exceptions.ConditionalCheckFailedException:
                return {}

        self._through(send)

    def _through(self, send: Callable[[], Answer]) -> Answer:
        """Call until no other transaction is in the way; what missed its condition comes back as `missed`."""
        exceptions = self._client.exceptions
        for attempt in range(_ATTEMPTS):
            with catalog_errors(self._what):
                try:
                    return send()
                except exceptions.TransactionConflictException:
                    pass
                except exceptions.TransactionCanceledException as error:
                    reasons = error.response.get("CancellationReasons", [])
                    missed = [reason for reason in reasons if reason.get("Code") == _MISSED]
                    if missed:
                        return {"missed": missed[0].get("Item", {})}
                    if not any(reason.get("Code") in _PASSING for reason in reasons):
                        raise
            self.pause(attempt)
        raise CatalogUnavailableError(f"{self._what}: other transactions were in the way, {_ATTEMPTS} times: try again")

    def _update(self, move: HeadMove, token: str) -> Mapping[str, Any]:
        before, after = move.before, move.after
        names = dict(_NAMES)
        values = {":m": {"S": after.metadata}, ":n": {"N": str(after.sequence)}, ":c": {"S": token}}
        change = "SET #m = :m, #n = :n, #c = :c"
        if before.metadata is None or move.is_published:
            change += ", #p = :p"
            values[":p"] = {"N": str(after.published)}
        else:
            del names["#p"]
        condition = "attribute_not_exists(#m)"
        if before.metadata is not None:
            condition = "#m = :was AND #n = :then"
            values |= {":was": {"S": before.metadata}, ":then": {"N": str(before.sequence)}}
        return {
            "Update": {
                "TableName": self.table,
                "Key": _key(before.table),
                "UpdateExpression": change,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    @property
    def _client(self) -> Client:
        return client("dynamodb", self.region)

    @property
    def _what(self) -> str:
        return f"the DynamoDB table {self.table}"


def _key(table: str) -> dict[str, Any]:
    return {"pk": {"S": _PARTITION}, "sk": {"S": table}}


def _head(table: str, item: Mapping[str, Any]) -> Head:
    if not item:
        return Head(table)
    return Head(table, item["metadata"]["S"], int(item["sequence"]["N"]), int(item["published"]["N"]))
