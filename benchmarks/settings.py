"""What one run of the benchmark was asked to do, as every scenario sees it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import Data

LAYOUTS = ("json", "ndjson")
_ENOUGH_FOR_LARGE = 12 << 30


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes, repetitions and folders. `full` allows the five-fold files whatever the free space."""

    orders: int
    repeat: int
    quick: bool
    full: bool
    data: Data
    work: Path

    @property
    def large(self) -> bool:
        """Whether the five-fold files may be made."""
        return self.full or shutil.disk_usage(self.data.folder).free > _ENOUGH_FOR_LARGE

    @contextmanager
    def workspace(self, name: str) -> Iterator[Path]:
        """Give an empty folder and remove it afterwards."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def say(line: str) -> None:
    """Tell the one who waits how far it is."""
    print(f"  {line}", file=sys.stderr, flush=True)
