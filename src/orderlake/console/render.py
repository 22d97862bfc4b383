"""Templates to pages. Everything a template shows is escaped, unless our own code has made it markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from orderlake import __version__
from orderlake.console.state import console_of
from orderlake.values import size_text

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER: Final = Path(__file__).parent
NAVIGATION: Final = (
    ("/", "Overview"),
    ("/data", "Data"),
    ("/loads", "Loads"),
    ("/quality", "Quality"),
    ("/query", "Query"),
    ("/lineage", "Lineage"),
)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_LEAST_SHARE: Final = 0.001


def page(request: Request, template: str, status: int = 200, /, **shown: Any) -> HTMLResponse:  # noqa: ANN401 - whatever a template shows
    """One page: `template` filled with what it shows, and with what every page knows."""
    console = console_of(request)
    text = (
        environment()
        .get_template(template)
        .render(
            **shown,
            project=console.name,
            writable=console.writable,
            navigation=NAVIGATION,
            here=request.url.path,
            token=getattr(request.state, "token", ""),
            loading_problem=console.problem,
            version=__version__,
        )
    )
    # A file's name may hold bytes that are no text.
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), status, headers={"cache-control": "no-store"})


@cache
def environment() -> Environment:
    """The templates, with the filters that they use."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(number=number, money=money, size=size_text, moment=moment, ago=ago, share=share)
    made.filters.update(segments=segments, fates=fates, file_time=file_time, first_sentence=first_sentence)
    return made


def number(value: float | Decimal | None) -> str:
    """A count for people.

    >>> number(1234567), number(None)
    ('1,234,567', '–')
    """
    return "–" if value is None else f"{value:,}"


def money(value: Decimal | float | None) -> str:
    """An amount with its cents.

    >>> money(Decimal("1234.5"))
    '1,234.50'
    """
    return "–" if value is None else f"{value:,.2f}"


def share(part: float | None) -> str:
    """A part of a whole in percent; what is there at all is never shown as nothing.

    >>> share(0), share(0.00001), share(0.256), share(1), share(None)
    ('0%', '< 0.1%', '25.6%', '100%', '–')
    """
    if part is None:
        return "–"
    if 0 < part < _LEAST_SHARE:
        return f"< {_LEAST_SHARE:.1%}"
    return f"{min(part, 1 - _LEAST_SHARE) if part < 1 else part:.1%}".replace(".0%", "%")


def segments(parts: Sequence[tuple[str, float]]) -> list[tuple[str, str, str]]:
    """Parts of a whole as (name, start, width) in percent, those of nothing left out.

    >>> segments([("a", 3), ("b", 0), ("c", 1)])
    [('a', '0.00', '75.00'), ('c', '75.00', '25.00')]
    """
    whole = sum(amount for _, amount in parts)
    found, start = [], 0.0
    for name, amount in parts:
        if amount > 0:
            width = 100 * amount / whole
            found.append((name, f"{start:.2f}", f"{width:.2f}"))
            start += width
    return found


def fates(found: Iterable[tuple[str, str, int]]) -> list[tuple[str, int]]:
    """What became of records, as parts of a bar: (colour, count) of (name, colour, count)."""
    return [(colour, count) for _, colour, count in found]


def file_time(nanoseconds: int) -> str:
    """A file's modification time in UTC, to the second.

    >>> file_time(1_700_000_000_123_456_789)
    '2023-11-14 22:13:20'
    """
    try:
        return f"{datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):  # a file may have any time
        return "–"


def first_sentence(text: str) -> str:
    """What a text says first.

    >>> first_sentence("One row per order. From pipeline orders.")
    'One row per order.'
    """
    return text.partition("\n")[0].partition(". ")[0].rstrip(".") + ("." if ". " in text or text.endswith(".") else "")


def moment(iso: str | None) -> str:
    """An ISO time, which is taken for UTC where it names no zone, to the second in UTC as people read it.

    >>> moment("2025-03-01T10:11:12.345+00:00"), moment("2025-03-01T01:00:00+02:00")
    ('2025-03-01 10:11:12', '2025-02-28 23:00:00')
    """
    return "–" if not iso else f"{_utc(iso):%Y-%m-%d %H:%M:%S}"


def ago(iso: str | None, now: datetime | None = None) -> str:
    """How long ago an ISO time is.

    >>> ago("2025-03-01T10:00:00+00:00", datetime(2025, 3, 1, 12, 30, tzinfo=UTC))
    '2 h ago'
    """
    if not iso:
        return "never"
    seconds = ((now or datetime.now(UTC)) - _utc(iso)).total_seconds()
    if seconds < _MINUTE:
        return "just now"
    for length, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return "just now"


def _utc(iso: str) -> datetime:
    found = datetime.fromisoformat(iso)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
