"""What became of one source object: the row of the load history and the line `run` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    checks: Sequence[Mapping[str, Any]] = ()
    """What the pipeline's checks found in it: CheckResult.as_dict of each."""
    changes: Sequence[str] = ()
    """What was new about its columns, a sentence each."""

    @property
    def conserved(self) -> bool:
        """Whether every record read is accounted for."""
        return self.read == self.loaded + self.superseded + self.duplicate + self.quarantined

    def as_dict(self) -> dict[str, Any]:
        """Give the report as JSON-ready values, in the order people read them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which loads are asked for: those that ended so, of sources whose name holds a text, of one load; None is any."""

    status: str | None = None
    source: str | None = None
    load_id: str | None = None

    def fits(self, report: LoadReport) -> bool:
        """Whether a load is one of them."""
        return (
            (self.status is None or report.status == self.status)
            and (self.source is None or self.source in report.source)
            and (self.load_id is None or report.load_id == self.load_id)
        )


ANY_LOAD = Wanted()


@dataclass(frozen=True, slots=True)
class LoadPage:
    """Loads, newest first; `before` is where the next, older page begins, None when there is none."""

    loads: Sequence[LoadReport]
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What all loads come to: files by how they ended, and what became of the records read."""

    loaded_files: int = 0
    rejected_files: int = 0
    read: int = 0
    loaded: int = 0
    superseded: int = 0
    duplicate: int = 0
    quarantined: int = 0
    bytes: int = 0

    @staticmethod
    def of(reports: Iterable[LoadReport]) -> Totals:
        """Add up."""
        every = list(reports)
        rejected = sum(report.status == "rejected" for report in every)
        counts = ("read", "loaded", "superseded", "duplicate", "quarantined", "bytes")
        return Totals(len(every) - rejected, rejected, *(sum(getattr(one, each) for one in every) for each in counts))
