"""A batch of SQS messages: each is understood, loaded and answered for by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from orderlake.events.announcement import Announcement
from orderlake.events.envelope import read

_SOURCE: Final = "aws:sqs"


@dataclass(frozen=True, slots=True)
class Message:
    """One message and what it says; `id` is None for an event that came without a queue."""

    id: str | None
    said: Announcement
    receives: int = 1
    """How often SQS has delivered it, this time included."""


def is_batch(event: object) -> bool:
    """Whether Lambda was called with messages of a queue, so that it can answer for each."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return isinstance(records, list) and any(
        isinstance(record, Mapping) and record.get("eventSource") == _SOURCE for record in records
    )


def messages(event: object) -> list[Message]:
    """The messages of a batch, or the event itself as one. Never raises: see Announcement.faults."""
    if not is_batch(event) or not isinstance(event, Mapping):
        return [Message(None, read(event))]
    return [message_of(record) for record in event["Records"]]


def message_of(record: object) -> Message:
    """One message, as Lambda hands it over."""
    if not isinstance(record, Mapping):
        return Message(None, read(record))
    return Message(str(record.get("messageId", "")), read({"Records": [record]}), _receives(record))


def _receives(record: Mapping[str, Any]) -> int:
    attributes = record.get("attributes")
    count = attributes.get("ApproximateReceiveCount", "1") if isinstance(attributes, Mapping) else "1"
    return int(count) if str(count).isdigit() else 1
