"""One alert: what happened in one run of loads, as data and as a few lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from orderlake.model.report import LoadReport, added
from orderlake.values import counted

Kind = Literal["rejected", "check", "quarantined"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_LISTED: Final = 20
"""Of each kind that are listed; how many there are is told all the same."""
_LINES: Final = 5
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened: `on` names its kinds, `rejected`, `checks` and `quarantined` list the first of each.

    No record's text and no value of a record is in it: alerts go to places where those do not belong.
    """

    project: str
    at: str
    on: tuple[Kind, ...]
    text: str
    pipelines: tuple[str, ...]
    loads: tuple[str, ...]
    counts: Mapping[str, int]
    rejected: tuple[Mapping[str, Any], ...]
    checks: tuple[Mapping[str, Any], ...]
    quarantined: tuple[Mapping[str, Any], ...]

    @property
    def subject(self) -> str:
        """Its first line."""
        return self.text.split("\n", 1)[0]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def alert_of(project: str, reports: Sequence[LoadReport], at: str, on: Sequence[Kind] = KINDS) -> Alert | None:
    """The alert of a run's reports, as far as these kinds go; None when nothing of the kind has happened."""
    rejected = [report for report in reports if report.status == "rejected"] if "rejected" in on else []
    checks = [each for report in reports for each in _failing(report)] if "check" in on else []
    aside = [report for report in reports if report.quarantined] if "quarantined" in on else []
    happened: dict[Kind, int] = {"rejected": len(rejected), "check": len(checks), "quarantined": len(aside)}
    kinds = tuple(kind for kind, count in happened.items() if count)
    if not kinds:
        return None
    counts = _counts(reports)
    lines = [f"orderlake {project}: {_headline(rejected, checks, aside)}"]
    lines += _few([f"rejected {report.source}: {_line(report.reason or 'it cannot be read')}" for report in rejected])
    lines += _few([_check_line(check) for check in checks])
    lines += _few([f"{counted(report.quarantined, 'record')} set aside from {report.source}" for report in aside])
    return Alert(
        project,
        at,
        kinds,
        "\n".join(lines),
        tuple(dict.fromkeys(report.pipeline for report in reports if report.pipeline)),
        tuple(dict.fromkeys(report.load_id for report in reports))[:_LISTED],
        counts,
        tuple(_rejection(report) for report in rejected[:_LISTED]),
        tuple(checks[:_LISTED]),
        tuple(
            {"source": report.source, "records": report.quarantined, "load_id": report.load_id}
            for report in aside[:_LISTED]
        ),
    )


def _headline(rejected: Sequence[LoadReport], checks: Sequence[Mapping[str, Any]], aside: Sequence[LoadReport]) -> str:
    parts = [
        f"{counted(len(rejected), 'file')} rejected" if rejected else "",
        f"{counted(len({(check['table'], check['name']) for check in checks}), 'check')} failed" if checks else "",
        f"{counted(sum(report.quarantined for report in aside), 'record')} set aside" if aside else "",
    ]
    return ", ".join(part for part in parts if part)


def _failing(report: LoadReport) -> list[dict[str, Any]]:
    """The checks that something failed, less their examples; each with the file that it was of."""
    return [
        {"source": report.source, "load_id": report.load_id, **{key: check.get(key) for key in _CHECK}}
        for check in report.checks
        if int(check.get("failed") or 0) > 0
    ]


_CHECK: Final = ("name", "table", "kind", "on_fail", "checked", "failed", "message")


def _check_line(check: Mapping[str, Any]) -> str:
    message = f": {_line(str(check['message']))}" if check.get("message") else ""
    name = ".".join(str(check[key]) for key in ("table", "name") if check.get(key))
    return f"check {name} ({check['on_fail']}): {check['failed']} of {check['checked']} in {check['source']}{message}"


def _rejection(report: LoadReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "pipeline": report.pipeline,
        "reason": _line(report.reason or "it cannot be read"),
        "load_id": report.load_id,
    }


def _counts(reports: Sequence[LoadReport]) -> dict[str, int]:
    files = {
        "files": len(reports),
        "files_loaded": sum(report.status == "loaded" for report in reports),
        "files_rejected": sum(report.status == "rejected" for report in reports),
        "checks_failed": sum(len(_failing(report)) for report in reports),
    }
    return files | added(reports)


def _few(lines: Sequence[str]) -> list[str]:
    return [*lines[:_LINES], *([f"and {len(lines) - _LINES:,} more"] if len(lines) > _LINES else [])]


def _line(text: str) -> str:
    """A text on one line, of bounded length, without what steers a terminal."""
    plain = "".join(mark if mark.isprintable() else " " for mark in text)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
