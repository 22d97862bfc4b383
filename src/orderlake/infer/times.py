"""Which way of writing dates a column's texts follow, when they follow one, and whether the data decides it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product
from typing import Final

_ISO: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<clock>\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s?(?P<zone>Z|z|UTC|[+-]\d\d(?::?\d\d)?)?)?\Z"
)
_MIDNIGHT: Final = re.compile(r"00:00(:00(\.0+)?)?\Z")
_LONGEST: Final = 40
_DAYS: Final = tuple(
    sign.join(parts)
    for sign in ("/", ".", "-")
    for parts in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%Y", "%m", "%d"))
)
_WORDED: Final = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d-%b-%Y", "%d-%b-%y", "%Y%m%d")
_HOURS: Final = ("%H:%M", "%H:%M:%S")
_CLOCKS: Final = ("", *(sign + hours for sign in (" ", "T", ", ") for hours in _HOURS), " %I:%M %p", " %I:%M:%S %p")
_FORMATS: Final = tuple(day + clock for day, clock in product((*_DAYS, *_WORDED), _CLOCKS))


@dataclass(slots=True)
class Times:
    """What texts, seen one by one, have in common as dates or times."""

    seen: int = 0
    days: int = 0
    """Dates as ISO 8601 has them."""
    local: int = 0
    """ISO times without a zone; `midnights` of them say 00:00."""
    midnights: int = 0
    zoned: int = 0
    formatted: int = 0
    formats: tuple[str, ...] = _FORMATS
    """The other ways of writing that all texts so far could be in."""
    against: dict[str, str] = field(default_factory=dict)
    """A text that each of the discarded ways cannot have written, where others could."""
    example: str = ""
    odd: str = ""
    """A text that is no time in ISO 8601."""

    def add(self, text: str) -> None:
        """Look at one text."""
        self.seen += 1
        found = _ISO.match(text)
        if found is not None and _is_day(found["day"]):
            self.days += found["clock"] is None
            self.zoned += found["zone"] is not None
            self.local += found["clock"] is not None and found["zone"] is None
            self.midnights += found["zone"] is None and bool(_MIDNIGHT.match(found["clock"] or ""))
            self.example = self.example or text
            return
        self.odd = self.odd or text
        if not self.formats:
            return
        kept = tuple(each for each in self.formats if _parses(text, each))
        if kept:
            self.formatted += 1
            self.example = self.example or text
            for lost in set(self.formats) - set(kept):
                self.against.setdefault(lost, text)
        self.formats = kept

    @property
    def iso(self) -> str | None:
        """The type of texts that are all ISO 8601: date, timestamp, timestamptz; None when they are not."""
        if not self.seen or self.days + self.local + self.zoned != self.seen:
            return None
        if self.zoned == self.seen:
            return "timestamptz"
        if self.zoned:
            return None
        return "date" if self.days + self.midnights == self.seen else "timestamp"

    @property
    def ways(self) -> tuple[str, ...]:
        """The other formats that fit all texts; more than one when the data does not decide."""
        return self.formats if self.seen and self.formatted == self.seen else ()

    def why(self, way: str) -> str:
        """What decides for this way and against its twin, the same with day and month exchanged."""
        text = self.against.get(twin(way), "")
        return f"such as {text or self.example}"


def twin(way: str) -> str:
    """The same format with day and month exchanged.

    >>> twin("%d/%m/%Y %H:%M")
    '%m/%d/%Y %H:%M'
    """
    return way.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def kind_of(way: str) -> str:
    """The type of what is written this way."""
    return "timestamp" if "%M" in way else "date"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).year >= 1
    except ValueError:
        return False


def _parses(text: str, way: str) -> bool:
    if len(text) > _LONGEST or not any(mark.isdigit() for mark in text):
        return False
    try:
        datetime.strptime(text, way)  # noqa: DTZ007 - only whether it can be
    except ValueError:
        return False
    return True
