"""A memory limit for a group of processes: cgroup v1 or v2, whichever the machine has; swap does not help them."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_V1 = Path("/sys/fs/cgroup/memory")
_V2 = Path("/sys/fs/cgroup")


class CgroupError(Exception):
    """No memory limit can be set here; the message says why."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A group with a limit: a process enters by writing its id to `entry`."""

    folder: Path
    v2: bool

    @classmethod
    def create(cls, memory_mb: int) -> Cgroup:
        """Make an empty group that may use so many MiB; CgroupError when this machine does not let us."""
        name = f"orderlake-{os.getpid()}-{secrets.token_hex(4)}"
        limit = str(memory_mb << 20)
        try:
            if (_V1 / "memory.limit_in_bytes").exists():
                group = cls(_V1 / name, v2=False)
                group.folder.mkdir()
                group._write("memory.limit_in_bytes", limit)
                if (group.folder / "memory.memsw.limit_in_bytes").exists():
                    group._write("memory.memsw.limit_in_bytes", limit)
                return group
            if "memory" not in (_V2 / "cgroup.controllers").read_text().split():
                raise CgroupError("this machine's control groups have no memory controller")
            with suppress(OSError):  # it may be on already
                (_V2 / "cgroup.subtree_control").write_text("+memory")
            group = cls(_V2 / name, v2=True)
            group.folder.mkdir()
            group._write("memory.max", limit)
            if (group.folder / "memory.swap.max").exists():
                group._write("memory.swap.max", "0")
        except OSError as error:
            raise CgroupError(f"no memory limit can be set here: {error}") from error
        return group

    @property
    def entry(self) -> Path:
        """The file that a process's id is written to."""
        return self.folder / "cgroup.procs"

    def pids(self) -> list[int]:
        """The processes inside."""
        return [int(line) for line in self.entry.read_text().split()]

    def peak(self) -> int:
        """The most bytes in use so far, file cache included; 0 where the kernel does not tell."""
        file = self.folder / ("memory.peak" if self.v2 else "memory.max_usage_in_bytes")
        return int(file.read_text()) if file.exists() else 0

    def remove(self) -> None:
        """Remove the group; whoever is left inside is killed."""
        for _ in range(500):
            with suppress(FileNotFoundError):
                for pid in self.pids():
                    with suppress(ProcessLookupError):
                        os.kill(pid, 9)
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:  # the last process is still on its way out
                time.sleep(0.01)
            else:
                return
        raise CgroupError(f"{self.folder} cannot be removed")

    def _write(self, name: str, value: str) -> None:
        (self.folder / name).write_text(value)
