"""How far what is shown can be trusted: when data last came, and what of it was set aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderlake.mending.records import quarantine_records

if TYPE_CHECKING:
    from orderlake.lake import Lake
    from orderlake.model.report import LoadReport
    from orderlake.querying import Session


@dataclass(frozen=True, slots=True)
class Freshness:
    """The last load, and how many records wait in quarantine. No load: nothing has been loaded ever."""

    last: LoadReport | None
    quarantined: int


def freshness_of(lake: Lake, session: Session) -> Freshness:
    """How fresh a lake is now."""
    loads = lake.recent(1).loads
    records = quarantine_records(lake.project, lake.loads())
    result = session.query(f"SELECT count(*) FROM {records} WHERE status = 'open'")
    return Freshness(loads[0] if loads else None, int(result.rows[0][0]))
