"""What it costs to find that there is nothing to do: a file that is already loaded."""

from __future__ import annotations

import sys

from benchmarks.data import SMALL_ORDERS
from benchmarks.measure import Sample, Way, interleave, median, run
from benchmarks.report import Outcome
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, require

REPEAT = 9


def unchanged(settings: Settings) -> Outcome:
    """Run a small file and a large one again, beside an interpreter that does nothing."""

    def after(sample: Sample) -> None:
        require(sample, "unchanged")

    with settings.workspace("unchanged") as folder:
        ways = [Way("python -c pass", [sys.executable, "-c", "pass"])]
        for count in (SMALL_ORDERS, settings.orders):
            project, source = Project(folder / str(count)), settings.data.orders(count, "json")
            project.create()
            require(run(project.load(source)), "loaded", loaded=count)
            ways.append(Way(f"unchanged, {count:,} orders", project.load(source), after=after))
        samples = interleave(ways, max(REPEAT, settings.repeat), say)
    return Outcome(
        "unchanged: a file that is already loaded, a fresh process",
        ("way", "CPU ms", "wall ms", "peak MB"),
        [
            [name, median(found, "cpu") * 1000, median(found, "wall") * 1000, median(found, "peak")]
            for name, found in samples.items()
        ],
        samples=samples,
    )
