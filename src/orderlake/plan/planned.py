"""A plan: what `run` would do, file by file and table by table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orderlake.model.report import LoadReport


@dataclass(frozen=True, slots=True)
class Setback:
    """Records that would be set aside for one reason: how many, and the lines (else numbers) of the first of them."""

    field: str
    reason: str
    count: int
    lines: Sequence[int] = ()
    action: str = "quarantine"


@dataclass(slots=True)
class FilePlan:
    """What would become of one file: the report that `run` would give, and examples of what is behind it.

    `examples` has keys by fate (new, changed, unchanged, superseded), `differences` what changes in the rows of a key.
    `undeclared` and `absent` are fields that the file has and the pipeline does not, and the other way round, as far
    as the file was looked at: all of it, unless `looked` says how many records.
    """

    report: LoadReport
    is_keyed: bool = True
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    differences: Mapping[str, Sequence[str]] = field(default_factory=dict)
    setbacks: Sequence[Setback] = ()
    undeclared: Sequence[str] = ()
    absent: Sequence[str] = ()
    looked: int | None = None

    @property
    def changed(self) -> int:
        """Records that would take the place of older ones."""
        return min(sum(self.report.replaced.values()), self.report.loaded) if self.is_keyed else 0

    @property
    def new(self) -> int:
        """Records that would be new."""
        return self.report.loaded - self.changed

    @property
    def failing(self) -> list[Mapping[str, Any]]:
        """What the checks would find, those apart that hold."""
        return [check for check in self.report.checks if check["failed"]]

    @property
    def is_clean(self) -> bool:
        """Whether every record would load; a check that only warns is no obstacle."""
        return self.report.status != "rejected" and not self.report.quarantined

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        report = self.report
        return {
            "source": report.source,
            "pipeline": report.pipeline,
            "stream": report.stream,
            "status": report.status,
            "reason": report.reason,
            "bytes": report.bytes,
            "read": report.read,
            "new": self.new,
            "changed": self.changed,
            "unchanged": report.duplicate,
            "superseded": report.superseded,
            "set_aside": report.quarantined,
            "examples": {fate: list(keys) for fate, keys in self.examples.items()},
            "differences": {key: list(said) for key, said in self.differences.items()},
            "set_aside_why": [
                {"field": each.field, "reason": each.reason, "records": each.count, "lines": list(each.lines)}
                for each in self.setbacks
            ],
            "undeclared": list(self.undeclared),
            "absent": list(self.absent),
            "looked_at": self.looked,
            "checks": list(report.checks),
            "changes": list(report.changes),
            "tables": dict(report.tables),
        }


@dataclass(slots=True)
class TablePlan:
    """What would become of one table. A plain Parquet table's rows are not counted before: None."""

    name: str
    rows: int | None
    rows_then: int | None
    added: int
    bytes: int
    bytes_then: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "table": self.name,
            "rows": self.rows,
            "rows_then": self.rows_then,
            "rows_written": self.added,
            "bytes": self.bytes,
            "bytes_then": self.bytes_then,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What `run` would do. `seconds` is what finding out took: about what `run` would take."""

    files: Sequence[FilePlan]
    tables: Sequence[TablePlan]
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether no file would be rejected and no record set aside."""
        return all(file.is_clean for file in self.files)

    @property
    def reports(self) -> list[LoadReport]:
        """The reports that `run` would give."""
        return [file.report for file in self.files]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "clean": self.is_clean,
            "files": [file.as_dict() for file in self.files],
            "tables": [table.as_dict() for table in self.tables],
        }
