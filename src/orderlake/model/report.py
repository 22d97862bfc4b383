"""What became of one source object: the row of the load history and the line `run` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

Status = Literal["loaded", "unchanged", "rejected", "rolled_back", "forgotten"]
"""How an event of a source ended. `forgotten` is of no file: a person's data was taken out of a stream's tables."""
RECORDED: Final[tuple[Status, ...]] = ("loaded", "rejected", "rolled_back", "forgotten")
"""Those that the history has: that a file is unchanged is told, and not written down."""
FATES: Final = ("loaded", "superseded", "duplicate", "quarantined")
"""What can become of a record that was read: exactly one of these."""
COUNTS: Final = ("read", *FATES)
"""The counts of records of a load; the first is the sum of the others."""


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
    restored: Mapping[str, int] = field(default_factory=dict)
    """Of a rollback: per source identity, how many of its records stand again."""
    nth: int = 0
    """How many events this source object version had before: its load is 0, a rollback 1, loaded again it is 2."""
    seals: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """Plain Parquet files as this load left them, by their name in the lake: the number of its commit among those of
    its stream, and the file's seal ("" for one that it removed). The highest number counts."""
    resumed_parts: int = 0
    """How many parts of a large file it took over from a load that was broken off."""

    @property
    def conserved(self) -> bool:
        """Whether every record read is accounted for."""
        return self.read == self.loaded + self.superseded + self.duplicate + self.quarantined

    def leaves_open(self, again: Container[str]) -> bool:
        """Whether its source is to be loaded still: it was rejected, or it was rolled back and is wanted `again`."""
        return self.status == "rejected" or (self.status == "rolled_back" and self.identity in again)

    def as_dict(self) -> dict[str, Any]:
        """Give the report as JSON-ready values, in the order people read them."""
        lists = {"checks": [dict(each) for each in self.checks], "changes": list(self.changes)}
        return asdict(self) | lists | {"seals": {file: list(seal) for file, seal in self.seals.items()}}

    @staticmethod
    def of(values: Mapping[str, Any]) -> LoadReport:
        """The report that `as_dict` gave, read back from JSON."""
        lists = {name: tuple(values[name]) for name in ("checks", "changes") if name in values}
        seals = {file: (int(commit), str(seal)) for file, (commit, seal) in values.get("seals", {}).items()}
        return LoadReport(**{**values, **lists, "seals": seals})


def added(reports: Iterable[LoadReport]) -> dict[str, int]:
    """The counts of records of loads, added up: read, and what became of them."""
    every = list(reports)
    return {count: sum(getattr(report, count) for report in every) for count in COUNTS}


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
    """What all loads come to: files by how they stand now, and what became of the records read, whatever came later."""

    loaded_files: int = 0
    rejected_files: int = 0
    read: int = 0
    loaded: int = 0
    superseded: int = 0
    duplicate: int = 0
    quarantined: int = 0
    bytes: int = 0
    rolled_back_files: int = 0

    @staticmethod
    def of(reports: Iterable[LoadReport]) -> Totals:
        """Add up."""
        every = list(reports)
        ends = Counter(report.status for report in every)
        # Each rollback undoes one load, which stays in the history.
        files = (ends["loaded"] - ends["rolled_back"], ends["rejected"])
        again = sum(report.status == "loaded" and report.nth > 0 for report in every)
        sums = {each: sum(getattr(one, each) for one in every) for each in (*COUNTS, "bytes")}
        return Totals(*files, rolled_back_files=ends["rolled_back"] - again, **sums)
