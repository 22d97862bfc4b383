"""The first stage: portions to tasks, and what came of them as one staged load."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from orderlake.errors import UnreadableShareError
from orderlake.kernel.flatten import plan_of
from orderlake.model.check import CheckResult
from orderlake.model.source import SourceObject
from orderlake.model.staged import Segment, StagedLoad
from orderlake.spark.portion import (
    Failed,
    Grain,
    Outcome,
    Portion,
    Proof,
    Refused,
    Staged,
    Together,
    Torn,
    Value,
    Whole,
)
from orderlake.spark.task import Cut, Site, prove_share, stage_portion

T = TypeVar("T")
R = TypeVar("R")


class Tasks(Protocol):
    """Runs functions on items, each as a task of its own, which it tries again where that may help."""

    def each(self, work: Callable[[T], R], items: Iterable[T], name: str) -> Sequence[R]:
        """Run them all; results in order."""
        ...


@dataclass
class Staging:
    """Stages sources, given as portions."""

    tasks: Tasks
    site: Site
    sources: Sequence[SourceObject]
    refused: dict[int, UnreadableShareError] = field(default_factory=dict)
    """By its number, why a source is not loaded."""
    _staged: list[Staged] = field(default_factory=list)
    _proofs: dict[int, Proof] = field(default_factory=dict)
    """Of sources that were cut, by number."""

    def stage(self, portions: Sequence[Portion]) -> StagedLoad:
        """The staged load of all sources that are not refused; an error that is no source's is raised."""
        while portions:
            portions = self._round(portions)
        self._prove()
        return self._load([number for number in range(len(self.sources)) if number not in self.refused])

    def _round(self, portions: Sequence[Portion]) -> list[Portion]:
        """Stage portions; give what is to be staged otherwise."""
        again: list[Portion] = []
        torn: dict[int, list[Portion]] = defaultdict(list)
        for outcome in self.tasks.each(_Staging(self.site), portions, "staging"):
            match outcome:
                case Staged():
                    self._staged.append(outcome)
                case Failed():
                    raise outcome.error
                case Torn():
                    torn[outcome.portion.sources[0].number] = []
                case Refused():
                    self.refused[outcome.source] = outcome.error
                    if outcome.portion.share is None:  # the others, each by itself: the next one costs no other a try
                        again += [Portion((each,)) for each in outcome.portion.sources if each.number != outcome.source]
        for portion in portions:
            if portion.share is not None and portion.sources[0].number in torn:
                torn[portion.sources[0].number].append(portion)
        for number, shares in torn.items():
            self.refused.pop(number, None)
            again.append(Portion((_uncut(shares),)))
        gone = {*torn, *self.refused}
        self._staged = [each for each in self._staged if each.portion.sources[0].number not in gone]
        return again

    @property
    def held(self) -> dict[str, dict[str, Mapping[Value, int]]]:
        """By table, what staged files hold."""
        found: dict[str, dict[str, Mapping[Value, int]]] = {}
        for each in self._staged:
            for table, files in each.held.items():
                found.setdefault(table, {}).update(files)
        return found

    @property
    def together(self) -> list[Together]:
        """The sources that are loaded, as they were staged."""
        found: dict[tuple[int, ...], list[Staged]] = {}
        for each in sorted(self._staged, key=lambda each: each.portion.first):
            numbers = tuple(whole.number for whole in each.portion.sources)
            if numbers[0] not in self.refused:
                found.setdefault(numbers, []).append(each)
        return [
            Together(
                tuple(self.sources[number] for number in numbers),
                {grain: tuple(file for one in staged for file in one.grains[grain]) for grain in staged[0].grains},
            )
            for numbers, staged in found.items()
        ]

    def _prove(self) -> None:
        """Ask contract and checks about each source that was cut."""
        cut = sorted({each.portion.sources[0].number for each in self._staged if each.proof is None})
        cuts = [self._cut(number) for number in cut]
        for number, found in zip(cut, self.tasks.each(_Proving(self.site), cuts, "checking"), strict=True):
            if isinstance(found, Failed):
                raise found.error
            if isinstance(found, UnreadableShareError):
                self.refused[number] = found
            else:
                self._proofs[number] = found

    def _cut(self, number: int) -> Cut:
        shares = [each for each in self._staged if each.portion.sources[0].number == number]
        glance = min(shares, key=lambda each: each.portion.first).glance
        return Cut(self._load([number]), {} if glance is None else {0: glance})

    def _load(self, numbers: Sequence[int]) -> StagedLoad:
        """The load of the sources of these numbers."""
        place = {number: at for at, number in enumerate(numbers)}
        segments: list[Segment] = []
        grains: dict[Grain, tuple[str, ...]] = dict.fromkeys(plan_of(self.site.stream).shape.grains, ())
        taken: dict[Grain, tuple[str, ...]] = {}
        rejected: tuple[str, ...] = ()
        records: Counter[int] = Counter()
        lines: Counter[int] = Counter()
        for each in sorted(self._staged, key=lambda each: each.portion.first):
            if each.portion.sources[0].number not in place:
                continue
            owners = [place[whole.number] for whole in each.portion.sources]
            segments += [Segment(0, 0, 0)] * (each.portion.first - len(segments))
            lines[owners[0]] += each.portion.above
            for segment in each.segments:
                own = owners[segment.source]
                moved = replace(segment, source=own, base=segment.base + records[own], above=lines[own])
                segments.append(moved)
            if each.portion.share is not None:
                records[owners[0]] += sum(segment.records for segment in each.segments)
                lines[owners[0]] += each.lines
            grains = {grain: files + each.grains[grain] for grain, files in grains.items()}
            taken = {grain: taken.get(grain, ()) + each.taken.get(grain, ()) for grain in {*taken, *each.taken}}
            rejected += each.rejected
        load = StagedLoad(tuple(self.sources[at] for at in numbers), tuple(segments), grains, rejected, taken)
        return self._proved(load, place)

    def _proved(self, load: StagedLoad, place: Mapping[int, int]) -> StagedLoad:
        """The load with what was found about its sources, as far as that is known."""
        checks: dict[int, tuple[CheckResult, ...]] = {}
        changes: dict[int, Sequence[str]] = {}
        found: dict[Grain, set[str]] = {}
        of_shares = [([number], proof) for number, proof in self._proofs.items()]
        of_wholes = [([each.number for each in one.portion.sources], one.proof) for one in self._staged if one.proof]
        for numbers, proof in [*of_shares, *of_wholes]:
            for at, number in enumerate(numbers):
                if number in place and at < len(proof.checks):
                    checks[place[number]] = proof.checks[at]
                if number in place and at in proof.changes:
                    changes[place[number]] = proof.changes[at]
            for grain, paths in proof.found.items():
                found.setdefault(grain, set()).update(paths)
        return replace(
            load,
            checks=tuple(checks.get(at, ()) for at in range(len(load.sources))) if checks else (),
            changes=dict(sorted(changes.items())),
            found={grain: sorted(paths) for grain, paths in found.items()},
        )


def _uncut(shares: Sequence[Portion]) -> Whole:
    """A source that was cut, to be staged whole: into the segments of its shares."""
    first = min(shares, key=lambda each: each.first).sources[0]
    return replace(first, most=len(shares))


@dataclass(frozen=True, slots=True)
class _Staging:
    site: Site

    def __call__(self, portion: Portion) -> Outcome:
        return stage_portion(self.site, portion)


@dataclass(frozen=True, slots=True)
class _Proving:
    site: Site

    def __call__(self, cut: Cut) -> Proof | UnreadableShareError | Failed:
        return prove_share(self.site, cut)
