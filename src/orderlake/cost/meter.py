"""Counts the calls to AWS as they leave, so that a load knows what it cost.

meter = Meter()
meter.attach(client("s3"), client("dynamodb"))
…                                              # load
usage = meter.take(gb_seconds=seconds * memory_mb / 1024)
cost_of(usage)
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, TypeAlias

from orderlake.cost.prices import PriceTable, bill, price_table

Client: TypeAlias = Any
"""What boto3 makes at run time, and has no type."""

_S3_FREE: Final = ("Delete", "Abort")
_S3_READS: Final = ("Get", "Head", "Select")
_WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_FREE: Final = frozenset({"sts", "iam", "logs", "lambda", "cloudwatch", "xray"})
"""Services whose calls cost nothing, or are none of a load."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a piece of work used.

    `requests` are calls by `service.Operation`, every attempt of them; `units` what DynamoDB bills them as;
    `gb_seconds` the memory held times the time it took; `scanned` bytes that Athena bills.
    """

    requests: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)
    gb_seconds: float = 0.0
    invocations: int = 0
    scanned: int = 0
    architecture: str = "arm64"

    def quantities(self) -> dict[str, Decimal]:
        """By key of the price table."""
        found = Counter(self.units)
        for name, count in self.requests.items():
            key = price_key(name)
            if key is not None:
                found[key] += count
        found["lambda.requests"] += self.invocations
        exact = {key: Decimal(count) for key, count in found.items()}
        exact[f"lambda.{self.architecture}"] = Decimal(repr(self.gb_seconds))
        exact["athena.scanned"] = Decimal(self.scanned)
        return exact

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            Counter(self.requests) + Counter(other.requests),
            Counter(self.units) + Counter(other.units),
            self.gb_seconds + other.gb_seconds,
            self.invocations + other.invocations,
            self.scanned + other.scanned,
            self.architecture,
        )


def cost_of(usage: Usage, table: PriceTable | None = None) -> Decimal:
    """Dollars, as if nothing were free: what it adds to the bill once the free tier is used up."""
    return sum((charge.full for charge in bill(usage.quantities(), table or price_table())), Decimal(0))


def price_key(name: str) -> str | None:
    """The price of a call, None where it is free or billed in units of its own.

    >>> [price_key(name) for name in ("s3.PutObject", "s3.GetObject", "s3.DeleteObject", "dynamodb.PutItem")]
    ['s3.put', 's3.get', None, None]
    """
    service, operation = name.split(".", 1)
    if service == "s3":
        if operation.startswith(_S3_FREE):
            return None
        return "s3.get" if operation.startswith(_S3_READS) else "s3.put"
    if service in _FREE or service in {"dynamodb", "athena"}:
        return None
    known = {"sqs": "sqs.requests", "glue": "glue.requests", "sns": "sns.requests", "kms": "kms.requests"}
    return known.get(service)


@dataclass(slots=True)
class Meter:
    """Counts for clients that it is attached to; safe to share between threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _requests: Counter[str] = field(default_factory=Counter)
    _units: Counter[str] = field(default_factory=Counter)

    def attach(self, *clients: Client) -> None:
        """Count every HTTP request of these boto3 clients from now on; attaching twice counts once."""
        for client in clients:
            client.meta.events.register("before-send", self._sent, unique_id=f"orderlake-meter-{id(self)}")

    def take(self, gb_seconds: float = 0.0, invocations: int = 1) -> Usage:
        """What was counted since the last time, and begin anew."""
        with self._lock:
            usage = Usage(dict(self._requests), dict(self._units), gb_seconds, invocations)
            self._requests.clear()
            self._units.clear()
        return usage

    def _sent(self, event_name: str, request: Client, **_: object) -> None:
        """Gives nothing back: an answer would be taken for the service's."""
        service, operation = event_name.split(".")[1:]
        units = _units(operation, request.body) if service == "dynamodb" else {}
        with self._lock:
            self._requests[f"{service}.{operation}"] += 1
            self._units.update(units)


def _units(operation: str, body: object) -> dict[str, int]:
    """Request units of a DynamoDB call, by its items: each taken for one unit, two in a transaction.

    Items are smaller than the 1 KB of a write and the 4 KB of a read, but for reports of loads with many tables.
    """
    asked: dict[str, Any] = json.loads(body) if isinstance(body, bytes | bytearray | str) else {}
    if operation in _WRITES:
        return {"dynamodb.write": 1}
    if operation == "TransactWriteItems":
        return {"dynamodb.write": 2 * len(asked.get("TransactItems", ()))}
    if operation == "TransactGetItems":
        return {"dynamodb.read": 2 * len(asked.get("TransactItems", ()))}
    if operation == "BatchGetItem":
        return {"dynamodb.read": sum(len(table["Keys"]) for table in asked.get("RequestItems", {}).values())}
    if operation == "BatchWriteItem":
        return {"dynamodb.write": sum(len(items) for items in asked.get("RequestItems", {}).values())}
    return {"dynamodb.read": 1} if operation in {"GetItem", "Query", "Scan"} else {}
