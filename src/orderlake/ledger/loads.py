"""Load reports as DynamoDB items: packed small, and cut in parts when an item cannot hold one."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from orderlake.errors import ConfigError
from orderlake.model.report import LoadReport

LOAD: Final = "load"
PART: Final = "load.part"
PART_BYTES: Final = 350_000
"""Of the 400 KB that an item may have, names and keys included."""


def key(identity: str) -> dict[str, Any]:
    """Where the report of a source object version lies."""
    return {"pk": {"S": LOAD}, "sk": {"S": identity}}


def part_key(identity: str, token: str, number: int) -> dict[str, Any]:
    """Where a part of a long report lies: under a name unique to who wrote it."""
    return {"pk": {"S": PART}, "sk": {"S": f"{identity}#{token}#{number:04d}"}}


def place(item: Mapping[str, Any]) -> tuple[int, str]:
    """Where an item stands in the history: when it was recorded, and its identity for those of one moment."""
    return int(item["recorded"]["N"]), item["sk"]["S"]


def written(found: tuple[int, str]) -> str:
    """A place in the history as a text.

    >>> written((17, "ab"))
    '17-ab'
    """
    return f"{found[0]}-{found[1]}"


def parsed(text: str) -> tuple[int, str]:
    """The place that a text names; ConfigError when it names none.

    >>> parsed("17-ab")
    (17, 'ab')
    """
    moment, _, identity = text.partition("-")
    if not (moment.isdecimal() and moment.isascii() and identity):
        raise ConfigError(f"{text!r} is no place in the load history: begin with the newest loads")
    return int(moment), identity


def packed(report: LoadReport) -> bytes:
    """The report, compressed."""
    return zlib.compress(json.dumps(report.as_dict(), separators=(",", ":")).encode())


def parts(data: bytes) -> list[bytes]:
    """A report that is too long for one item, cut; nothing when it is not."""
    if len(data) <= PART_BYTES:
        return []
    return [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]


def part_keys(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where the parts of an item's report lie; nothing when it is in the item."""
    count = int(item["parts"]["N"]) if "parts" in item else 0
    identity = item["sk"]["S"].partition(".")[0]
    return [part_key(identity, item["token"]["S"], number) for number in range(count)]


def nth(item: Mapping[str, Any]) -> int:
    """Which event of its source an item tells of."""
    return int(item["nth"]["N"]) if "nth" in item else 0


def kept(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item once a later event of its source has come: the same, under a name of its own."""
    return {**item, "sk": {"S": f"{item['sk']['S']}.{nth(item)}"}}


def unpacked(item: Mapping[str, Any], found: Mapping[str, bytes]) -> LoadReport:
    """The report of an item; `found` has the parts by their sort key."""
    keys = part_keys(item)
    data = b"".join(found[each["sk"]["S"]] for each in keys) if keys else item["report"]["B"]
    return LoadReport.of(json.loads(zlib.decompress(data)))


def settled(reports: Iterable[LoadReport]) -> Sequence[LoadReport]:
    """One report per event of a source, as if marked in this order: the first finished, else the last rejected."""
    found: dict[tuple[str, int], LoadReport] = {}
    for report in reports:
        before = found.get((report.identity, report.nth))
        if before is None or before.status == "rejected":
            found[report.identity, report.nth] = report
    return list(found.values())
