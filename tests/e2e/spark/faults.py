"""Tasks that fail, hang or die after they have done their work: what they wrote is there, and must not count."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pyspark import TaskContext, cloudpickle

from orderlake.spark import Cluster

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # executors know no tests

PATIENCE = 60


class FaultyCluster(Cluster):
    """A cluster that shares another's application, and whose tasks `fault` wraps, by the name of their stage."""

    def __init__(self, other: Cluster) -> None:
        super().__init__()
        self.other = other
        self.of_one = False
        """Whether a task that is alone is wrapped too."""
        self.counts: dict[str, int] = {}
        """How many tasks the last stage of each name had."""
        self.faults: dict[str, Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = {}

    @property
    def context(self) -> Any:
        return self.other.context

    def each(self, work: Callable[[Any], Any], items: Iterable[Any], name: str) -> Sequence[Any]:
        todo = list(items)
        self.counts[name] = len(todo)
        if name in self.faults and (len(todo) > 1 or self.of_one):  # of a task that is alone Spark starts no twin
            work = self.faults[name](work)
        return super().each(work, todo, name)

    def close(self) -> None:
        """The application goes on."""


@dataclass(frozen=True)
class Once:
    """Does the work of all tasks, and to the first attempt of the first something more."""

    work: Callable[[Any], Any]
    folder: Path
    marks: ClassVar[tuple[str, ...]]
    """What it leaves in the folder."""

    def __call__(self, item: Any) -> Any:
        done = self.work(item)
        task = TaskContext.get()
        assert task is not None
        if task.partitionId() == 0:
            self.then(task)
        return done

    def then(self, task: TaskContext) -> None:
        raise NotImplementedError

    def is_first(self, what: str) -> bool:
        try:
            (self.folder / what).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


class Failing(Once):
    """The first attempt fails once it has written everything."""

    marks = ("failed",)

    def then(self, task: TaskContext) -> None:
        if task.attemptNumber() == 0:
            (self.folder / "failed").touch()
            raise RuntimeError("an attempt that fails at the very end")


class Killing(Once):
    """The first attempt kills its executor, and the worker that started it, once it has written everything."""

    marks = ("killed",)

    def then(self, task: TaskContext) -> None:
        if self.is_first("killed"):
            executor = _parent(os.getppid())  # between them is the daemon that forks Python processes
            for process in (_parent(executor), executor):
                os.kill(process, signal.SIGKILL)
            time.sleep(PATIENCE)  # it does not get so far


class Hanging(Once):
    """The first attempt hangs once it has written everything, until its twin is done."""

    marks = ("hung", "twin")

    def then(self, task: TaskContext) -> None:
        if not self.is_first("hung"):
            (self.folder / "twin").touch()
        end = time.monotonic() + PATIENCE
        while not (self.folder / "twin").exists():
            assert time.monotonic() < end, "Spark started no twin"
            time.sleep(0.05)


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
