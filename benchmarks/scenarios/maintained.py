"""Questions to a maintained table beside an ideal layout, and after 5,000 small loads beside one large one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import run
from benchmarks.report import Outcome, Target
from benchmarks.settings import Settings, say
from benchmarks.subject import Project, WrongLoadError, require

LOADS, QUICK_LOADS = 5_000, 200
ORDERS = 200
"""Orders of each small load."""
ROUNDS = 5
IDEAL, ONE, MANY, MAINTAINED = "ideal Parquet", "one load, maintained", "many loads", "many loads, maintained"


def maintained(settings: Settings) -> Outcome:
    """Make the same tables in three ways, and ask them in turn, before and after maintenance."""
    loads = QUICK_LOADS if settings.quick else LOADS
    orders = loads * ORDERS
    rounds = max(ROUNDS, settings.repeat)
    with settings.workspace("maintained") as folder:
        one, many, ideal = Project(folder / "one", narrow=True), Project(folder / "many", narrow=True), folder / "ideal"
        source = settings.data.orders(orders, "ndjson")
        ideal.mkdir()
        by_hand = [sys.executable, "-m", "benchmarks.peers.lifecycle_duckdb"]
        run([*by_hand, "load", str(source), str(ideal)])
        run([*by_hand, "compact", str(ideal)])
        one.create()
        require(run(one.load(source)), "loaded", loaded=orders)
        run(one.maintain())
        seconds = _loads(folder, many, settings.data.small_files(loads, ORDERS))
        commands = {IDEAL: [*by_hand, "ask", str(ideal)], ONE: one.ask(), MANY: many.ask()}
        before, files = _asked(commands, rounds), {MANY: _files(many), ONE: _files(one)}
        upkeep = run(many.maintain())
        after = _asked(commands, rounds)
        files[MAINTAINED] = _files(many)
    shown = {IDEAL: after[IDEAL], ONE: after[ONE], MANY: before[MANY], MAINTAINED: after[MANY]}
    questions = list(shown[IDEAL][0])
    for way, found in shown.items():
        other = [name for name in questions if found[0][name]["answer"] != shown[IDEAL][0][name]["answer"]]
        if other:
            raise WrongLoadError(f"{way} answers otherwise: {', '.join(other)}")
    return Outcome(
        f"maintained tables: {orders:,} orders, by one load and by {loads:,}",
        ("table", *(f"{name} ms" for name in questions), "files"),
        [
            [way, *(1000 * median(each[name]["seconds"] for each in found) for name in questions), files.get(way)]
            for way, found in shown.items()
        ],
        [
            Target("questions, one load and maintenance ÷ ideal Parquet", _ratio(after, ONE, IDEAL), 1.1),
            Target("questions, many loads and maintenance ÷ one load", _ratio(after, MANY, ONE), 1.2),
        ],
        [
            f"many loads before maintenance ÷ one load: {_ratio(before, MANY, ONE):.2f}",
            f"{loads:,} loads took {seconds:.0f} s, maintenance after them {upkeep.wall:.1f} s",
            "ideal: one sorted file of each month, by hand; ratios: medians over the rounds, of all questions' seconds",
        ],
        {"maintenance after many loads": [upkeep]},
    )


def _asked(commands: dict[str, list[str]], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Ask each in turn, a process each time."""
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in commands}
    for turn in range(rounds):
        for way, command in commands.items():
            found[way].append(json.loads(run(command).out))
        say(f"asked {turn + 1}/{rounds}")
    return found


def _loads(folder: Path, project: Project, files: list[Path]) -> float:
    project.create()
    listing = folder / "files.txt"
    listing.write_text("\n".join(map(str, files)), encoding="utf-8")
    sample = run([sys.executable, "-m", "benchmarks.successive", str(project.folder), str(listing)])
    say(f"{len(files):,} loads: {sample.wall:.0f} s")
    return sample.wall


def _files(project: Project) -> float:
    """Count the live data files."""
    found = json.loads(run([*project.load()[:3], "tables", "--json"]).out)
    return float(sum(table["files"] for table in found if table["name"] in ("orders", "order_lines")))


def _ratio(asked: dict[str, list[dict[str, Any]]], above: str, below: str) -> float:
    def total(found: dict[str, Any]) -> float:
        return sum(float(each["seconds"]) for each in found.values())

    return median(total(a) / total(b) for a, b in zip(asked[above], asked[below], strict=True))
