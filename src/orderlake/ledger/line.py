"""Waiting in line for a lease in DynamoDB: who came first has it first, and the dead hold nobody up for long.

The lease's item has the line too, a list of tokens, so that each step is one conditional write. Who finds the lease
free and nobody in line takes it in one request, as any lease; all others join. Whoever is first takes it once it is
free. One that has been first of a free lease for some seconds and did not take it is dead, and put out by the next that
asks; if it lives after all, it joins again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from orderlake.clients import catalog_errors, client
from orderlake.errors import LakeError
from orderlake.ledger.leases import Leases, key, milliseconds, term

_NAMES: Final = {"#o": "owner", "#u": "until", "#e": "expires", "#l": "line", "#f": "freed"}
_FREE: Final = "(attribute_not_exists(#o) OR #u <= :now)"
_ALONE: Final = "(attribute_not_exists(#l) OR size(#l) = :none)"
_PATIENCE: Final = 3_000
"""Milliseconds after which the first in line is dead that does not take a free lease: the living ask twice a second."""
_OFTEN: Final = 4
"""The first in line waits no longer than the pause after so many tries, 0.16 s, and each one behind it twice as long
as the one before it: all wait for the first."""


@dataclass(frozen=True, slots=True)
class Line:
    """Takes `leases` in the order in which they are asked for; `pause` waits before a try, by the tries before it."""

    leases: Leases
    pause: Callable[[int], None]

    def wait(self, name: str) -> str:
        """Take a lease when it is our turn, and keep it renewed; give the token to return it with."""
        mine, now = self.leases.token(), self.leases.clock()
        item = {**key(name), "owner": {"S": mine}, **term(now + self.leases.seconds)}
        condition = f"(#o = :mine OR {_FREE}) AND {_ALONE}"
        asked = self._asked(condition, "#o #u #l", mine=mine, now=now, none=0)
        if self._done("put_item", Item=item, **asked) is not None:
            place = self._join(name, mine)
            for tries in count():
                self.pause(min(tries, _OFTEN + place))
                found = self._try(name, mine)
                if found is None:
                    break
                place = self._place(name, mine, found)
        self.leases.hold(name, mine)
        return mine

    def give_back(self, mine: str) -> None:
        """Return a lease; the line stays. Never fails: at worst the lease lapses."""
        name = self.leases.let_go(mine)
        now = self.leases.clock()
        try:
            asked = self._asked(f"#o = :mine AND {_ALONE}", "#o #l", mine=mine, none=0)
            if self._done("delete_item", Key=key(name), **asked) is not None:
                asked = self._asked("#o = :mine", "#o #u #f", mine=mine, now=now)
                self._done("update_item", Key=key(name), UpdateExpression="SET #f = :now REMOVE #o, #u", **asked)
        except LakeError:
            pass

    def _join(self, name: str, mine: str) -> int:
        """Stand at the end, once; how many stand before."""
        joined = "SET #l = list_append(if_not_exists(#l, :empty), :own), #e = :e, #f = if_not_exists(#f, :now)"
        asked = self._asked("NOT contains(#l, :mine)", "#l #e #f", mine=mine, now=self.leases.clock())
        asked["ExpressionAttributeValues"] |= {
            ":empty": {"L": []},
            ":own": {"L": [{"S": mine}]},
            ":e": term(self.leases.clock() + self.leases.seconds)["expires"],
        }
        found = self._done("update_item", Key=key(name), UpdateExpression=joined, **asked)
        return 1 if found is None else max(_line(found).index(mine), 0)

    def _try(self, name: str, mine: str) -> Mapping[str, Any] | None:
        """Take the lease if it is free and we are the first; None when it is ours, else how things are."""
        now = self.leases.clock()
        until = term(now + self.leases.seconds)
        asked = self._asked(f"#l[0] = :mine AND {_FREE}", "#o #u #e #l", mine=mine, now=now)
        asked["ExpressionAttributeValues"] |= {":u": until["until"], ":e": until["expires"]}
        taken = "SET #o = :mine, #u = :u, #e = :e REMOVE #l[0]"
        found = self._done("update_item", Key=key(name), UpdateExpression=taken, **asked)
        return None if found is None or found.get("owner") == {"S": mine} else found  # else the reply was lost

    def _place(self, name: str, mine: str, found: Mapping[str, Any]) -> int:
        """How many stand before us; who was put out joins again, and who is dead is put out."""
        line, now = _line(found), int(self.leases.clock() * 1000)
        if mine not in line:
            return self._join(name, mine)
        since = int(found.get("until" if "owner" in found else "freed", {"N": now})["N"])
        if line[0] != mine and now > since + _PATIENCE:
            asked = self._asked(f"#l[0] = :mine AND {_FREE}", "#o #u #l #f", mine=line[0], now=now / 1000)
            self._done("update_item", Key=key(name), UpdateExpression="SET #f = :now REMOVE #o, #u, #l[0]", **asked)
        return line.index(mine)

    def _asked(self, condition: str, names: str, **values: str | float) -> dict[str, Any]:
        told = {
            f":{each}": {"S": value} if isinstance(value, str) else milliseconds(value)
            for each, value in values.items()
        }
        return {
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {each: _NAMES[each] for each in names.split()},
            "ExpressionAttributeValues": told,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _done(self, operation: str, **asked: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - what DynamoDB takes
        """None when it was done, else the item as it is, for the condition does not hold."""
        dynamo = client("dynamodb", self.leases.region)
        with self._errors():
            try:
                getattr(dynamo, operation)(TableName=self.leases.table, **asked)
            except dynamo.exceptions.ConditionalCheckFailedException as error:
                found: Mapping[str, Any] = error.response.get("Item", {})
                return found
        return None

    def _errors(self) -> AbstractContextManager[None]:
        return catalog_errors(f"the DynamoDB table {self.leases.table}")


def _line(found: Mapping[str, Any]) -> list[str]:
    return [each["S"] for each in found.get("line", {"L": []})["L"]]
