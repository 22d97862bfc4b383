"""Loads and builds, told of to whoever wants OpenLineage events; where nobody does, that costs nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from orderlake.errors import DataError
from orderlake.loading import Loader, Resumed
from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.runner import Runner
from orderlake.wiring import Backends, utc_now

if TYPE_CHECKING:
    from orderlake.alerts import Alerter
    from orderlake.building.builder import Options
    from orderlake.building.report import BuildReport, Step
    from orderlake.telling.teller import Teller


class Loads:
    """One lake's loads and builds."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    def run(  # noqa: PLR0913 - as Loader
        self,
        sources: Sequence[SourceObject],
        on_report: Callable[[LoadReport], None],
        pipeline: str | None = None,
        on_step: Callable[[int], None] = lambda _: None,
        proceed: Callable[[], bool] = lambda: True,
        *,
        on_resumed: Resumed = lambda *_: None,
        runner: Runner | None = None,
    ) -> list[LoadReport]:
        """Load, as Loader does, and alert of what went wrong, where that is wanted.

        MissingExtraError when the project wants events and the client is not installed, ConfigError when its alerts
        are wrong: before anything is loaded.
        """
        loader = Loader(self._backends, on_report, on_step, proceed, on_resumed=on_resumed, runner=runner)
        return self._told(loader, sources, pipeline)

    def again(
        self,
        sources: Sequence[SourceObject],
        on_report: Callable[[LoadReport], None],
        pipeline: str,
        on_step: Callable[[int], None] = lambda _: None,
    ) -> list[LoadReport]:
        """Load sources although they were rolled back."""
        loader = Loader(self._backends, on_report, on_step, again=frozenset(source.identity for source in sources))
        return self._told(loader, sources, pipeline)

    def _told(self, loader: Loader, sources: Sequence[SourceObject], pipeline: str | None) -> list[LoadReport]:
        with self._alerting(loader):
            if self.teller is None:
                return loader.run(sources, pipeline)
            with self.teller.hearing(loader.on_report) as hearing:
                loader.on_report, loader.on_begin = hearing.report, hearing.begin
                return loader.run(sources, pipeline)

    @contextmanager
    def _alerting(self, loader: Loader) -> Iterator[None]:
        """Hear what a load reports, and alert of it at its end; of one that failed, as far as it came."""
        if self.alerter is None:
            yield
            return
        heard: list[LoadReport] = []
        tell = loader.on_report

        def hear(report: LoadReport) -> None:
            heard.append(report)
            tell(report)

        loader.on_report = hear
        try:
            yield
        except Exception:
            self.alerter.tell(heard, loader.known)
            raise
        self.alerter.tell(heard, loader.known)

    def build(self, options: Options, on_step: Callable[[Step], None]) -> BuildReport:
        """Build the marts, as orderlake.building does; a build that failed is told of too."""
        from orderlake.building.build import build  # noqa: PLC0415 - a load builds nothing

        teller = self.teller
        try:
            report = build(self._backends, options, on_step)
        except DataError:
            if teller is not None:
                teller.built()
            raise
        if teller is not None and report.status == "published":
            teller.built()
        return report

    @cached_property
    def alerter(self) -> Alerter | None:
        """Who alerts of them, or None when nobody wants it."""
        project = self._backends.project
        if not project.alerts and (project.aws is None or not project.aws.alerts_topic):
            return None
        from orderlake.alerts import alerter_of  # noqa: PLC0415 - most projects alert nobody

        return alerter_of(project, utc_now)

    @cached_property
    def teller(self) -> Teller | None:
        """Who tells of them, or None when nobody listens."""
        if not self._backends.project.lineage and not any(name.startswith("OPENLINEAGE_") for name in os.environ):
            return None
        from orderlake.telling.teller import teller  # noqa: PLC0415 - most projects tell nobody

        return teller(self._backends)

    def close(self) -> None:
        """Send what is left to be told, within a moment."""
        found = self.__dict__.get("teller")
        if found is not None:
            found.close()
