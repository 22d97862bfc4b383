"""Load what a batch announced so that one bad object harms no other, and say for each how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from orderlake.aws.settings import OpenLake
from orderlake.errors import (
    CommitStateUnknownError,
    ConfigError,
    DataError,
    LakeError,
    NotFoundError,
    TransientError,
)
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject

Outcome = Literal["raise", "again", "alone"]

OUTCOMES: Final[Mapping[type[Exception], Outcome]] = {
    ConfigError: "raise",
    TransientError: "again",
    CommitStateUnknownError: "again",
    NotFoundError: "alone",
    DataError: "alone",
    LakeError: "alone",
    Exception: "alone",
}
"""What an error of a load means, by the nearest class in its ancestry.

raise: the deployment is wrong, no message of the batch can be answered for, and the function's errors sound the alarm.
again: nothing is wrong with the objects; their messages come again.
alone: one of the objects may be at fault: each is tried by itself, and only the messages of those that fail come again.
"""

OUT_OF_TIME: Final = "the time ran out before it was begun"


def outcome_of(error: Exception) -> Outcome:
    """What to do about an error."""
    return next(OUTCOMES[cls] for cls in type(error).__mro__ if cls in OUTCOMES)


@dataclass
class Attempt:
    """One go at a number of objects. `proceed` says whether there is time to begin another group."""

    lake: OpenLake
    proceed: Callable[[], bool]
    reports: dict[str, LoadReport] = field(default_factory=dict)
    """By source identity, in the order in which they were done."""
    errors: dict[str, Exception] = field(default_factory=dict)
    """By source identity: what was raised, where there is no report."""

    def run(self, together: Sequence[SourceObject], by_itself: Iterable[SourceObject] = ()) -> None:
        """Load objects together, then those of `by_itself` one by one. Raises what OUTCOMES says to raise."""
        self._load(together)
        for source in by_itself:
            self._load([source])

    def report_of(self, source: SourceObject) -> LoadReport | None:
        """What became of an object; of one that was replaced while it was read, what became of its next version."""
        found = self.reports.get(source.identity)
        if found is not None:
            return found
        later = (each for each in self.reports.values() if each.source == source.uri and each.version > source.version)
        return next(later, None) if source.identity not in self.errors else None

    def reason_of(self, source: SourceObject) -> str:
        """Why there is no report of an object."""
        error = self.errors.get(source.identity)
        return OUT_OF_TIME if error is None else f"{type(error).__name__}: {error}"

    def _load(self, sources: Sequence[SourceObject]) -> None:
        if not sources or not self.proceed():
            return
        try:
            for report in self.lake.load(sources, self._heard, self.proceed):
                self._heard(report)
        except Exception as error:
            outcome = outcome_of(error)
            if outcome == "raise":
                raise
            left = [source for source in sources if source.identity not in self.reports]
            if outcome == "alone" and len(left) > 1:
                for source in left:
                    self._load([source])
            else:
                self.errors |= {source.identity: error for source in left}

    def _heard(self, report: LoadReport) -> None:
        self.reports[report.identity] = report
