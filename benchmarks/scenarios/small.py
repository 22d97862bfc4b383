"""What one small event costs: twelve orders in a fresh process, all three tables committed."""

from __future__ import annotations

from benchmarks.data import SMALL_ORDERS
from benchmarks.measure import Sample, Way, interleave, ratio
from benchmarks.report import COST_COLUMNS, Outcome, Target, costs
from benchmarks.scenarios.wide import peer_command
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, require

REPEAT = 9


def small(settings: Settings) -> Outcome:
    """Compare with the naive handler's own process, which writes one file and commits nothing."""
    source = settings.data.orders(SMALL_ORDERS, "json")
    repeat = max(REPEAT, settings.repeat)
    with settings.workspace("small") as folder:
        project = Project(folder / "project")

        def after(sample: Sample) -> None:
            require(sample, "loaded", read=SMALL_ORDERS, loaded=SMALL_ORDERS)

        ways = [
            Way("orderlake", project.load(source), project.create, after),
            Way("naive", peer_command("naive", source, folder / "naive.parquet")),
        ]
        samples = interleave(ways, repeat, say)
    return Outcome(
        f"small: {SMALL_ORDERS} orders, a fresh process and a fresh project each",
        COST_COLUMNS,
        costs(samples, "orderlake"),
        [
            Target(f"{label}, orderlake ÷ naive", ratio(samples, "orderlake", "naive", what), 1.5)
            for label, what in (("CPU", "cpu"), ("wall", "wall"))
        ],
        ["the aim is below 1"],
        samples,
    )
