"""Any event, in whatever it came wrapped: S3, EventBridge and our own, bare or inside SNS, inside SQS, or in lists."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from orderlake.errors import DataError
from orderlake.events import eventbridge, s3
from orderlake.events.announcement import Announcement, ObjectRef, mapping, optional_text, text, together

_DEEPEST: Final = 24
"""Steps down through envelopes; each takes two or three, and nobody sends more than three of them."""
OWN: Final = "orderlake"
"""The one key of our own messages: {"orderlake": {"objects": [{"bucket": …, "key": …, "version_id": …}]}}."""


def read(document: object, depth: int = 0) -> Announcement:
    """All that an event says. Never raises: what cannot be understood is in `faults`, and the rest holds."""
    try:
        return _read(document, depth)
    except DataError as error:
        return Announcement(faults=(str(error),))


def own_message(objects: Sequence[ObjectRef]) -> str:
    """A message that announces these objects, as `read` understands it."""
    told = [{"bucket": each.bucket, "key": each.key, "version_id": each.version_id} for each in objects]
    return json.dumps({OWN: {"objects": told}}, ensure_ascii=False, separators=(",", ":"))


def _read(document: object, depth: int) -> Announcement:
    if depth > _DEEPEST:
        raise DataError("too many envelopes lie in each other")
    if isinstance(document, str):
        return _read(parsed(document), depth + 1)
    if document == []:
        raise DataError("it is an empty list")
    if isinstance(document, list):
        return together(read(each, depth + 1) for each in document)
    return _event(mapping(document, "the event"), depth)


def _event(event: Mapping[str, Any], depth: int) -> Announcement:
    if "Records" in event:
        return _records(event["Records"], depth)
    if OWN in event:
        return _own(event[OWN])
    if s3.is_test(event):
        return s3.test_event(event)
    if eventbridge.is_event(event):
        return eventbridge.read_event(event)
    return _record(event, depth)


def _records(records: object, depth: int) -> Announcement:
    if not isinstance(records, list) or not records:
        raise DataError("Records is no list with something in it")
    return together(_each(record, depth + 1) for record in records)


def _each(record: object, depth: int) -> Announcement:
    """One of several records: what is wrong with it must not harm the others."""
    try:
        return _record(mapping(record, "a record"), depth)
    except DataError as error:
        return Announcement(faults=(str(error),))


def _record(record: Mapping[str, Any], depth: int) -> Announcement:
    if "body" in record:  # SQS
        return _read(text(record["body"], "body"), depth + 1)
    if "Message" in record:  # SNS, as it lands in a queue
        return _read(text(record["Message"], "Message"), depth + 1)
    if "Sns" in record:
        return _read(text(mapping(record["Sns"], "Sns").get("Message"), "Sns.Message"), depth + 1)
    if s3.is_record(record):
        return s3.read_record(record)
    raise DataError("it is no event of S3, EventBridge, SNS, SQS or orderlake")


def _own(body: object) -> Announcement:
    objects = mapping(body, OWN).get("objects")
    if not isinstance(objects, list) or not objects:
        raise DataError(f"{OWN}.objects is no list with something in it")
    return together(_own_object(each) for each in objects)


def _own_object(each: object) -> Announcement:
    try:
        found = mapping(each, f"an item of {OWN}.objects")
        bucket, key = text(found.get("bucket"), "bucket"), text(found.get("key"), "key")
    except DataError as error:
        return Announcement(faults=(str(error),))
    return Announcement((ObjectRef(bucket, key, optional_text(found.get("version_id")) or None),))


def parsed(body: str) -> object:
    """A JSON text; DataError when it is none, or nested beyond reason."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is no JSON: {error}") from error
