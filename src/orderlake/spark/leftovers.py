"""What tasks leave: staged files, and files that an attempt wrote whose twin was faster, or which failed at the end.

No table ever names them. Staged files lie in a folder that belongs to one driver, which holds a claim on its name: who
finds a folder whose claim is free knows that its driver is dead, and takes it away.
"""

from __future__ import annotations

import shutil
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field

from orderlake.model.ports import Ledger, ObjectStore
from orderlake.runner import SPARK_CLAIM, SPARK_WORK
from orderlake.tables.hive import PENDING
from orderlake.tables.writing import Work, Written


@dataclass
class Leftovers:
    """The leftovers of one driver in the lake at `root`."""

    store: ObjectStore
    ledger: Ledger
    root: str
    _name: str = field(default_factory=lambda: uuid.uuid4().hex)
    _claim: ExitStack = field(default_factory=ExitStack)
    _wrote: dict[str, set[str]] = field(default_factory=dict)
    """By location of a folder that tasks wrote files into, the names of their attempts."""
    _used: set[str] = field(default_factory=set)
    """The files that count, as the engine calls them."""

    def place(self, attempt: str) -> str:
        """Where an attempt stages."""
        return f"{self.root}/{SPARK_WORK}/{self._name}/{attempt}"

    def begin(self) -> None:
        """Hold a claim on the folder, and take away those of the dead."""
        self._claim.enter_context(self.ledger.claim([_claim(self._name)]))
        work = f"{self.root}/{SPARK_WORK}"
        found: dict[str, list[str]] = {}
        for each in self.store.list(work, hidden=True):
            path = self.store.engine_path(each.location)
            owner = path.removeprefix(f"{self.store.engine_path(work)}/").partition("/")[0]
            found.setdefault(owner, []).append(each.location)
        for owner, locations in found.items():
            with self.ledger.claim([_claim(owner)]) as won:
                if won:
                    self.store.each(self.store.delete, locations)
                    self._forget(f"{work}/{owner}")

    def wrote(self, work: Work, written: Written) -> None:
        """Hear of files that tasks wrote for a commit."""
        tables = [f"{work.tables[layout.name].location}/data" for layout, _ in work.changes]
        plain = [f"{self.root}/{PENDING}/{spec.name}" for spec in work.plain]
        for folder in (*tables, *plain):
            self._wrote.setdefault(folder, set()).add(work.attempt)
        used = [file.location for done in written.rewrites.values() for file in done.added]
        used += [hidden for swap in written.swaps.values() for hidden, _ in swap.moves]
        self._used |= set(map(self.store.engine_path, used))

    def clear(self, attempt: str) -> None:
        """Take away what an attempt has staged."""
        self._delete(self.place(attempt))

    def end(self, *, is_done: bool) -> None:
        """Take away what is left, and give the claim back.

        After an error it is not known what a commit has made of the files written for it: `maintain` finds out.
        """
        with self._claim:
            self._delete(f"{self.root}/{SPARK_WORK}/{self._name}")
            for folder, attempts in self._wrote.items() if is_done else ():
                self.store.each(
                    self.store.delete,
                    [
                        each.location
                        for each in self.store.list(folder)
                        if (path := self.store.engine_path(each.location)) not in self._used
                        and any(part.startswith(tuple(attempts)) for part in path.rsplit("/", 2)[1:])
                    ],
                )

    def _delete(self, place: str) -> None:
        self.store.each(self.store.delete, [each.location for each in self.store.list(place, hidden=True)])
        self._forget(place)

    def _forget(self, place: str) -> None:
        """Take away the empty folders of a place, where there are folders."""
        path = self.store.engine_path(place)
        if path.startswith("/"):
            shutil.rmtree(path, ignore_errors=True)


def _claim(name: str) -> str:
    return SPARK_CLAIM.format(name)
