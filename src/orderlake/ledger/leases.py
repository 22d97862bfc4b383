"""Leases in DynamoDB: one item each, that says who holds it and until when; a dead holder's lapses by itself.

A lease saves work and proves nothing: clocks of machines differ, and a holder may be slower than it thinks.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from orderlake.clients import Client, catalog_errors, client
from orderlake.errors import LakeError

_PARTITION: Final = "lease"
_NAMES: Final = {"#o": "owner", "#u": "until", "#e": "expires"}
_KEPT_SECONDS: Final = 86_400
"""How long after its end DynamoDB may throw a lease away (the attribute `expires`)."""


def who() -> str:
    """This process, for people who look at a lease."""
    return f"{socket.gethostname()}/{os.getpid()}"


def token() -> str:
    """A name for one taking of a lease, so that it is known again when a reply was lost."""
    return secrets.token_hex(12)


@dataclass(slots=True)
class Leases:
    """Takes, renews and gives back leases; renews all that are held in one thread. Safe to share between threads.

    `seconds` is how long a lease outlives its holder, `beat` how often it is renewed, `clock` the time in seconds.
    """

    table: str
    region: str
    clock: Callable[[], float] = time.time
    seconds: float = 30.0
    beat: float = 8.0
    owner: str = field(default_factory=who)
    new_token: Callable[[], str] = token
    _held: dict[str, str] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _heart: threading.Thread | None = field(default=None, repr=False)

    def take(self, name: str) -> str | None:
        """Take a lease that nobody alive holds, and keep it renewed; give the token to return it with, else None."""
        mine = self._put(name, self.seconds)
        if mine is not None:
            self.hold(name, mine)
        return mine

    def hold(self, name: str, mine: str) -> None:
        """Keep a lease renewed that was taken with this token."""
        with self._lock:
            self._held[mine] = name
            if self._heart is None or not self._heart.is_alive():
                self._ended.clear()
                self._heart = threading.Thread(target=self._live, name="leases", daemon=True)
                self._heart.start()

    def let_go(self, mine: str) -> str:
        """Renew it no more; give its name."""
        with self._lock:
            return self._held.pop(mine)

    def token(self) -> str:
        """A token for one taking, with who takes it."""
        return f"{self.owner}/{self.new_token()}"

    def give_back(self, mine: str) -> None:
        """Return a lease; one that was lost meanwhile stays with its new holder. Never fails: at worst it lapses."""
        name = self.let_go(mine)
        asked = {
            "ConditionExpression": "#o = :o",
            "ExpressionAttributeNames": {"#o": _NAMES["#o"]},
            "ExpressionAttributeValues": {":o": {"S": mine}},
        }
        try:
            with catalog_errors(self._what):
                self._client.delete_item(TableName=self.table, Key=key(name), **asked)
        except LakeError:  # also when it is not ours any more
            pass

    def once(self, name: str, seconds: float) -> bool:
        """Say True to the first who asks in that many seconds, and False to all others."""
        return self._put(name, seconds) is not None

    def close(self) -> None:
        """Renew nothing any more."""
        self._ended.set()
        heart = self._heart
        if heart is not None:
            heart.join()

    def _put(self, name: str, seconds: float) -> str | None:
        mine, now = self.token(), self.clock()
        with catalog_errors(self._what):
            try:
                self._client.put_item(
                    TableName=self.table,
                    Item={**key(name), "owner": {"S": mine}, **term(now + seconds)},
                    ConditionExpression="attribute_not_exists(#o) OR #u <= :now OR #o = :mine",
                    ExpressionAttributeNames={"#o": _NAMES["#o"], "#u": _NAMES["#u"]},
                    ExpressionAttributeValues={":now": milliseconds(now), ":mine": {"S": mine}},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
        return mine

    def _live(self) -> None:
        """The heart: renew what is held, until nothing is."""
        while not self._ended.wait(self.beat):
            with self._lock:
                if not self._held:
                    self._heart = None
                    return
                held = dict(self._held)
            for mine, name in held.items():
                self._renew(name, mine)

    def _renew(self, name: str, mine: str) -> None:
        lasting = term(self.clock() + self.seconds)
        asked = {
            "UpdateExpression": "SET #u = :u, #e = :e",
            "ConditionExpression": "#o = :o",
            "ExpressionAttributeNames": _NAMES,
            "ExpressionAttributeValues": {":o": {"S": mine}, ":u": lasting["until"], ":e": lasting["expires"]},
        }
        try:
            with catalog_errors(self._what):
                self._client.update_item(TableName=self.table, Key=key(name), **asked)
        except LakeError:  # lost, or given back just now, or the next beat renews it
            pass

    @property
    def _client(self) -> Client:
        return client("dynamodb", self.region)

    @property
    def _what(self) -> str:
        return f"the DynamoDB table {self.table}"


def key(name: str) -> dict[str, Any]:
    """The key of a lease's item."""
    return {"pk": {"S": _PARTITION}, "sk": {"S": name}}


def milliseconds(at: float) -> dict[str, str]:
    """A time in seconds as DynamoDB keeps it, in milliseconds."""
    return {"N": str(int(at * 1000))}


def term(until: float) -> dict[str, Any]:
    """The attributes of a lease that lasts until then."""
    return {"until": milliseconds(until), "expires": {"N": str(int(until) + _KEPT_SECONDS)}}
