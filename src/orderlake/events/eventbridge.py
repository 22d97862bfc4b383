"""EventBridge's "Object Created": one object an event, its key as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orderlake.errors import DataError
from orderlake.events.announcement import (
    Announcement,
    Ignored,
    ObjectRef,
    mapping,
    optional_size,
    optional_text,
    text,
)

_CREATED: Final = "Object Created"
_OTHERS: Final = "Object "


def is_event(document: Mapping[str, Any]) -> bool:
    """Whether this came from EventBridge."""
    return "detail-type" in document


def read_event(document: Mapping[str, Any]) -> Announcement:
    """What an event says. DataError names the part that is missing or wrong."""
    kind = text(document.get("detail-type"), "detail-type")
    if document.get("source") != "aws.s3" or not kind.startswith(_OTHERS):
        raise DataError(f"{kind!r} from {document.get('source')!r} is no event about an object of S3")
    detail = mapping(document.get("detail"), "detail")
    found = mapping(detail.get("object"), "detail.object")
    key = text(found.get("key"), "detail.object.key")
    if kind != _CREATED:
        return Announcement(ignored=(Ignored(key, f"{kind} brings no new object"),))
    return Announcement(
        (
            ObjectRef(
                text(mapping(detail.get("bucket"), "detail.bucket").get("name"), "detail.bucket.name"),
                key,
                optional_text(found.get("version-id")) or None,
                optional_text(document.get("time")),
                optional_text(found.get("sequencer")),
                optional_size(found.get("size")),
            ),
        )
    )
