"""What `verify` says: the disagreements it found, each with what to do about it, and what it has proven."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

Kind = Literal[
    "gone", "damaged", "changed", "foreign", "doubled", "missing", "unknown", "disagrees", "unaccounted", "orphan"
]
"""What is wrong with a file: it is gone, damaged, changed, or foreign. With rows: they are doubled, missing, unknown to
the index, or disagree with another table. With the history: records are unaccounted for. An orphan is a file that
nothing needs."""

RESTORE: Final = "restore it from a backup, or the bucket's earlier versions"
RELOAD: Final = "move the lake and .orderlake away, and `orderlake run` loads everything again from raw/"
LOST: Final = f"{RESTORE}; if there are none, {RELOAD}"
RECOUNT: Final = "if nobody has changed it by hand, this is a bug: keep .orderlake, and report it"


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement: a sentence that names the table or file, and the remedy. What does not apply is empty."""

    kind: Kind
    message: str
    remedy: str
    table: str = ""
    file: str = ""
    source: str = ""

    @property
    def is_harmless(self) -> bool:
        """Whether no answer is wrong for it: an orphan takes room, no more."""
        return self.kind == "orphan"


@dataclass(slots=True)
class Tally:
    """What was proven, counted on the way. A table counts once for each kind of proof that it passed."""

    tables: int = 0
    files: int = 0
    sealed: int = 0
    unsealed: int = 0
    metadata: int = 0
    unique: int = 0
    agreeing: int = 0
    twins: int = 0
    young: int = 0


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` counted, and every disagreement it found.

    `sources` and `records` are those of the load history, `files` the data files, of which `proven["sealed"]` have the
    bytes that were written and `proven["unsealed"]` come from before files were sealed.
    """

    sources: int
    records: int
    tables: int
    files: int
    found: tuple[Finding, ...] = ()
    proven: dict[str, int] = field(default_factory=dict)
    quick: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything agrees; orphans are told, and harm nobody."""
        return not self.findings

    @property
    def findings(self) -> tuple[str, ...]:
        """What is wrong, a sentence each."""
        return tuple(each.message for each in self.found if not each.is_harmless)

    @property
    def orphans(self) -> tuple[Finding, ...]:
        """Files that nothing needs."""
        return tuple(each for each in self.found if each.is_harmless)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values: `findings` are sentences, `found` the same and the orphans as objects."""
        return {
            "ok": self.ok,
            "quick": self.quick,
            "sources": self.sources,
            "records": self.records,
            "tables": self.tables,
            "files": self.files,
            "proven": dict(self.proven),
            "findings": list(self.findings),
            "found": [asdict(each) for each in self.found],
        }
