"""The life of two tables at growing sizes, with orderlake and by hand: load, merge of 1%, maintenance, questions."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import CommandFailedError, Sample, run, warm
from benchmarks.report import Cell, Outcome, Target
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, WrongLoadError, require

STEPS = ("load", "merge", "compact", "ask")
PEERS = ("duckdb", "polars", "spark")
SIZES = (100_000, 1_000_000, 10_000_000)
SHARE = 100
FLAT = 1.3
Command = Callable[[str], Sequence[str]]


def lifecycle(settings: Settings) -> Outcome:
    """Run each way through its life at each size, one after the other, and compare what they answer."""
    sizes = SIZES[:1] if settings.quick else SIZES if settings.large else SIZES[:2]
    found: dict[tuple[int, str, str], Sample] = {}
    asked: dict[tuple[int, str], dict[str, Any]] = {}
    notes: list[str] = []
    for size in sizes:
        source = settings.data.orders(size, "ndjson")
        changes = settings.data.changes(size, size // SHARE)["spread lines"]
        warm(source)
        with settings.workspace("lifecycle") as folder:
            for way in ("orderlake", *PEERS):
                place = folder / way
                try:
                    samples = _life(way, place, size, source, changes)
                except CommandFailedError as error:
                    if way == "orderlake":
                        raise
                    notes.append(f"{way}, {size:,} orders: failed: {str(error).strip().splitlines()[-1][:200]}")
                    continue
                finally:
                    shutil.rmtree(place, ignore_errors=True)
                found |= {(size, way, step): sample for step, sample in samples.items()}
                asked[size, way] = json.loads(samples["ask"].out)
        _same(size, asked, notes)
    return _outcome(sizes, found, asked, notes)


def _life(way: str, folder: Path, size: int, source: Path, changes: Path) -> dict[str, Sample]:
    commands = _ours(folder) if way == "orderlake" else _theirs(way, folder)
    files = {"load": source, "merge": changes}
    samples = {}
    for step in STEPS:
        command = [*commands(step)]
        if step in files:
            command[command.index("FILE")] = str(files[step])
        samples[step] = sample = run(command)
        say(f"{size:,} {way} {step}: {sample.cpu:.1f} CPU s, {sample.wall:.1f} s, {sample.peak:.0f} MB")
        if way == "orderlake" and step in files:
            count = size if step == "load" else size // SHARE
            require(sample, "loaded", read=count, loaded=count)
    return samples


def _ours(folder: Path) -> Command:
    project = Project(folder, narrow=True)
    project.create()
    commands = {
        "load": project.load(Path("FILE")),
        "merge": project.load(Path("FILE")),
        "compact": project.maintain(),
        "ask": project.ask(),
    }
    return commands.__getitem__


def _theirs(way: str, folder: Path) -> Command:
    folder.mkdir()
    module = [sys.executable, "-m", f"benchmarks.peers.lifecycle_{way}"]

    def command(step: str) -> Sequence[str]:
        return [*module, step, *(["FILE"] if step in ("load", "merge") else []), str(folder)]

    return command


def _same(size: int, asked: dict[tuple[int, str], dict[str, Any]], notes: list[str]) -> None:
    """Raise where DuckDB's answers by hand are others; tell where another engine's are."""
    ours = {name: each["answer"] for name, each in asked[size, "orderlake"].items()}
    for way in PEERS:
        if (size, way) not in asked:
            continue
        other = [name for name, each in asked[size, way].items() if each["answer"] != ours[name]]
        if other and way == "duckdb":
            raise WrongLoadError(f"{size:,} orders: {', '.join(other)} differ from what DuckDB answers by hand")
        if other:
            notes.append(f"{way}, {size:,} orders: {', '.join(other)} differ, in sums of floats read as amounts")


def _outcome(
    sizes: Sequence[int],
    found: dict[tuple[int, str, str], Sample],
    asked: dict[tuple[int, str], dict[str, Any]],
    notes: list[str],
) -> Outcome:
    rows: list[list[Cell]] = []
    for size in sizes:
        for way in ("orderlake", *PEERS):
            samples = [found.get((size, way, step)) for step in STEPS]
            if any(samples):
                seconds = sum(each["seconds"] for each in asked[size, way].values())
                walls = [None if each is None else each.wall for each in samples[:-1]]
                cpus = [None if each is None else each.cpu for each in samples[:-1]]
                peak = max(each.peak for each in samples if each is not None)
                rows.append([f"{size:,} {way}", *walls, *cpus, seconds, peak])
    # A process's start is no cost of an order: the smallest size is too small to show one.
    first, last = sizes[0], sizes[-1]
    targets = [
        Target(f"CPU per order, {step}, {last:,} ÷ {middle:,}", _per_order(found, last, step, "cpu") / base, FLAT)
        for middle in sizes[:-1]
        for step in ("load", "merge", "compact")
        for base in [_per_order(found, middle, step, "cpu")]
    ]
    cores = os.cpu_count()
    return Outcome(
        f"the life of two tables, {first:,} to {last:,} orders, {cores} cores",
        ("way", "load s", "merge s", "compact s", "load CPU", "merge CPU", "compact CPU", "questions s", "peak MB"),
        rows,
        targets,
        [
            "merge: one order in a hundred, spread over all months; compact: `orderlake maintain`",
            "questions: the least seconds of five times, five questions, summed",
            "orderlake checks, sets aside and accounts for every record, the others do not",
            *notes,
        ],
        {f"{size:,} {way} {step}": [sample] for (size, way, step), sample in found.items()},
    )


def _per_order(found: dict[tuple[int, str, str], Sample], size: int, step: str, what: str) -> float:
    return float(getattr(found[size, "orderlake", step], what)) / size
