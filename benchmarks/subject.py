"""orderlake as the benchmark drives it: a project folder and its command line."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Sample, run

WIDE = Path(__file__).with_name("wide.yaml")
WIDE_TABLE = "orders_parquet_datalake"


class WrongLoadError(Exception):
    """A load did not do what its scenario measures."""


def executable() -> str:
    """Give the installed command, beside the interpreter that runs the benchmark."""
    return str(Path(sys.executable).with_name("orderlake"))


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder; `wide` keeps only the wide table in its pipeline, `narrow` leaves that one out."""

    folder: Path
    wide: bool = False
    narrow: bool = False

    def create(self, workers: int | None = None) -> None:
        """Start anew: remove what is there and run `orderlake init`; `workers` read shares of a file at once."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        run([executable(), "init", str(self.folder), "--pipeline", "orders"])
        if self.wide:
            shutil.copyfile(WIDE, self.folder / "pipelines" / "orders.yaml")
        if self.narrow:
            file = self.folder / "pipelines" / "orders.yaml"
            text = file.read_text(encoding="utf-8")
            before, _, rest = text.partition(f"\n      {WIDE_TABLE}:")
            file.write_text(f"{before}\n\nreconcile:{rest.partition('reconcile:')[2]}", encoding="utf-8")

        if workers is not None:
            with (self.folder / "orderlake.yaml").open("a", encoding="utf-8") as settings:
                settings.write(f"\nworkers: {workers}\n")

    def backfill(self, file: Path, master: str) -> list[str]:
        """Give the command that loads a file on a Spark cluster."""
        on = ["--runner", "spark", "--master", master, "--conf", "spark.executor.memory=1g"]
        return [executable(), "--project", str(self.folder), "backfill", str(file), *on, "--json"]

    def load(self, *files: Path) -> list[str]:
        """Give the command that loads the files."""
        return [executable(), "--project", str(self.folder), "run", *map(str, files), "--json"]

    def maintain(self) -> list[str]:
        """Give the command that looks after the tables."""
        return [executable(), "--project", str(self.folder), "maintain", "--json"]

    def ask(self) -> list[str]:
        """Give the command that asks the tables the questions."""
        return [sys.executable, "-m", "benchmarks.ask", str(self.folder)]

    @property
    def wide_glob(self) -> str:
        """Where the wide table's files are."""
        return str(self.folder / "lake" / WIDE_TABLE / "*.parquet")

    def keep(self, backup: Path) -> None:
        """Copy the project aside."""
        shutil.rmtree(backup, ignore_errors=True)
        shutil.copytree(self.folder, backup)

    def restore(self, backup: Path) -> None:
        """Put the copy back at the same path, which its tables hold as an absolute one."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(backup, self.folder)

    def commits(self) -> dict[str, int]:
        """Count the commits of each Iceberg table: its last sequence number, which expiry does not lower."""
        counts: dict[str, int] = {}
        for path in self.folder.glob("**/metadata/*.metadata.json"):
            number = json.loads(path.read_bytes()).get("last-sequence-number", 0)
            table = path.parent.parent.name
            counts[table] = max(number, counts.get(table, 0))
        return counts


def reports(sample: Sample) -> list[Mapping[str, Any]]:
    """Read the load reports a `run --json` printed: a list of them, or one after the other."""
    found: list[Mapping[str, Any]] = []
    rest = sample.out.strip()
    try:
        while rest:
            document, end = json.JSONDecoder().raw_decode(rest)
            found += document if isinstance(document, list) else [document]
            rest = rest[end:].lstrip()
    except json.JSONDecodeError:
        message = f"no load reports, but {rest[-500:]!r}"
        raise WrongLoadError(message) from None
    return found


def require(sample: Sample, status: str, **counts: int) -> None:
    """Raise unless every load ended with this status and, summed over the loads, these counts."""
    found = reports(sample)
    statuses = {report.get("status") for report in found}
    sums = {name: sum(report.get(name, 0) for report in found) for name in counts}
    if statuses != {status} or sums != counts:
        message = f"expected {status} {counts}, found {statuses} {sums}: {sample.out[-500:]}"
        raise WrongLoadError(message)
