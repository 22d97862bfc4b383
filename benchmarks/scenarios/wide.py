"""The wide table alone, at the same job as its peers: cost and equality of the result."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.equality import Fingerprint, fingerprint, require_equal
from benchmarks.measure import ROOT, Sample, Way, interleave, ratio, warm
from benchmarks.report import COST_COLUMNS, Outcome, Target, costs
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, require

PEERS = ("naive", "duckdb_typed", "duckdb_auto", "polars_typed", "pyarrow_typed")


def peer_command(name: str, source: Path, out: Path) -> list[str]:
    """Give the command that has a peer do the job."""
    return [sys.executable, str(ROOT / "benchmarks" / "peers" / f"{name}.py"), str(source), str(out)]


def wide(settings: Settings, layout: str) -> Outcome:
    """Compare on one file of the layout."""
    source = settings.data.orders(settings.orders, layout)
    warm(source)
    with settings.workspace(f"wide_{layout}") as folder:
        tables: dict[str, Fingerprint] = {}
        ways = [_ours(settings, source, folder, tables)]
        ways += [_peer(name, source, folder, tables) for name in PEERS]
        samples = interleave(ways, settings.repeat, say)
    for name, table in tables.items():
        require_equal(tables["naive"], table, name)
    size = source.stat().st_size / 1e6
    return Outcome(
        f"wide table alone, {'array' if layout == 'json' else 'NDJSON'}: {settings.orders:,} orders, {size:,.0f} MB",
        COST_COLUMNS,
        costs(samples, "orderlake"),
        [
            Target("CPU, naive ÷ orderlake", ratio(samples, "naive", "orderlake", "cpu"), 5, least=True),
            Target("memory, naive ÷ orderlake", ratio(samples, "naive", "orderlake", "peak"), 8, least=True),
            Target("CPU, orderlake ÷ duckdb_typed", ratio(samples, "orderlake", "duckdb_typed", "cpu"), 1.4),
        ],
        [f"all {len(tables)} tables are equal: {int(tables['naive']['rows']):,} rows, sums and hashes of 12 columns"],
        samples,
    )


def _ours(settings: Settings, source: Path, folder: Path, tables: dict[str, Fingerprint]) -> Way:
    project = Project(folder / "project", wide=True)

    def after(sample: Sample) -> None:
        require(sample, "loaded", read=settings.orders, loaded=settings.orders)
        if "orderlake" not in tables:
            tables["orderlake"] = fingerprint(project.wide_glob)

    return Way("orderlake", project.load(source), project.create, after)


def _peer(name: str, source: Path, folder: Path, tables: dict[str, Fingerprint]) -> Way:
    out = folder / f"{name}.parquet"

    def after(_: Sample) -> None:
        if name not in tables:
            tables[name] = fingerprint(str(out))

    return Way(name, peer_command(name, source, out), lambda: out.unlink(missing_ok=True), after)
