"""S3's own notifications: a list of records, keys encoded as in a web form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

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

_CREATED: Final = "ObjectCreated:"
_OTHERS: Final = (
    "ObjectRemoved:",
    "ObjectRestore:",
    "ObjectTagging:",
    "ObjectAcl:",
    "LifecycleExpiration:",
    "LifecycleTransition",
    "IntelligentTiering",
    "ReducedRedundancyLostObject",
    "Replication:",
)
_TEST: Final = "s3:TestEvent"


def is_test(document: Mapping[str, Any]) -> bool:
    """Whether this is what S3 sends once, when a notification is set up."""
    return document.get("Event") == _TEST


def test_event(document: Mapping[str, Any]) -> Announcement:
    """What the test event says: nothing."""
    return Announcement(ignored=(Ignored(str(document.get("Bucket", "S3")), "S3 tries out its notification"),))


def is_record(record: Mapping[str, Any]) -> bool:
    """Whether this is one of S3's records."""
    return "s3" in record or record.get("eventSource") == "aws:s3"


def read_record(record: Mapping[str, Any]) -> Announcement:
    """What one record says: every way to create an object is a load (Put, Post, Copy, CompleteMultipartUpload).

    DataError names the part that is missing or wrong.
    """
    event = text(record.get("eventName"), "eventName").removeprefix("s3:")
    if event.startswith(_OTHERS) or record.get("Event") == _TEST:
        return Announcement(ignored=(Ignored(_name(record), f"{event} brings no new object"),))
    if not event.startswith(_CREATED):
        raise DataError(f"eventName {event!r} is none of S3's")
    s3 = mapping(record.get("s3"), "s3")
    bucket = text(mapping(s3.get("bucket"), "s3.bucket").get("name"), "s3.bucket.name")
    found = mapping(s3.get("object"), "s3.object")
    return Announcement(
        (
            ObjectRef(
                bucket,
                _decoded(text(found.get("key"), "s3.object.key")),
                optional_text(found.get("versionId")) or None,
                optional_text(record.get("eventTime")),
                optional_text(found.get("sequencer")),
                optional_size(found.get("size")),
            ),
        )
    )


def _decoded(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        raise DataError(f"s3.object.key {key!r} does not decode to UTF-8") from None


def _name(record: Mapping[str, Any]) -> str:
    """The object of a record that is not loaded, as well as it can be told."""
    s3 = record.get("s3")
    found = s3.get("object") if isinstance(s3, Mapping) else None
    key = found.get("key") if isinstance(found, Mapping) else None
    return unquote_plus(key) if isinstance(key, str) else "an object"
