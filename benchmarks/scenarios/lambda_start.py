"""The Lambda function beside the naive one: cold, warm, a batch, a large file, under 512 MB, against one emulator."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.measure import ROOT, CommandFailedError, run
from benchmarks.report import Cell, Outcome, Target
from benchmarks.settings import Settings

PYTHON = ROOT / ".venv-dev" / "bin" / "python"
REPEAT = 5
TITLE = "lambda-start: a function of 512 MB under the runtime interface emulator"
COLUMNS = (
    "what",
    "orderlake wall s",
    "naive wall s",
    "wall ×",
    "orderlake CPU s",
    "naive CPU s",
    "CPU ×",
    "calls",
    "naive",
)
STEPS = {
    "cold": "cold, 12 orders",
    "warm": "warm, 12 orders",
    "batch": "a file of a batch of 100",
    "large": "20,000 orders",
}
MEGA = 10**6

Samples = Mapping[str, Sequence[Mapping[str, Any]]]


def lambda_start(settings: Settings) -> Outcome:
    """Let the development environment measure, since it has the runtime client and the emulator of AWS."""
    if not PYTHON.exists():
        raise CommandFailedError(f"there is no {PYTHON}: make bench makes it")
    repeat = settings.repeat if settings.quick else max(REPEAT, settings.repeat)
    with settings.workspace("lambda") as folder:
        found = json.loads(run([str(PYTHON), "-m", "benchmarks.functions", str(folder), str(repeat)]).out)
    if "why_not" in found:
        return Outcome(TITLE, ("skipped",), [], notes=[found["why_not"]])
    samples: Samples = found["samples"]
    ours, naive = found["sizes"]["orderlake"], found["sizes"]["naive"]
    rows: list[list[Cell]] = [_row(samples, step) for step in STEPS]
    rows += [
        [f"package, MB {name}", ours[name] / MEGA, naive[name] / MEGA, ours[name] / naive[name], None, None, None]
        for name in ("zipped", "unzipped")
    ]
    peaks = [statistics.median(one["peak"] for one in samples[way]) for way in ("orderlake", "naive")]
    rows.append(["peak resident, MB", *peaks, peaks[0] / peaks[1], None, None, None])
    return Outcome(
        TITLE,
        COLUMNS,
        [[*row, *[None] * (len(COLUMNS) - len(row))] for row in rows],
        [
            Target("cold, orderlake ÷ naive", _ratio(samples, "cold", "wall"), 1),
            Target("cold CPU, orderlake ÷ naive", _ratio(samples, "cold", "cpu"), 1),
            Target("warm, orderlake ÷ naive", _ratio(samples, "warm", "wall"), 0.5),
            Target("package zipped, orderlake ÷ naive", ours["zipped"] / naive["zipped"], 1),
            Target("package unzipped, orderlake ÷ naive", ours["unzipped"] / naive["unzipped"], 1),
        ],
        [
            "orderlake commits four tables and a ledger, naive puts one file and remembers nothing: mind the calls",
            "a call to the emulator takes about 5 ms here; to AWS, more",
        ],
    )


def _row(samples: Samples, step: str) -> list[Cell]:
    row: list[Cell] = [STEPS[step]]
    for what in ("wall", "cpu"):
        row += [statistics.median(one[step][what] for one in samples[way]) for way in ("orderlake", "naive")]
        row.append(_ratio(samples, step, what))
    return [*row, *(statistics.median(one[step]["calls"] for one in samples[way]) for way in ("orderlake", "naive"))]


def _ratio(samples: Samples, step: str, what: str) -> float:
    """The median of the ratios within the rounds; CPU is counted in hundredths of a second."""
    pairs = zip(samples["orderlake"], samples["naive"], strict=True)
    return statistics.median(a[step][what] / max(b[step][what], 0.001) for a, b in pairs)
