"""A moment in a lake's past, as people say it: a time, how long ago, or the load after which it was."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from orderlake.errors import ConfigError, NotFoundError
from orderlake.explain.which import find_load

if TYPE_CHECKING:
    from orderlake.wiring import Backends

_ID: Final = re.compile(r"[0-9a-f]{4,32}")
_AGO: Final = re.compile(r".*[0-9].*\bago", re.IGNORECASE)
_SAYS: Final = "say 2024-03-01, 2024-03-01T12:00, 2024-03-01T12:00+01:00, '2 hours ago', or a load's id"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time (ms since 1970), or right after a load; `said` is it in words (`as of …`), with the zone taken."""

    at_ms: int
    said: str
    load_id: str | None = None


def moment_of(backends: Backends, text: str, now: datetime) -> Moment:
    """What a text means: a load's id or its beginning, an ISO time (of this machine's zone, or its own), or `2h ago`.

    ConfigError when it is neither, or in the future; NotFoundError for a load that there is not.
    """
    text = text.strip()
    if _ID.fullmatch(text):
        loads = find_load(backends, text)
        if loads:
            if loads[0].status == "rejected":
                raise ConfigError(f"load {loads[0].load_id} was rejected, and changed nothing: name another, or a time")
            at = datetime.fromisoformat(max(load.at for load in loads))
            shown = f"right after load {loads[0].load_id} ({loads[0].source}{_more(len(loads))}, {_utc(at)})"
            return Moment(_ms(at), shown, loads[0].load_id)
    at, zone = _time(text, now)
    if at > now:
        raise ConfigError(f"{text} is in the future ({at.isoformat(sep=' ')}, {zone}): {_SAYS}")
    return Moment(_ms(at), f"as of {at.isoformat(sep=' ', timespec=_precision(at))} ({_said(at, zone)})")


def _time(text: str, now: datetime) -> tuple[datetime, str]:
    if _AGO.fullmatch(text):
        return _ago(text, now), "counted back from now"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        if _ID.fullmatch(text):
            raise NotFoundError(f"there is no load {text}: `orderlake loads` lists them") from None
        raise ConfigError(f"{text!r} is no moment: {_SAYS}") from None
    if at.tzinfo is not None:
        return at, "the zone given"
    at = at.astimezone()  # of this machine's zone at that date, which daylight saving time may shift from now's
    return at, f"this machine's zone, {at.tzname()}"


def _ago(text: str, now: datetime) -> datetime:
    """What DuckDB takes the words for; it knows `2h`, `3 days`, `1 week`."""
    import duckdb  # noqa: PLC0415 - slow to load

    with duckdb.connect(config={"threads": 1}) as connection:
        try:
            row = connection.execute(
                "SELECT make_timestamp(?) + CAST(? AS INTERVAL)", [int(now.timestamp() * 1_000_000), text]
            ).fetchone()
        except (duckdb.Error, OverflowError):
            row = None
    if row is None:
        raise ConfigError(f"{text!r} is no moment: {_SAYS}")
    at: datetime = row[0]
    return at.replace(tzinfo=UTC).astimezone()


def _said(at: datetime, zone: str) -> str:
    return f"{zone}; {_utc(at)}" if at.utcoffset() else zone


def _precision(at: datetime) -> str:
    return "milliseconds" if at.microsecond else "seconds"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1_000)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _more(files: int) -> str:
    return f" and {files - 1} more" if files > 1 else ""
