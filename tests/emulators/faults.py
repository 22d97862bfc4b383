"""Orders to misbehave: lose the request or the reply of a call, throttle it, refuse it; and the list of what was asked.

The server's side is `Desk`, the tests' side `Faults`. An order names an operation as AWS does (`PutItem`,
`UpdateTable`, `CompleteMultipartUpload`, …), how many calls it is for, and how many to let pass before.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

Answer = tuple[int, list[tuple[str, str]], bytes]

_THROTTLED = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "glue": (400, "ThrottlingException"),
    "s3": (503, "SlowDown"),
}
_RESOURCES = ("TableName", "DatabaseName", "QueueUrl", "TopicArn", "stateMachineArn", "FunctionName", "logGroupName")
_S3_QUERIES = ("uploads", "uploadId", "versions", "delete", "tagging", "acl", "policy", "versioning", "lifecycle")
_S3 = {
    ("GET", "object", ""): "GetObject",
    ("HEAD", "object", ""): "HeadObject",
    ("PUT", "object", ""): "PutObject",
    ("DELETE", "object", ""): "DeleteObject",
    ("POST", "object", "uploads"): "CreateMultipartUpload",
    ("PUT", "object", "uploadId"): "UploadPart",
    ("POST", "object", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "object", "uploadId"): "AbortMultipartUpload",
    ("GET", "object", "uploadId"): "ListParts",
    ("GET", "bucket", ""): "ListObjectsV2",
    ("GET", "bucket", "versions"): "ListObjectVersions",
    ("GET", "bucket", "uploads"): "ListMultipartUploads",
    ("POST", "bucket", "delete"): "DeleteObjects",
    ("HEAD", "bucket", ""): "HeadBucket",
    ("PUT", "bucket", ""): "CreateBucket",
    ("DELETE", "bucket", ""): "DeleteBucket",
}


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked: `resource` is the table, bucket/key, queue or the like, where it can be told."""

    service: str
    operation: str
    resource: str = ""


@dataclass(slots=True)
class Order:
    """One order: `effect` is lose-request, lose-reply or refuse (with status, code, message and more of the body)."""

    operation: str
    effect: str
    times: int = 1
    skip: int = 0
    status: int = 0
    code: str = ""
    message: str = "by order of a test"
    more: dict[str, Any] = field(default_factory=dict)


def call_of(environ: dict[str, Any], body: bytes) -> Call:
    """Tell from a request which operation of which service it is."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    service = scope[3] if len(scope) > 3 else "s3"
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Call(service, target.rpartition(".")[2], _resource(body))
    if service == "s3":
        return _s3_call(environ)
    form = parse_qs(body.decode("utf-8", "replace"))
    return Call(service, form.get("Action", [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"])[0])


def _resource(body: bytes) -> str:
    try:
        asked = json.loads(body)
    except ValueError:
        return ""
    for name in _RESOURCES:
        if isinstance(asked.get(name), str):
            return str(asked[name])
    if "TransactItems" in asked:
        return str(next(iter(asked["TransactItems"][0].values()))["TableName"])
    return str(next(iter(asked.get("RequestItems") or [""])))


def _s3_call(environ: dict[str, Any]) -> Call:
    path = unquote(environ["RAW_URI"].partition("?")[0]).lstrip("/")
    asked = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    what = next((name for name in _S3_QUERIES if name in asked), "")
    method, level = environ["REQUEST_METHOD"], "object" if "/" in path.rstrip("/") else "bucket"
    if not path:
        return Call("s3", "ListBuckets")
    verb = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}.get(method, method)
    operation = _S3.get((method, level, what), f"{verb}{level.title()}{what.title()}")
    if "HTTP_X_AMZ_COPY_SOURCE" in environ:
        operation = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}.get(operation, operation)
    return Call("s3", operation, path)


def one_after_another(spans: Sequence[tuple[float, float]]) -> int:
    """The most calls of which each came after the one before it was answered: what waits for a network waits so often.

    >>> one_after_another([(0, 2), (1, 3), (2.5, 4), (4, 5)])
    3
    """
    count, free = 0, float("-inf")
    for began, ended in sorted(spans, key=lambda span: span[1]):
        if began >= free:
            count, free = count + 1, ended
    return count


class Desk:
    """The server's side: obeys orders, keeps the list of calls."""

    def __init__(self, forget_tokens: Callable[[], None]) -> None:
        self._forget_tokens = forget_tokens
        self._lock = threading.Lock()
        self._orders: list[Order] = []
        self._calls: list[Call] = []
        self._spans: list[tuple[float, float]] = []
        """When each call came, and when it was answered."""

    def command(self, method: str, path: str, body: bytes) -> Answer:
        """POST /_faults gives an order, DELETE takes all back; GET /_calls lists, DELETE forgets."""
        with self._lock:
            if path.startswith("/_faults"):
                if method == "POST":
                    self._orders.append(Order(**json.loads(body)))
                elif method == "DELETE":
                    self._orders.clear()
                answer: list[Any] = [asdict(order) for order in self._orders]
            elif path.startswith("/_calls/rounds"):
                answer = [{"rounds": one_after_another(self._spans)}]
            else:
                answer = [asdict(call) for call in self._calls]
                if method == "DELETE":
                    self._calls.clear()
                    self._spans.clear()
        return 200, [("Content-Type", "application/json")], json.dumps(answer).encode()

    def serve(self, environ: dict[str, Any], body: bytes, ask: Callable[[dict[str, Any]], Answer]) -> Answer | None:
        """Serve a request as ordered; None when its reply is to be lost."""
        began = time.monotonic()
        try:
            return self._served(environ, body, ask)
        finally:
            with self._lock:
                self._spans.append((began, time.monotonic()))

    def _served(self, environ: dict[str, Any], body: bytes, ask: Callable[[dict[str, Any]], Answer]) -> Answer | None:
        call = call_of(environ, body)
        order = self._taken(call)
        if order is None:
            return ask(environ)
        if order.effect == "refuse":
            return _refusal(call.service, order)
        if order.effect == "lose-reply":
            ask(environ)
            if order.more.get("forget_tokens"):
                self._forget_tokens()
        return None

    def _taken(self, call: Call) -> Order | None:
        with self._lock:
            self._calls.append(call)
            for order in self._orders:
                if order.operation != call.operation or order.times == 0:
                    continue
                if order.skip > 0:
                    order.skip -= 1
                    continue
                order.times -= 1
                return order
        return None


def _refusal(service: str, order: Order) -> Answer:
    status, code = _THROTTLED.get(service, (400, "ThrottlingException"))
    status, code = order.status or status, order.code or code
    if service == "s3":
        text = f"<Error><Code>{code}</Code><Message>{order.message}</Message><RequestId>0</RequestId></Error>"
        return status, [("Content-Type", "application/xml")], text.encode()
    document = {"__type": code, "message": order.message, **order.more}
    return status, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(document).encode()


class Faults:
    """The tests' side: give orders to the emulator of an endpoint, ask what it was asked."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def lose_reply(self, operation: str, times: int = 1, skip: int = 0, *, forget_tokens: bool = False) -> None:
        """Do the next calls of an operation, and close the connection instead of answering.

        With `forget_tokens` the tokens of transactions are forgotten then, as DynamoDB does after ten minutes.
        """
        self._send(Order(operation, "lose-reply", times, skip, more={"forget_tokens": forget_tokens}))

    def lose_request(self, operation: str, times: int = 1, skip: int = 0) -> None:
        """Close the connection on the next calls of an operation, and do nothing."""
        self._send(Order(operation, "lose-request", times, skip))

    def throttle(self, operation: str, times: int = 1, skip: int = 0) -> None:
        """Answer the next calls as the service does when it is asked too fast."""
        self._send(Order(operation, "refuse", times, skip))

    def refuse(self, operation: str, code: str, status: int = 400, times: int = 1, skip: int = 0, **more: Any) -> None:
        """Answer the next calls with an error; `more` goes into its body, as for CancellationReasons."""
        self._send(Order(operation, "refuse", times, skip, status, code, more=more))

    def clear(self) -> None:
        """Take all orders back."""
        self._request("DELETE", "/_faults")

    def pending(self) -> list[Order]:
        """Orders that were not used up: a test that wanted a fault can see that it happened."""
        return [order for order in (Order(**one) for one in self._request("GET", "/_faults")) if order.times]

    def calls(self) -> list[Call]:
        """Every call since the server began, or since `forget_calls`."""
        return [Call(**one) for one in self._request("GET", "/_calls")]

    def round_trips(self) -> int:
        """How many of those calls followed one another; two at once may be told as two when both are quick."""
        return int(self._request("GET", "/_calls/rounds")[0]["rounds"])

    def forget_calls(self) -> None:
        """Begin the list anew."""
        self._request("DELETE", "/_calls")

    def _send(self, order: Order) -> None:
        self._request("POST", "/_faults", json.dumps(asdict(order)).encode())

    def _request(self, method: str, path: str, body: bytes | None = None) -> list[dict[str, Any]]:
        request = urllib.request.Request(self._endpoint + path, data=body, method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return list(json.loads(reply.read()))
