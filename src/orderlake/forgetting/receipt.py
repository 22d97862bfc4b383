"""What is written down of a person who was forgotten: hashes and counts, and nothing that tells who it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from orderlake.storage.local import LocalStore

FOLDER: Final = "receipts"
JOURNAL: Final = "forgetting"


@dataclass(frozen=True, slots=True)
class Counts:
    """What lost something, or would: files and records of them, rows per table, records in quarantine, snapshots."""

    raw_files: int = 0
    raw_records: int = 0
    tables: Mapping[str, int] = field(default_factory=dict)
    quarantine: int = 0
    drops: int = 0
    snapshots: int = 0
    files_deleted: int = 0
    derived: Sequence[str] = ()

    def plus(self, other: Counts) -> Counts:
        """Both: of an attempt that did not come to its end, and of the one that finishes it."""
        tables = {
            table: self.tables.get(table, 0) + other.tables.get(table, 0) for table in {*self.tables, *other.tables}
        }
        sums = {
            each: getattr(self, each) + getattr(other, each)
            for each in ("raw_files", "raw_records", "quarantine", "drops", "snapshots", "files_deleted")
        }
        return Counts(tables=dict(sorted(tables.items())), derived=sorted({*self.derived, *other.derived}), **sums)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


@dataclass(slots=True)
class Journal:
    """What an erasure has done so far, on disk: whoever finishes it adds to that."""

    file: Path
    begun: str
    done: Counts = field(default_factory=Counts)

    @staticmethod
    def of(state: Path, name: str, now: str) -> Journal:
        """The journal of this name, as far as it got."""
        file = state / JOURNAL / f"{name}.json"
        with suppress(FileNotFoundError):
            found = json.loads(file.read_text(encoding="utf-8"))
            return Journal(file, found["begun"], Counts(**found["done"]))
        return Journal(file, now)

    def add(self, counts: Counts) -> None:
        """Write down what was done."""
        self.done = self.done.plus(counts)
        written(self.file, {"begun": self.begun, "done": self.done.as_dict()})

    def close(self) -> None:
        """All is done."""
        self.file.unlink(missing_ok=True)


def written(file: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file, in one step and to stay."""
    LocalStore().write(str(file), f"{json.dumps(document, indent=2, ensure_ascii=False)}\n".encode())
