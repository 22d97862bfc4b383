"""What maintenance did, or would do, table by table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TableUpkeep:
    """One table's: its live files before and after, snapshots that went, and files that nothing needed.

    `deleted` of these are gone, `waiting` of them go when nothing has needed them for long enough; sizes are bytes.
    `note` says why something was left undone.
    """

    table: str
    files_before: int = 0
    files_after: int = 0
    expired: int = 0
    deleted: int = 0
    deleted_bytes: int = 0
    waiting: int = 0
    waiting_bytes: int = 0
    note: str = ""
    is_done: bool = True
    """Whether all of its small files were folded, as far as there was time."""

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to do, and nothing waits."""
        return self.files_before == self.files_after and not (self.expired or self.deleted or self.waiting or self.note)


@dataclass(frozen=True, slots=True)
class MaintainReport:
    """All tables' in name order; with `is_dry` nothing was done."""

    tables: tuple[TableUpkeep, ...]
    is_dry: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing was left for want of time."""
        return all(each.is_done for each in self.tables)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"dry_run": self.is_dry, "tables": [asdict(each) for each in self.tables]}
