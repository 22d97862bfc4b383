"""The Lambda function beside the naive one: cold and warm, by size of file, in 512 MB, against one emulator."""

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
FIGURES = {"wall": "wall s", "cpu": "CPU s"}
COLUMNS = (
    "what",
    *(f"{way} {what}" for what in FIGURES.values() for way in ("ours", "naive", "×")),
    "calls",
    "in a row",
)
STEPS = ("cold", "warm", "batch")
SMALL = "12"
MEGA = 10**6

Samples = Mapping[str, Sequence[Mapping[str, Any]]]


def lambda_start(settings: Settings) -> Outcome:
    """Let the development environment measure, since it has the runtime client and the emulator of AWS."""
    if not PYTHON.exists():
        raise CommandFailedError(f"there is no {PYTHON}: make bench makes it")
    repeat = settings.repeat if settings.quick else max(REPEAT, settings.repeat)
    with settings.workspace("lambda") as folder:
        command = [str(PYTHON), "-m", "benchmarks.functions", str(folder), str(repeat)]
        found = json.loads(run([*command, *(["quick"] if settings.quick else [])]).out)
    if "why_not" in found:
        return Outcome(TITLE, ("skipped",), [], notes=[found["why_not"]])
    samples: Samples = found["samples"]
    ours, naive = found["packages"]["orderlake"], found["packages"]["naive"]
    sizes = list(samples["orderlake"][0])
    rows = [_row(samples, size, step) for size in sizes for step in STEPS if _has(samples["orderlake"], size, step)]
    rows += [_peaks(samples, size) for size in sizes]
    rows += [
        [f"package, MB {name}", ours[name] / MEGA, naive[name] / MEGA, ours[name] / naive[name]]
        for name in ("zipped", "unzipped")
    ]
    targets = [
        Target(f"{step}, {int(size):,} orders, {what}, ours ÷ naive", _ratio(samples, size, step, figure), limit)
        for step, limit in (("cold", 1), ("warm", 0.5))
        for size in sizes
        for figure, what in FIGURES.items()
        if _has(samples["naive"], size, step)
    ]
    targets += [Target(f"package {name}, ours ÷ naive", ours[name] / naive[name], 1) for name in ("zipped", "unzipped")]
    return Outcome(
        TITLE,
        COLUMNS,
        [[*row, *[None] * (len(COLUMNS) - len(row))] for row in rows],
        targets,
        [
            "ours commits four tables and a ledger, naive puts one file and remembers nothing: mind the calls",
            "calls, and those of them that followed one another, of ours and of naive's; here one takes 3 to 8 ms",
        ],
    )


def _has(samples: Sequence[Mapping[str, Any]], size: str, step: str) -> bool:
    return all(step in one[size] for one in samples)


def _middle(samples: Sequence[Mapping[str, Any]], size: str, step: str, what: str) -> float:
    return float(statistics.median(one[size][step][what] for one in samples))


def _row(samples: Samples, size: str, step: str) -> list[Cell]:
    """The medians of both, and the median of their ratios."""
    ours, naive = samples["orderlake"], samples["naive"]
    row: list[Cell] = [f"{step}, {int(size):,} orders"]
    alive = _has(naive, size, step)
    for what in FIGURES:
        row.append(_middle(ours, size, step, what))
        row += [_middle(naive, size, step, what), _ratio(samples, size, step, what)] if alive else ["killed", None]
    for what in ("calls", "trips"):
        counts = [_middle(each, size, step, what) for each in (ours, *([naive] if alive else []))]
        row.append(" / ".join(f"{count:.3g}" for count in counts))
    return row


def _peaks(samples: Samples, size: str) -> list[Cell]:
    """Resident memory; a function that was killed had all there is."""
    found: list[Cell] = [f"peak MB, {int(size):,} orders"]
    for each in (samples["orderlake"], samples["naive"]):
        alive = _has(each, size, "warm")
        found.append(statistics.median(one[size]["peak"] for one in each) if alive else "killed")
    return found


def _ratio(samples: Samples, size: str, step: str, what: str) -> float:
    """The median of the ratios within the rounds; CPU is counted in hundredths of a second."""
    pairs = zip(samples["orderlake"], samples["naive"], strict=True)
    return float(statistics.median(a[size][step][what] / max(b[size][step][what], 0.005) for a, b in pairs))
