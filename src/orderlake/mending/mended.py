"""What became of a record that was mended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from orderlake.model.check import complaint

Outcome = Literal["loaded", "superseded", "duplicate", "quarantined", "rejected"]


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of a mended record: `mended` is its file, `outcome` how that loaded, `reason` why it did not.

    `is_new` is False when this text was tried before, and nothing was loaded.
    """

    id: str
    source: str
    position: int
    mended: str
    outcome: Outcome
    field: str
    reason: str
    load_id: str
    is_new: bool

    @property
    def is_closed(self) -> bool:
        """Whether the record has left the quarantine."""
        return self.outcome in ("loaded", "superseded", "duplicate")

    @property
    def said(self) -> str:
        """What became of it, for people."""
        if self.outcome == "quarantined":
            return f"set aside again: {complaint(self.field, self.reason)}"
        told = {
            "loaded": "loaded",
            "superseded": "loaded, and outdone by a newer version of it that is in the tables",
            "duplicate": "loaded, and equal to what is in the tables",
            "rejected": f"rejected: {self.reason}",
        }[self.outcome]
        return told if self.is_new else f"{told} (nothing is new: this text was tried before)"

    def as_dict(self) -> dict[str, object]:
        """JSON-ready values."""
        return asdict(self)
