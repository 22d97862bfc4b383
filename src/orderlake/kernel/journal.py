"""The parts of a large file that are staged, in a folder that outlives the process: a load that dies is resumed.

A part is a share of the file, staged as one segment. Its Parquet files are there to stay before an entry names them.
The entry has the seal of each, and one of its own: what is damaged, or is not of this share, is staged again. So no
entry has to be trusted, and none depends on another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from orderlake.errors import NotFoundError
from orderlake.kernel.set_aside import SetAside
from orderlake.kernel.task import Done, Task
from orderlake.model.ports import ObjectStore
from orderlake.model.seal import seal_of

HEAD: Final = "journal.json"
FORMAT: Final = 1
"""Changes when entries do, or what makes a share: another one is begun anew."""


@dataclass
class Journal:
    """The parts of one source, in `folder` (a location); `about` names the source, and all that they depend on.

    Safe to share between threads; two processes must not have the same one.
    """

    store: ObjectStore
    folder: str
    about: Mapping[str, Any]
    workers: int
    """For how many workers the file is cut: those of who began it. 0 when it cannot be cut."""
    resumed: list[int] = field(default_factory=list)
    """The parts that were staged before."""
    staged: list[int] = field(default_factory=list)
    """The parts that were staged now."""
    is_new: bool = False

    def __post_init__(self) -> None:
        """Go on with what is there, or begin."""
        head = read(self.store, f"{self.folder}/{HEAD}")
        if head is None or (head["format"], head["about"]) != (FORMAT, self.about):
            self.begin(self.workers)
        else:
            self.workers = int(head["workers"])

    @property
    def out(self) -> str:
        """What the engine calls the folder."""
        return self.store.engine_path(self.folder)

    def begin(self, workers: int) -> None:
        """Forget all parts, and have the file cut for so many workers."""
        self.clear()
        self.workers, self.is_new = workers, True
        self.resumed, self.staged = [], []
        write(self.store, f"{self.folder}/{HEAD}", {"format": FORMAT, "about": self.about, "workers": workers})

    def find(self, task: Task) -> Done | None:
        """What came of a task before; None when it is to be done."""
        entry = None if self.is_new else read(self.store, self._entry(task))
        if entry is None or entry["share"] != _share(task) or not self._is_whole(entry["seals"]):
            return None
        self.resumed.append(task.first)
        aside = SetAside(
            self._located(entry["rejected"]),
            {tuple(grain): self._located(names) for grain, names in entry["taken"]},
            {task.first: entry["set_aside"]} if entry["set_aside"] else {},
        )
        grains = {tuple(grain): self._located(names) for grain, names in entry["grains"]}
        return Done(grains, (entry["count"],), aside)

    def keep(self, task: Task, done: Done) -> Done:
        """Note what came of a task, once it is there to stay."""
        groups = [*done.grains.values(), done.aside.rejected, *done.aside.taken.values()]
        files = [file for group in groups for file in group]
        self.store.sync(files)
        entry = {
            "share": _share(task),
            "count": done.counts[0],
            "grains": [[grain, self._named(files)] for grain, files in done.grains.items()],
            "rejected": self._named(done.aside.rejected),
            "taken": [[grain, self._named(files)] for grain, files in done.aside.taken.items()],
            "set_aside": done.aside.counts.get(task.first, 0),
            "seals": {name: self.store.seal(file) for name, file in zip(self._named(files), files, strict=True)},
        }
        write(self.store, self._entry(task), entry)
        self.staged.append(task.first)
        return done

    def clear(self) -> None:
        """Remove all that is in the folder; the head goes first, so that what is left means nothing."""
        self.store.delete(f"{self.folder}/{HEAD}")
        self.store.each(self.store.delete, [found.location for found in self.store.list(self.folder, hidden=True)])

    def _entry(self, task: Task) -> str:
        return f"{self.folder}/{task.first:06d}.json"

    def _is_whole(self, seals: Mapping[str, str]) -> bool:
        try:
            return all(self.store.seal_now(f"{self.out}/{name}") == seal for name, seal in seals.items())
        except NotFoundError:
            return False

    def _named(self, files: tuple[str, ...] | list[str]) -> list[str]:
        return [file.removeprefix(f"{self.out}/") for file in files]

    def _located(self, names: list[str]) -> tuple[str, ...]:
        return tuple(f"{self.out}/{name}" for name in names)


def write(store: ObjectStore, location: str, value: Mapping[str, Any]) -> None:
    """Keep a value, with its seal."""
    data = json.dumps(value).encode()
    store.write(location, seal_of(data).encode() + b"\n" + data)


def read(store: ObjectStore, location: str) -> Mapping[str, Any] | None:
    """The value that was kept; None when there is none, or it is damaged."""
    try:
        seal, _, data = store.read(location).partition(b"\n")
    except NotFoundError:
        return None
    if seal != seal_of(data).encode():
        return None
    value: Mapping[str, Any] = json.loads(data)
    return value


def _share(task: Task) -> list[Any]:
    """What a task's share is, but for the file's place on this machine; as JSON gives it back."""
    (share,) = task.shares
    dialect = None if share.dialect is None else {**asdict(share.dialect), "header": list(share.dialect.header)}
    ends = [share.before.decode(), share.after.decode()]
    return [task.first, share.layout, share.start, share.end, *ends, share.is_firm, share.line, share.origin, dialect]
