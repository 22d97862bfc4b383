"""Which announced objects are taken: those under raw, never those that a load wrote."""

from __future__ import annotations

from typing import Final

from orderlake.aws.settings import bucket_and_prefix
from orderlake.config import AwsSettings
from orderlake.events.announcement import ObjectRef
from orderlake.model.source import is_wanted

LOOP: Final = "LoopGuard"
IGNORED: Final = "Ignored"
_FOLDER_MARKS: Final = ("/", "_$folder$")


def objection(ref: ObjectRef, settings: AwsSettings) -> tuple[str, str] | None:
    """Why an object is not taken, with the metric that counts it; None when it is.

    A load's own output is told apart from what merely lies elsewhere: the first would load itself without end.
    """
    if _within(ref, settings.lake):
        return LOOP, f"it lies in the lake ({settings.lake}), where loads write: send no events from there"
    if not _within(ref, settings.raw):
        return IGNORED, f"it does not lie under {settings.raw}"
    inside = ref.key.removeprefix(bucket_and_prefix(settings.raw)[1])
    if ref.key.endswith(_FOLDER_MARKS):
        return IGNORED, "it marks a folder"
    if any(part.startswith(".") for part in inside.split("/")) or not is_wanted(inside.rsplit("/", 1)[-1]):
        return IGNORED, "its name says that it is hidden or not finished"
    return None


def _within(ref: ObjectRef, location: str) -> bool:
    bucket, prefix = bucket_and_prefix(location)
    return ref.bucket == bucket and ref.key.startswith(prefix)
