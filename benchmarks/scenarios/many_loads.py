"""A load costs the same after a thousand others, and a thousand files in one run share their commits."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from benchmarks.data import SMALL_ORDERS
from benchmarks.measure import Sample, run
from benchmarks.report import Outcome, Target
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, require

FILES, QUICK_FILES = 1000, 100
EARLY, LATE = slice(5, 15), slice(-10, None)
"""Loads 6 to 15, when the process is warm, and the last ten."""


def many_loads(settings: Settings) -> Outcome:
    """Load the small files one by one in one process, then all of them in one run."""
    files = settings.data.small_files(QUICK_FILES if settings.quick else FILES)
    with settings.workspace("many_loads") as folder:
        seconds = _successive(folder, files)
        sample, commits = _together(folder, files)
    early, late = (statistics.median(seconds[part]) * 1000 for part in (EARLY, LATE))
    count = len(files)
    return Outcome(
        f"many loads: {count:,} files of {SMALL_ORDERS} orders",
        ("measure", "value", "unit"),
        [
            ["one by one: median of loads 6 to 15", early, "ms"],
            [f"one by one: median of loads {count - 9} to {count}", late, "ms"],
            ["one by one: median", statistics.median(seconds) * 1000, "ms"],
            ["one by one: 95th percentile", statistics.quantiles(seconds, n=20)[-1] * 1000, "ms"],
            ["one by one: slowest", max(seconds) * 1000, "ms"],
            ["in one run: wall time", sample.wall, "s"],
            ["in one run: CPU", sample.cpu, "s"],
            ["in one run: wall time per file", sample.wall / count * 1000, "ms"],
            *([f"in one run: commits of {table}", str(number), ""] for table, number in sorted(commits.items())),
        ],
        [Target("latency, last ten loads ÷ loads 6 to 15", late / early, 1.3)],
        samples={"in one run": [sample]},
    )


def _successive(folder: Path, files: list[Path]) -> list[float]:
    project, listing = Project(folder / "successive"), folder / "files.txt"
    project.create()
    listing.write_text("\n".join(map(str, files)), encoding="utf-8")
    sample = run([sys.executable, "-m", "benchmarks.successive", str(project.folder), str(listing)])
    say(f"{len(files)} loads one by one: {sample.wall:.1f} s")
    found: list[float] = json.loads(sample.out)
    return found


def _together(folder: Path, files: list[Path]) -> tuple[Sample, dict[str, int]]:
    project = Project(folder / "together")
    project.create()
    sample = run(project.load(*files))
    say(f"{len(files)} files in one run: {sample.wall:.1f} s")
    require(sample, "loaded", loaded=len(files) * SMALL_ORDERS)
    return sample, project.commits()
