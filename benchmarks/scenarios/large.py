"""A file of 2 GB in a function of 512 MB: it passes through, or it does not."""

from __future__ import annotations

import json

from benchmarks.measure import CommandFailedError, run
from benchmarks.report import Outcome, Target
from benchmarks.scenarios.lambda_start import PYTHON
from benchmarks.settings import Settings

ORDERS = 4_600_000
"""2.1 GB."""
QUICK = 330_000
"""150 MB: more than is staged on the function's own disk."""
TITLE = "large: one NDJSON file, a function of 512 MB with 512 MB of /tmp"
LIMIT_MB = 512
SECONDS = 900
MEGA = 10**6


def large(settings: Settings) -> Outcome:
    """Upload it to a server that speaks S3, load it with the packaged function, compare the tables with the file."""
    if not PYTHON.exists():
        raise CommandFailedError(f"there is no {PYTHON}: make bench makes it")
    file = settings.data.orders(QUICK if settings.quick or not settings.large else ORDERS, "ndjson")
    with settings.workspace("large") as folder:
        found = json.loads(run([str(PYTHON), "-m", "benchmarks.large_file", str(folder), str(file)]).out)
    if "why_not" in found:
        return Outcome(TITLE, ("skipped",), [], notes=[found["why_not"]])
    figures = ("seconds", "cpu", "resident", "cgroup", "disk")
    return Outcome(
        TITLE,
        ("MB", "orders", "wall s", "CPU s", "peak resident MB", "peak of the group MB", "peak /tmp MB"),
        [[f"{found['bytes'] / MEGA:,.0f}", f"{found['orders']:,}", *(found[name] for name in figures)]],
        [
            Target("peak memory, with what the kernel holds of files", found["cgroup"], LIMIT_MB, unit="MB"),
            Target("peak of /tmp", found["disk"], LIMIT_MB, unit="MB"),
            Target("wall", found["seconds"], SECONDS, unit="s"),
        ],
        ["orders, amounts, lines and items of all three tables are those of the file"],
    )
