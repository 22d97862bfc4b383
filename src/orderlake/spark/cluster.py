"""The cluster: a Spark context for a backfill, and what goes wrong there as errors of ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from orderlake.errors import ConfigError, MissingExtraError, StorageUnavailableError

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext

T = TypeVar("T")
R = TypeVar("R")
_JAVA: Final = (8, 11, 17)
_INSTALL: Final = "install one (Debian: apt-get install openjdk-17-jre-headless), or point JAVA_HOME at it"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_QUIET: Final = Path(__file__).with_name("log4j2.properties")
_BRIEF: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Java hands work to Python and its results back, and ends: compiling it well would take longer than it gives."""
_OWN: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.extraJavaOptions": f"{_BRIEF} -Dlog4j2.configurationFile={_QUIET.as_uri()}",
    "spark.executor.extraJavaOptions": _BRIEF,
}


class Cluster:
    """Runs functions on items, one task each, on the executors of one Spark application."""

    def __init__(self, master: str | None = None, conf: Mapping[str, str] | None = None) -> None:
        """Take the running Spark application (as under spark-submit, or in AWS Glue), or start one on `master`.

        MissingExtraError when pyspark is not installed, ConfigError when there is no Java for it.
        """
        self._master, self._conf = master, dict(conf or {})
        self._context: SparkContext | None = None
        self._is_ours = False

    @property
    def context(self) -> SparkContext:
        """The Spark context, begun when it is first asked for."""
        if self._context is None:
            self._context = self._begun()
        return self._context

    @property
    def slots(self) -> int:
        """How many tasks run at once."""
        return max(1, int(self.context.defaultParallelism))

    def each(self, work: Callable[[T], R], items: Iterable[T], name: str) -> Sequence[R]:
        """Run `work(item)` for each item as a task of its own; results in order. TransientError when Spark gives up."""
        todo = list(items)
        if not todo:
            return []
        self.context.setJobDescription(name)
        try:
            return self.context.parallelize(todo, len(todo)).map(work).collect()
        except Exception as error:
            said = _said(error)
            if said is None:
                raise
            raise StorageUnavailableError(f"Spark gave up on {name}: {said}") from error

    def close(self) -> None:
        """Stop the application, if it is ours."""
        if self._context is not None and self._is_ours:
            self._context.stop()
        self._context = None

    def _begun(self) -> SparkContext:
        try:
            from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            raise MissingExtraError(
                f"the Spark runner needs the extra `spark` ({error}): pip install 'orderlake[spark]'"
            ) from error
        running = SparkContext._active_spark_context  # noqa: SLF001 - the one way to ask for it and start none
        if running is not None:
            return running
        check_java(os.environ)
        conf = SparkConf()
        self._configure(conf)
        self._is_ours = True
        try:
            return SparkContext(conf=conf)
        except Exception as error:
            said = _said(error)
            if said is None:
                raise
            raise ConfigError(f"Spark does not start on {conf.get('spark.master')}: {said}") from error

    def _configure(self, conf: SparkConf) -> None:
        master = self._master or conf.get("spark.master") or "local[*]"
        settings = {"spark.app.name": "orderlake backfill", "spark.master": master, **_OWN}
        if urlsplit(master).hostname in _LOOPBACK or master.startswith("local"):
            # A machine's name need not lead anywhere, and nobody else has to be told of the driver.
            settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        for key, value in settings.items():
            conf.setIfMissing(key, value)
        conf.setMaster(master)
        for key, value in self._conf.items():
            conf.set(key, value)


def check_java(environment: Mapping[str, str]) -> None:
    """ConfigError when there is no Java that Spark runs on."""
    home = environment.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java", path=environment.get("PATH"))
    if java is None or not Path(java).is_file():
        where = f"JAVA_HOME is {home}, where there is no bin/java" if home else "there is no java here"
        raise ConfigError(f"Spark needs Java {_JAVA[-1]}, and {where}: {_INSTALL}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - JAVA_HOME's
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if found is not None and int(found[1]) not in _JAVA:
        raise ConfigError(f"Spark needs Java {_JAVA[-1]}, and {java} is Java {found[1]}: {_INSTALL}")


def _said(error: Exception) -> str | None:
    """What an error of Spark's says, in a line; None for an error of another kind."""
    if not type(error).__module__.startswith(("py4j", "pyspark")):
        return None
    lines = [line.strip() for line in str(error).splitlines()]
    ours = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line) and not line.startswith("py4j")]
    named = [line for line in ours if line.startswith("orderlake.")] or ours or [line for line in lines if line]
    return named[0] if named else type(error).__name__
