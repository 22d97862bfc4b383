"""What became of one source object: the row of the load history and the line `run` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["loaded", "unchanged", "rejected"]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The account of one load of one source object version.

    Counts are records: read = loaded + superseded + duplicate + quarantined. `tables` gives rows
    written per table, `bytes` the size of the source, `seconds` wall time. `replaced` gives, per
    earlier source identity, how many of its records this load took the place of.
    """

    source: str
    pipeline: str
    status: Status
    identity: str
    load_id: str
    version: int
    at: str
    read: int = 0
    loaded: int = 0
    superseded: int = 0
    duplicate: int = 0
    quarantined: int = 0
    tables: Mapping[str, int] = field(default_factory=dict)
    bytes: int = 0
    seconds: float = 0.0
    reason: str | None = None
    stream: str = ""
    definition: str = ""
    replaced: Mapping[str, int] = field(default_factory=dict)

    @property
    def conserved(self) -> bool:
        """Whether every record read is accounted for."""
        return self.read == self.loaded + self.superseded + self.duplicate + self.quarantined

    def as_dict(self) -> dict[str, Any]:
        """Give the report as JSON-ready values, in the order people read them."""
        return asdict(self)
