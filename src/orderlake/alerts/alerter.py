"""Tells each target, once for a run of loads, what went wrong in it. Whatever goes wrong with that stays here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from orderlake.alerts.alert import Alert, alert_of
from orderlake.alerts.record import Record
from orderlake.alerts.settings import targets_of
from orderlake.alerts.target import Target, UndeliveredError
from orderlake.config import Project
from orderlake.errors import LakeError
from orderlake.model.report import LoadReport

log = logging.getLogger("orderlake.alerts")
_PAUSES: Final = (0.5, 2.0)
"""Seconds before the second try, and before the third and last."""


def alerter_of(project: Project, now: Callable[[], str]) -> Alerter | None:
    """Who alerts of this project's loads, or None when nobody wants it; ConfigError when the settings are wrong."""
    if not project.alerts and (project.aws is None or not project.aws.alerts_topic):
        return None
    name = project.root.name if project.aws is None else project.aws.name
    return Alerter(name, targets_of(project), project.state / "alerts.db", now)


@dataclass
class Alerter:
    """Alerts of one lake's loads. `pause` waits between two tries."""

    project: str
    targets: Sequence[Target]
    path: Path
    now: Callable[[], str]
    pause: Callable[[float], None] = field(default=time.sleep)

    def tell(self, reports: Sequence[LoadReport], known: Mapping[str, LoadReport]) -> None:
        """Alert of a run by its reports; `known` is what the ledger said of the same sources as the run began.

        A file that is rejected as it was before is no news. Nothing is raised.
        """
        done = [report for report in reports if report.status == "loaded"]
        refused = [report for report in reports if report.status == "rejected" and not _is_known(report, known)]
        if all(alert_of(self.project, [*done, *refused], "", target.on) is None for target in self.targets):
            return  # nearly always: then not even the record is opened
        record: Record | None = None
        try:
            record = Record(self.path)
            self._tell(done, refused, record)
        except LakeError as error:  # what is to be told is worth more than that it was
            log.warning("alerts: what is sent cannot be kept: %s", error)
            self._tell(done, refused, None)
        finally:
            if record is not None:
                record.close()

    def _tell(self, done: Sequence[LoadReport], refused: Sequence[LoadReport], record: Record | None) -> None:
        at = self.now()
        news = [*done, *(refused if record is None else record.fresh(refused, at))]
        for target in self.targets:
            alert = alert_of(self.project, news, at, target.on)
            if alert is None:
                continue
            tries, error = self._deliver(target, alert)
            if error is not None:
                log.warning("alerts: %s was not told: %s. The load itself is complete", target.name, error)
            if record is not None:
                try:
                    record.sent(at, target.name, alert.text, tries, error)
                except LakeError as failed:  # it is told, and must not be told again
                    log.warning("alerts: what is sent cannot be kept: %s", failed)

    def trial(self) -> list[tuple[str, str | None]]:
        """Tell each target that this is a trial; what went wrong with it, None when nothing did."""
        text = f"orderlake {self.project}: this is a trial, nothing is wrong"
        alert = Alert(self.project, self.now(), (), text, (), (), {}, (), (), ())
        return [(target.name, self._deliver(target, alert)[1]) for target in self.targets]

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """The last alerts, newest last, with the error of each that did not get through."""
        if not self.path.exists():
            return []
        record = Record(self.path)
        try:
            return record.recent(limit)
        finally:
            record.close()

    def _deliver(self, target: Target, alert: Alert) -> tuple[int, str | None]:
        """Try, and try again where that may help; how often it was tried, and what went wrong in the end."""
        for tries, wait in enumerate((*_PAUSES, None), 1):
            try:
                target.deliver(alert)
            except UndeliveredError as error:
                if wait is None or not error.again:
                    return tries, str(error)
                self.pause(wait)
            except Exception as error:  # noqa: BLE001 - an entry point: a load must not notice, whatever it is
                return tries, type(error).__name__
            else:
                return tries, None
        raise AssertionError


def _is_known(report: LoadReport, known: Mapping[str, LoadReport]) -> bool:
    before = known.get(report.identity)
    return (
        before is not None
        and before.status == "rejected"
        and (before.reason, before.definition) == (report.reason, report.definition)
    )
