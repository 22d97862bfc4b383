"""Templates to pages. Everything a template shows is escaped, unless our own code has made it markup."""

from __future__ import annotations

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
    made.filters.update(number=number, money=money, size=size_text, moment=moment, ago=ago)
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
