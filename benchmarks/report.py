"""What a scenario found: a table, its targets met or missed, and notes; as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measure import Sample, median, ratio

Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Target:
    """One figure against its limit; `least` says whether the limit is the least or the most allowed."""

    what: str
    value: float
    limit: float
    least: bool = False
    unit: str = "×"

    @property
    def met(self) -> bool:
        """Whether the figure keeps its limit."""
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def margin(self) -> float:
        """Give how far from the limit, as a share of it; positive is on the right side."""
        share = self.value / self.limit - 1
        return share if self.least else -share

    def __str__(self) -> str:
        """Say it in a line."""
        verdict = "met" if self.met else "MISSED"
        bound = "at least" if self.least else "at most"
        value, limit = _number(self.value), _number(self.limit)
        return f"{verdict:6}  {self.what}: {value} {self.unit} ({bound} {limit}; by {abs(self.margin):.0%})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one scenario."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)

    def text(self) -> str:
        """Lay the outcome out for reading."""
        cells = [list(self.columns), *([_cell(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [self.title]
        for row in cells:
            first, *rest = (
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  " + "  ".join([first, *rest]).rstrip())
        lines += [f"  {target}" for target in self.targets]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Give JSON-ready values, every repetition included."""
        found = asdict(self)
        found["targets"] = [{**asdict(target), "met": target.met, "margin": target.margin} for target in self.targets]
        for samples in found["samples"].values():
            for sample in samples:
                del sample["out"]
        return found


COST_COLUMNS = ("way", "CPU s", "wall s", "peak MB", "CPU ×", "wall ×", "memory ×")


def costs(samples: Mapping[str, Sequence[Sample]], base: str) -> list[list[Cell]]:
    """Give a row a way: its medians, and its paired ratios to the base way."""
    rows: list[list[Cell]] = []
    for name, found in samples.items():
        ratios: list[Cell] = [None, None, None]
        if name != base and len(found) == len(samples[base]):
            ratios = [ratio(samples, name, base, what) for what in ("cpu", "wall", "peak")]
        rows.append([name, *(median(found, what) for what in ("cpu", "wall", "peak")), *ratios])
    return rows


def _cell(cell: Cell) -> str:
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else _number(cell)


def _number(value: float) -> str:
    """Three significant digits, and never an exponent."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3  # noqa: PLR2004
    return f"{value:,.{digits}f}"
