"""What an event says: objects to load, things that are none of our business, and what cannot be understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orderlake.errors import DataError


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object version that somebody announced; the key is decoded, `version_id` None for the current version."""

    bucket: str
    key: str
    version_id: str | None = None
    event_time: str = ""
    sequencer: str = ""
    size: int | None = None

    @property
    def uri(self) -> str:
        """The object's name, whatever its version."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def version(self) -> tuple[str, str, str | None]:
        """The same for two announcements of the same object version. The sequencer has no part in it."""
        return self.bucket, self.key, self.version_id


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something announced that is not loaded, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """All that one event says. `faults` name the parts of it that cannot be understood; the rest holds all the same."""

    objects: tuple[ObjectRef, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    faults: tuple[str, ...] = ()


def together(parts: Iterable[Announcement]) -> Announcement:
    """One announcement of several, in their order."""
    found = list(parts)
    return Announcement(
        tuple(each for part in found for each in part.objects),
        tuple(each for part in found for each in part.ignored),
        tuple(each for part in found for each in part.faults),
    )


def is_later(one: ObjectRef, other: ObjectRef) -> bool | None:
    """Whether `one` was written after `other`, by their sequencers; None when these cannot tell.

    A sequencer is a hexadecimal fraction: it compares as text once the shorter is filled with zeros at its right, and
    only among events of one key. It orders events and identifies none, so it is no key to tell duplicates by.

    >>> a, b = (
    ...     ObjectRef("shop", "a.json", sequencer="0055AED6DCD90281E5"),
    ...     ObjectRef("shop", "a.json", sequencer="0055AE"),
    ... )
    >>> is_later(a, b), is_later(b, a), is_later(a, ObjectRef("shop", "b.json", sequencer="00"))
    (True, False, None)
    """
    if (one.bucket, one.key) != (other.bucket, other.key) or not one.sequencer or not other.sequencer:
        return None
    length = max(len(one.sequencer), len(other.sequencer))
    return one.sequencer.upper().ljust(length, "0") > other.sequencer.upper().ljust(length, "0")


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """The value, if it is a JSON object; DataError names what should have been one."""
    if not isinstance(value, Mapping):
        raise DataError(f"{what} is missing or no JSON object")
    return value


def text(value: object, what: str) -> str:
    """The value, if it is a text with something in it; DataError names what should have been one."""
    if not isinstance(value, str) or not value:
        raise DataError(f"{what} is missing or no text")
    return value


def optional_text(value: object) -> str:
    """The value if it is a text, else the empty one."""
    return value if isinstance(value, str) else ""


def optional_size(value: object) -> int | None:
    """The value if it is a size in bytes."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
