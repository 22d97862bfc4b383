"""The benchmark's files: made on first use, in child processes, and kept for the next run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import run

SEED = 20240101
SMALL_ORDERS = 12
"""Orders in a small file: what one event usually announces."""


@dataclass(frozen=True, slots=True)
class Data:
    """A folder of generated files; each method gives paths and makes the files that are missing."""

    folder: Path

    def orders(self, count: int, layout: str) -> Path:
        """One file of `count` orders: an array (`json`) or NDJSON (`ndjson`)."""
        path = self.folder / f"orders_{count}.{layout}"
        return self._built([path], ["orders", str(count), layout, str(path)])[0]

    def faulty(self, count: int, one_in: int) -> Path:
        """An array of `count` orders, of which one in so many has a line of no quantity."""
        source = self.orders(count, "json")
        path = self.folder / f"faulty_{count}_{one_in}.json"
        return self._built([path], ["faulty", str(source), str(one_in), str(path)], source)[0]

    def small_files(self, files: int, orders: int = SMALL_ORDERS) -> list[Path]:
        """Small files of so many distinct orders each, in the order of their names."""
        folder = self.folder / (f"small_{files}" if orders == SMALL_ORDERS else f"small_{files}_{orders}")
        paths = [folder / f"orders_{number:05d}.json" for number in range(files)]
        source = self.orders(files * orders, "ndjson")
        return self._built(paths, ["slices", str(source), str(orders), str(folder)], source)

    def changes(self, base: int, count: int) -> dict[str, Path]:
        """Files of `count` orders upon a base: `append` (new ids), `recent`, `spread` (corrections; NDJSON too).

        A correction keeps an order's id and date and changes its customer's address. An appended
        order is a copy, under a new id, of one of the most recent.
        """
        source = self.orders(base, "ndjson")
        folder = self.folder / f"changes_{base}_{count}"
        paths = {name: folder / f"{name}_orders.json" for name in ("append", "recent", "spread")}
        paths["spread lines"] = folder / "spread_orders.ndjson"
        self._built(list(paths.values()), ["changes", str(source), str(count), str(folder)], source)
        return paths

    def _built(self, paths: list[Path], recipe: Sequence[str], source: Path | None = None) -> list[Path]:
        """Build when a file is missing or older than its source; a correction has to be the newer file."""
        oldest = source.stat().st_mtime if source is not None else 0.0
        if any(not path.exists() or path.stat().st_mtime < oldest for path in paths):
            print(f"  making {paths[-1].relative_to(self.folder)}", file=sys.stderr)
            self.folder.mkdir(parents=True, exist_ok=True)
            run([sys.executable, "-m", "benchmarks.build", *recipe])
        return paths
