"""Memory is a budget: a file five times as large takes no more of it."""

from __future__ import annotations

from benchmarks.measure import Sample, Way, interleave, median
from benchmarks.report import Outcome, Target
from benchmarks.settings import LAYOUTS, Settings, say
from benchmarks.subject import Project, require

LIMIT_MB = 400
TIMES = 5


def memory(settings: Settings) -> Outcome:
    """Load one file of each layout and size, with the whole bundled pipeline."""
    sizes = [settings.orders, settings.orders * TIMES] if settings.large else [settings.orders]
    with settings.workspace("memory") as folder:
        ways = [_way(settings, Project(folder / "project"), size, layout) for size in sizes for layout in LAYOUTS]
        samples = interleave(ways, 1 if settings.large else settings.repeat, say)
    peaks = {name: max(sample.peak for sample in found) for name, found in samples.items()}
    targets = []
    for layout in LAYOUTS:
        small = _name(sizes[0], layout)
        targets.append(Target(f"peak, {small}", peaks[small], LIMIT_MB, unit="MB"))
        if settings.large:
            large = _name(sizes[1], layout)
            targets.append(Target(f"peak, {large} ÷ {small}", peaks[large] / peaks[small], 1.1))
    note = f"{sizes[0] * TIMES:,} orders skipped: 12 GB of free space are wanted, or --full"
    return Outcome(
        "memory, all three tables",
        ("file", "CPU s", "wall s", "peak MB"),
        [[name, median(found, "cpu"), median(found, "wall"), peaks[name]] for name, found in samples.items()],
        targets,
        [] if settings.large else [note],
        samples,
    )


def _name(size: int, layout: str) -> str:
    return f"{size:,} {'array' if layout == 'json' else 'NDJSON'}"


def _way(settings: Settings, project: Project, size: int, layout: str) -> Way:
    def after(sample: Sample) -> None:
        require(sample, "loaded", read=size, loaded=size)

    return Way(_name(size, layout), project.load(settings.data.orders(size, layout)), project.create, after)
