"""A real Spark cluster on this machine: a master and two workers, each a process of its own, on loopback addresses.

The workers have addresses of their own, as on two machines: Spark runs a second copy of a task elsewhere only.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import pyspark

HOSTS: Final = ("127.0.0.1", "127.0.0.2")
_SPARK: Final = Path(pyspark.__file__).parent
_PATIENCE: Final = 120
CONF: Final = {
    "spark.executor.memory": "512m",
    "spark.driver.memory": "512m",
    # A machine that is shared takes its time.
    "spark.network.timeout": "600s",
}


class Standalone:
    """A running cluster: the URL of its `master`, and its workers, which can be started anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: dict[str, subprocess.Popen[str]] = {}
        line = self._start("master", "master.Master", "--host", HOSTS[0], "--port", "0", says=r"spark://\S+")
        self.master = line
        self.revive()

    def revive(self) -> None:
        """Start each worker that is not alive, and wait until the master knows it."""
        for number, host in enumerate(HOSTS):
            name = f"worker-{number}"
            process = self._processes.get(name)
            if process is None or process.poll() is not None:
                where = ("--host", host, "--cores", "1", "--memory", "600m", "--work-dir", str(self.folder / name))
                self._start(name, "worker.Worker", *where, self.master, says="Successfully registered with master")

    def alive(self) -> int:
        """How many workers are alive."""
        return sum(process.poll() is None for name, process in self._processes.items() if name != "master")

    def stop(self) -> None:
        """Stop all of it."""
        for process in reversed(self._processes.values()):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes.values():
            process.wait(_PATIENCE)

    def _start(self, name: str, what: str, *words: str, says: str) -> str:
        command = [str(_SPARK / "bin" / "spark-class"), f"org.apache.spark.deploy.{what}", "--webui-port", "0", *words]
        env = {
            **os.environ,
            "SPARK_HOME": str(_SPARK),
            "SPARK_LOCAL_IP": words[1],
            "SPARK_LOCAL_DIRS": str(self.folder / f"{name}-scratch"),
            "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": sys.executable,
        }
        process = subprocess.Popen(
            command, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
        )
        self._processes[name] = process
        assert process.stderr is not None
        return _heard(process.stderr, says, name)


def _heard(said: IO[str], says: str, name: str) -> str:
    """What a process says that matches; it is listened to from then on, so that it never waits to be heard."""
    lines: list[str] = []
    for line in said:
        lines.append(line)
        if found := re.search(says, line):
            threading.Thread(target=_drained, args=(said,), daemon=True).start()
            return found[0]
    raise AssertionError(f"the {name} ended: {''.join(lines[-20:])}")


def _drained(said: IO[str]) -> None:
    with said:
        for _ in said:
            pass


@contextmanager
def standalone(folder: Path) -> Iterator[Standalone]:
    """A cluster that works in a folder, as long as it is needed."""
    cluster = Standalone(folder)
    try:
        yield cluster
    finally:
        cluster.stop()
