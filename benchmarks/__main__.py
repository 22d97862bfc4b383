"""Runs the scenarios: `python -m benchmarks [--scenario NAME …] [--orders N] [--repeat N] [--quick] [--full]`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.data import Data
from benchmarks.equality import UnequalError
from benchmarks.measure import CommandFailedError
from benchmarks.scenarios import SCENARIOS
from benchmarks.settings import Settings, say
from benchmarks.subject import WrongLoadError

HERE = Path(__file__).resolve().parent
LATEST = HERE / "results" / "latest.json"
TARGET_ORDERS = 1_000_000


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure orderlake against its peers.")
    parser.add_argument("--scenario", nargs="+", metavar="NAME", default=list(SCENARIOS), help=", ".join(SCENARIOS))
    parser.add_argument("--orders", type=int, help="orders in the main file (default 1,000,000)")
    parser.add_argument("--repeat", type=int, help="paired repetitions (default 3)")
    parser.add_argument("--quick", action="store_true", help="100,000 orders, one repetition: a smoke run")
    parser.add_argument("--full", action="store_true", help="make the five-fold files whatever the free space")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="where generated files are kept")
    found = parser.parse_args(given)
    found.scenario = [name for word in found.scenario for name in chosen(parser, word)]
    return found


def chosen(parser: argparse.ArgumentParser, word: str) -> list[str]:
    """Give the scenarios a word names: `wide` names both layouts."""
    names = [name for name in SCENARIOS if name == word or name.startswith(f"{word}-")]
    if not names:
        parser.error(f"no scenario {word!r}; there are {', '.join(SCENARIOS)}")
    return names


def installed(package: str) -> str | None:
    """Give a package's version, or None when it was not installed as a package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def conditions(settings: Settings) -> dict[str, Any]:
    """Give what the figures depend on."""
    packages = ("orderlake", "duckdb", "pandas", "polars", "pyarrow", "dlt")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "orders": settings.orders,
        "repeat": settings.repeat,
        "quick": settings.quick,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": {name: installed(name) for name in packages},
    }


def main(given: list[str] | None = None) -> int:
    """Run, print and keep the outcomes; a scenario that breaks does not stop the others."""
    asked = arguments(given)
    quick = asked.quick
    data = asked.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        orders=asked.orders or (100_000 if quick else TARGET_ORDERS),
        repeat=asked.repeat or (1 if quick else 3),
        quick=quick,
        full=asked.full,
        data=Data(data),
        work=data / "work",
    )
    outcomes: dict[str, Any] = {}
    broken: list[str] = []
    missed: list[str] = []
    for name in asked.scenario:
        say(f"── {name}")
        try:
            outcome = SCENARIOS[name](settings)
        except (CommandFailedError, UnequalError, WrongLoadError) as error:
            print(f"{name}: BROKEN: {error}\n")
            broken.append(name)
            continue
        print(f"{outcome.text()}\n", flush=True)
        outcomes[name] = outcome.as_dict()
        missed += [f"{name}: {target}" for target in outcome.targets if not target.met]
    met = sum(len(outcome["targets"]) for outcome in outcomes.values()) - len(missed)
    print(f"{met} targets met, {len(missed)} missed, {len(broken)} scenarios broken")
    LATEST.parent.mkdir(exist_ok=True)
    if settings.orders != TARGET_ORDERS:
        print(f"the targets are set for {TARGET_ORDERS:,} orders: at {settings.orders:,} they are a hint at most")
    LATEST.write_text(json.dumps({**conditions(settings), "broken": broken, "scenarios": outcomes}, indent=1))
    return 1 if broken or (asked.strict and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
