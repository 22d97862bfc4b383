"""The whole bundled pipeline, three tables, against the naive handler's one table and dlt's two."""

from __future__ import annotations

import json
import shutil

from benchmarks.equality import UnequalError, fingerprint, require_equal
from benchmarks.measure import Sample, Way, interleave, ratio, warm
from benchmarks.report import COST_COLUMNS, Outcome, Target, costs
from benchmarks.scenarios.wide import peer_command
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, require

DLT_ORDERS = 100_000
"""dlt is measured at this size at most: a million orders take it many minutes."""


def all_three(settings: Settings) -> Outcome:
    """Compare on one array."""
    source = settings.data.orders(settings.orders, "json")
    warm(source)
    with settings.workspace("all_three") as folder:
        project, out = Project(folder / "project"), folder / "naive.parquet"

        def after(sample: Sample) -> None:
            require(sample, "loaded", read=settings.orders, loaded=settings.orders)

        ways = [
            Way("orderlake", project.load(source), project.create, after),
            Way("naive", peer_command("naive", source, out)),
        ]
        samples = interleave(ways, settings.repeat, say)
        require_equal(fingerprint(str(out)), fingerprint(project.wide_glob), "orderlake")
    small, notes = _dlt(settings)
    return Outcome(
        f"all three tables, array: {settings.orders:,} orders",
        COST_COLUMNS,
        [*costs(samples, "orderlake"), *costs(small, next(iter(small)))],
        [Target("CPU, naive ÷ orderlake", ratio(samples, "naive", "orderlake", "cpu"), 3.5, least=True)],
        ["the wide table equals the naive handler's", *notes],
        {**samples, **small},
    )


def _dlt(settings: Settings) -> tuple[dict[str, list[Sample]], list[str]]:
    """Pair dlt with orderlake once, at a size dlt finishes soon."""
    count = min(settings.orders, DLT_ORDERS)
    source = settings.data.orders(count, "json")
    with settings.workspace("dlt") as folder:
        project, out = Project(folder / "project"), folder / "dlt"
        counts: dict[str, int] = {}

        def before() -> None:
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()

        ways = [
            Way(f"orderlake, {count:,} orders", project.load(source), project.create),
            Way(
                f"dlt, {count:,} orders",
                peer_command("dlt_tables", source, out),
                before,
                lambda sample: counts.update(json.loads(sample.out)),
            ),
        ]
        samples = interleave(ways, 1, say)
        rows = int(fingerprint(project.wide_glob)["rows"])
    if counts != {"orders": count, "orders__products": rows}:
        message = f"dlt gave {counts}, expected {count} orders and {rows} products"
        raise UnequalError(message)
    return samples, [f"dlt runs once, on {count:,} orders; its tables are others, their row counts agree: {counts}"]
