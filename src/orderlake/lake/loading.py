"""Loading: files in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from orderlake.errors import ConfigError, LakeError
from orderlake.lake.parts import Parts
from orderlake.model.report import LoadReport

if TYPE_CHECKING:
    from orderlake.maintain import MaintainReport
    from orderlake.model.source import SourceObject
    from orderlake.watching import Pace


class Loading(Parts):
    """Loads files into the tables."""

    on_maintained: Callable[[MaintainReport | LakeError], None] = staticmethod(lambda _: None)
    """Hears what maintenance after a load did, or what it failed of."""
    on_resumed: Callable[[SourceObject, int, int], None] = staticmethod(lambda *_: None)
    """Hears of a large file that an earlier run was broken off in: how many of its parts were staged before, of how
    many."""

    def run(
        self,
        paths: Sequence[str | os.PathLike[str]] = (),
        pipeline: str | None = None,
        on_report: Callable[[LoadReport], None] = lambda _: None,
        on_step: Callable[[int], None] = lambda _: None,
    ) -> list[LoadReport]:
        """Load these files, folders or patterns, or whatever is new under raw/; one report per file.

        A file that cannot be read is reported as rejected and the others load. Loading a file again
        changes nothing. Where it is time, the tables are looked after then, which fails no load.
        Raises ConfigError, NotFoundError, TransientError; never for bad data.
        """
        found = self.sources.find(paths)
        reports = self._loads.run(found, on_report, pipeline, on_step, on_resumed=self.on_resumed)
        self._look_after(reports)
        return reports

    def backfill(  # noqa: PLR0913 - as on the command line
        self,
        paths: Sequence[str | os.PathLike[str]],
        pipeline: str | None = None,
        on_report: Callable[[LoadReport], None] = lambda _: None,
        *,
        runner: Literal["local", "spark"] = "local",
        master: str | None = None,
        conf: Mapping[str, str] | None = None,
    ) -> list[LoadReport]:
        """Load many or large files: as `run` does, or on the Spark cluster of this `master`, with settings of Spark's.

        Without a master it is the one that the program was submitted to, or this machine. The tables are the same,
        whoever does it. Raises as `run` does; MissingExtraError or ConfigError when there is no Spark, or no Java.
        """
        if runner == "local":
            return self.run(paths, pipeline, on_report)
        from orderlake.spark import Cluster, SparkRunner  # noqa: PLC0415 - an optional extra

        sources = self.sources.find(paths)
        with SparkRunner(self._backends, Cluster(master, conf)) as on_spark:
            return self._loads.run(sources, on_report, pipeline, runner=on_spark)

    def load(
        self,
        sources: Sequence[SourceObject],
        on_report: Callable[[LoadReport], None] = lambda _: None,
        proceed: Callable[[], bool] = lambda: True,
    ) -> list[LoadReport]:
        """Load these source objects; `proceed` is asked before each group, and no ends the load there.

        A report per object, in the order given, those apart that were not begun. Raises as `run` does; `on_report` has
        heard then of what was done.
        """
        return self._loads.run(sources, on_report, proceed=proceed)

    def watch(
        self,
        wait: Callable[[float], bool],
        on_report: Callable[[LoadReport], None] = lambda _: None,
        on_error: Callable[[LakeError], None] = lambda _: None,
        pace: Pace | None = None,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Load what lands in raw/, each file once it is complete, until `wait(seconds)` gives True.

        `wait` sleeps for so long, or less when it is time to stop; the load in hand is finished
        first. `on_error` hears of a load that failed; it is tried again when that may help. `then` follows each round
        that loaded something, and so does maintenance, where it is time, as in `run`.
        """
        from orderlake.watching import EVERY_SECOND, Watch  # noqa: PLC0415 - `run` watches nothing

        if self._backends.is_remote:
            raise ConfigError("on AWS each new file announces itself, there is nothing to watch: leave --env aws out")

        def load(sources: Sequence[SourceObject]) -> None:
            self._look_after(self._loads.run(sources, on_report, on_resumed=self.on_resumed))

        follow = then or (lambda: None)
        Watch(lambda: self.sources.find(()), load, wait, on_error, pace or EVERY_SECOND, then=follow).run()

    def _look_after(self, reports: Sequence[LoadReport]) -> None:
        """Maintenance after loads; on AWS it is the workflow's."""
        if self._backends.is_remote or all(report.status != "loaded" for report in reports):
            return
        from orderlake.maintain import after_loads  # noqa: PLC0415 - `run` of loaded files maintains nothing

        try:
            done = after_loads(self._backends)
        except LakeError as error:
            self.on_maintained(error)
        else:
            if done is not None:
                self.on_maintained(done)

    def alerts(self, limit: int = 20) -> list[dict[str, Any]]:
        """The last alerts that were sent from here, newest last: at, target, text, tries, error (None: it got through).

        ConfigError when the settings of alerts are wrong.
        """
        return [] if self._loads.alerter is None else self._loads.alerter.recent(limit)

    def try_alerts(self) -> list[tuple[str, str | None]]:
        """Tell each target of alerts that this is a trial; what went wrong with it, None when nothing did."""
        return [] if self._loads.alerter is None else self._loads.alerter.trial()
