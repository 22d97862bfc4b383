"""An array costs orderlake no more time than NDJSON: both use both cores."""

from __future__ import annotations

from benchmarks.measure import Sample, Way, interleave, median, ratio, warm
from benchmarks.report import Outcome, Target
from benchmarks.settings import LAYOUTS, Settings, say
from benchmarks.subject import Project, require

CORES = 1.3
"""CPU ÷ wall time above which more than one core has clearly been at work."""


def array_ndjson(settings: Settings) -> Outcome:
    """Load the same orders from both layouts in turn, with the whole bundled pipeline."""

    def after(sample: Sample) -> None:
        require(sample, "loaded", read=settings.orders, loaded=settings.orders)

    with settings.workspace("array_ndjson") as folder:
        ways = []
        for name, layout in zip(("array", "NDJSON"), LAYOUTS, strict=True):
            source, project = settings.data.orders(settings.orders, layout), Project(folder / layout)
            warm(source)
            ways.append(Way(name, project.load(source), project.create, after))
        samples = interleave(ways, settings.repeat, say)
    cores = {name: median(found, "cpu") / median(found, "wall") for name, found in samples.items()}
    return Outcome(
        f"array against NDJSON, all three tables: {settings.orders:,} orders",
        ("layout", "CPU s", "wall s", "peak MB", "CPU ÷ wall"),
        [
            [name, *(median(found, what) for what in ("cpu", "wall", "peak")), cores[name]]
            for name, found in samples.items()
        ],
        [
            Target("wall, array ÷ NDJSON", ratio(samples, "array", "NDJSON", "wall"), 1.2),
            *(Target(f"cores at work, {name}", cores[name], CORES, least=True, unit="cores") for name in samples),
        ],
        samples=samples,
    )
