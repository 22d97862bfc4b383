"""The ledger in DynamoDB: every load for ever, by source identity, and leases on what somebody is loading now.

One table holds both, beside the catalog's heads: `load` items by identity, `lease` items by name.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from orderlake.clients import Client, catalog_errors, client, wait_longer
from orderlake.errors import CatalogUnavailableError
from orderlake.ledger import loads
from orderlake.ledger.leases import Leases
from orderlake.ledger.line import Line
from orderlake.model.report import ANY_LOAD, LoadPage, LoadReport, Totals, Wanted

_AT_ONCE: Final = 16
_BATCH: Final = 100
"""Keys of one BatchGetItem."""
_ATTEMPTS: Final = 12
_NAMES: Final = {"#s": "status", "#r": "report", "#t": "token", "#n": "parts", "#o": "recorded"}


@dataclass(slots=True)
class DynamoLedger:
    """Ledger over a DynamoDB table; safe to share between threads. Raises CatalogUnavailableError.

    `leases` may bring another clock or other terms, `now_ns` is the clock of the history, `pause` waits before a try.
    """

    table: str
    region: str
    leases: Leases | None = None
    now_ns: Callable[[], int] = time.time_ns
    pause: Callable[[int], None] = wait_longer
    _leases: Leases = field(init=False, repr=False)
    _pool: ThreadPoolExecutor = field(init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _last: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        """Make the client before there are threads: boto3 makes one at a time."""
        client("dynamodb", self.region)
        self._leases = Leases(self.table, self.region) if self.leases is None else self.leases
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ledger")

    # --- history ------------------------------------------------------------------------------------------------------

    def applied(self, identities: Iterable[str]) -> Mapping[str, LoadReport]:
        """The recorded loads among these identities: strong read."""
        items = self._items([loads.key(identity) for identity in dict.fromkeys(identities)])
        return {report.identity: report for report in self._reports(items)}

    def mark(self, reports: Sequence[LoadReport]) -> None:
        """Record loads; a finished load stays as first recorded, a rejected one gives way to a finished one.

        Of one source `applied` gives the last event. The ones before keep their place in the history, each under a name
        of its own.
        """
        kept = loads.settled(reports)
        list(self._pool.map(self._mark, kept, self._moments(len(kept))))

    def loads(self) -> Sequence[LoadReport]:
        """The whole history, oldest first."""
        return self._reports(sorted(self._all(), key=loads.place))

    def recent(self, limit: int, before: str | None = None, wanted: Wanted = ANY_LOAD) -> LoadPage:
        """The newest loads that are wanted, at most `limit`, older than where an earlier page ended.

        The table's keys are identities, which know no order: DynamoDB reads through the whole history (and bills it),
        but only places are sent, and the reports of the page. Reports tell sources and load ids, so asking for these
        sends all.
        """
        if wanted.source is not None or wanted.load_id is not None:
            placed = {loads.place(item): item for item in self._all()}
            reports = zip(placed, self._reports(list(placed.values())), strict=True)
            fitting = {place: report for place, report in reports if wanted.fits(report)}
            places = sorted(fitting, reverse=True)
        else:
            placed = {loads.place(item): item for item in self._all(ProjectionExpression="sk, recorded, #s")}
            places = sorted(
                (place for place, item in placed.items() if wanted.status in (None, item["status"]["S"])), reverse=True
            )
            fitting = {}
        start = loads.parsed(before) if before is not None else None
        older = places if start is None else [place for place in places if place < start]
        shown = older[:limit]
        if not fitting:
            items = self._items([loads.key(name) for _, name in shown])
            fitting = dict(zip(map(loads.place, items), self._reports(items), strict=True))
        more = loads.written(shown[-1]) if shown and len(older) > limit else None
        return LoadPage([fitting[place] for place in shown if place in fitting], more)

    def totals(self) -> Totals:
        """What the whole history comes to: it is read for that."""
        return Totals.of(self.loads())

    def stamp(self) -> str:
        """How many loads there are. DynamoDB counts by reading them: one read unit for about twenty."""
        asked = {**self._history, "ConsistentRead": False, "Select": "COUNT"}
        with catalog_errors(self._what):
            return str(sum(page["Count"] for page in self._client.get_paginator("query").paginate(**asked)))

    @property
    def _history(self) -> dict[str, Any]:
        return {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": loads.LOAD}},
            "ConsistentRead": True,
        }

    def _all(self, **asked: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - what a query of DynamoDB takes
        named = {"ExpressionAttributeNames": {"#s": "status"}} if asked else {}
        with catalog_errors(self._what):
            pages = self._client.get_paginator("query").paginate(**self._history, **asked, **named)
            return [item for page in pages for item in page["Items"]]

    def _moments(self, number: int) -> Sequence[int]:
        """Times at which these loads were recorded: in the order given, and after all that were before."""
        with self._lock:
            first = max(self._last + 1, self.now_ns())
            self._last = first + number
        return range(first, first + number)

    def _mark(self, report: LoadReport, moment: int) -> None:
        data, token = loads.packed(report), secrets.token_hex(8)
        parts = loads.parts(data)
        for number, part in enumerate(parts):
            self._put_part(loads.part_key(report.identity, token, number), part)
        values = {":s": {"S": report.status}, ":rejected": {"S": "rejected"}, ":o": {"N": str(moment)}}
        values |= {":t": {"S": token}, ":r": {"B": b"" if parts else data}, ":n": {"N": str(len(parts))}}
        changes, condition = "#o = if_not_exists(#o, :o)", "attribute_not_exists(#s) OR #s = :rejected"
        earlier = self._kept(report) if report.nth else None
        if report.nth:
            values |= {":e": {"N": str(report.nth)}}
            changes = "#e = :e, #o = :o"
            condition += " OR attribute_not_exists(#e) OR #e < :e"
        with catalog_errors(self._what):
            exceptions = self._client.exceptions
            try:
                before = self._client.update_item(
                    TableName=self.table,
                    Key=loads.key(report.identity),
                    UpdateExpression=f"SET #s = :s, #r = :r, #t = :t, #n = :n, {changes}",
                    ConditionExpression=condition,
                    ExpressionAttributeNames=_NAMES | ({"#e": "nth"} if report.nth else {}),
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                ).get("Attributes", {})
            except exceptions.ConditionalCheckFailedException as error:
                before = error.response["Item"]
                if before["token"]["S"] == token:  # it was recorded, and the reply lost
                    return
                before = {}
                obsolete = [loads.part_key(report.identity, token, number) for number in range(len(parts))]
            else:
                again = before.get("token") in ({"S": token}, earlier)  # what is kept keeps its parts
                obsolete = [] if again else loads.part_keys(before)
            for key in obsolete:
                self._client.delete_item(TableName=self.table, Key=key)

    def _kept(self, report: LoadReport) -> Mapping[str, str] | None:
        """Keep the event before this one under a name of its own; give the token that it was recorded with."""
        for item in self._items([loads.key(report.identity)]):
            if item["status"]["S"] != "rejected" and loads.nth(item) < report.nth:
                with catalog_errors(self._what):
                    self._client.put_item(TableName=self.table, Item=loads.kept(item))
                token: Mapping[str, str] = item["token"]
                return token
        return None

    def _put_part(self, key: Mapping[str, Any], part: bytes) -> None:
        with catalog_errors(self._what):
            self._client.put_item(TableName=self.table, Item={**key, "report": {"B": part}})

    def _reports(self, items: Sequence[Mapping[str, Any]]) -> list[LoadReport]:
        wanted = [key for item in items for key in loads.part_keys(item)]
        found = {part["sk"]["S"]: part["report"]["B"] for part in self._items(wanted)}
        try:
            return [loads.unpacked(item, found) for item in items]
        except KeyError as error:
            raise CatalogUnavailableError(
                f"{self._what}: a report was replaced while it was read: try again"
            ) from error

    def _items(self, keys: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        batches = [keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH)]
        return [item for items in self._pool.map(self._batch, batches) for item in items]

    def _batch(self, keys: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Read until nothing is left unprocessed: a reply holds 16 MB, and DynamoDB may be short of breath."""
        items: list[Mapping[str, Any]] = []
        left: dict[str, Any] = {self.table: {"Keys": list(keys), "ConsistentRead": True}}
        attempt = 0
        while attempt < _ATTEMPTS:
            with catalog_errors(self._what):
                answer = self._client.batch_get_item(RequestItems=left)
            got = answer["Responses"].get(self.table, [])
            items += got
            if not answer.get("UnprocessedKeys"):
                return items
            left = {self.table: {**answer["UnprocessedKeys"][self.table], "ConsistentRead": True}}
            if not got:
                self.pause(attempt)
                attempt += 1
        raise CatalogUnavailableError(f"{self._what}: it left keys unread {_ATTEMPTS} times: try again")

    # --- leases -------------------------------------------------------------------------------------------------------

    @contextmanager
    def claim(self, identities: Iterable[str]) -> Iterator[frozenset[str]]:
        """Take the leases of those identities that nobody alive holds; they are given back at the end or lapse."""
        wanted = list(dict.fromkeys(identities))
        asked = [self._pool.submit(self._leases.take, f"claim#{identity}") for identity in wanted]
        wait(asked)
        taken = [done.result() if done.exception() is None else None for done in asked]
        try:
            for done in asked:
                done.result()  # raises what went wrong, once it is known what to give back
            yield frozenset(identity for identity, mine in zip(wanted, taken, strict=True) if mine is not None)
        finally:
            list(self._pool.map(self._leases.give_back, [mine for mine in taken if mine is not None]))

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Wait in line for, and hold, the lease of this name."""
        line = Line(self._leases, self.pause)
        mine = line.wait(f"turn#{name}")
        try:
            yield
        finally:
            line.give_back(mine)

    def once(self, name: str, seconds: float) -> bool:
        """Say True to the first who asks in that many seconds, wherever: for what need not be done often."""
        return self._leases.once(f"once#{name}", seconds)

    def close(self) -> None:
        """Renew nothing any more, and let the threads go."""
        self._leases.close()
        self._pool.shutdown()

    @property
    def _client(self) -> Client:
        return client("dynamodb", self.region)

    @property
    def _what(self) -> str:
        return f"the DynamoDB table {self.table}"
