"""One loader process, told by a JSON argument what to load and when to die.

It prints one line of JSON: the reports of its runs, or the error that ended it.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from orderlake import Lake, loading
from orderlake.errors import LakeError, exit_code
from orderlake.kernel import split
from orderlake.kernel.journal import Journal

ROOT = Path(__file__).resolve().parents[2]


class Leaseless:
    """A ledger whose claims and turns stop nobody: what is then still right, the commit made right."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @contextmanager
    def claim(self, identities: Any) -> Iterator[frozenset[str]]:
        yield frozenset(identities)

    def turn(self, name: str) -> Any:
        return nullcontext()


def leaseless(lake: Lake) -> Lake:
    """The same lake, without leases."""
    lake._backends.__dict__["ledger"] = Leaseless(lake._backends.ledger)
    return lake


def spawn(project: Path, batches: Sequence[Sequence[str]] = ((),), **spec: Any) -> subprocess.Popen[str]:
    """Start a loader of these batches of paths (none: all under raw/).

    `kill` is (commit, step), both from 1; `chance` kills at each step with that chance, by `seed`; `rollback` and
    `restore` name a load to roll back, or to load again, instead; `leases` False takes none; `file_limit` is the
    largest file that it can write, in bytes. With `share`, every file is a large one, of shares of so many bytes
    (`look` is how far to look whether a cut is good); it is killed once it has kept `kept` of them. With `after` it
    begins once that file is there, and writes `steps` as it goes: a line with the time (s) and the step for each.
    """
    argument = json.dumps({"project": str(project), "batches": [list(batch) for batch in batches], **spec})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    return subprocess.Popen(
        [sys.executable, str(Path(__file__)), argument],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 120) -> tuple[int, Any]:
    """Wait for a loader; give its exit status and what it said (None when it was killed)."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode in (0, -signal.SIGKILL) or out, err
    return process.returncode, json.loads(out) if out else None


class Steps:
    """Writes down when each step began, in the time of this machine."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("w", buffering=1, encoding="ascii")  # noqa: SIM115 - for as long as this lives

    def __call__(self, step: int) -> None:
        self._file.write(f"{time.monotonic()} {step}\n")


class Fate:
    """Kills this process at its step."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._kill = tuple(spec.get("kill", ()))
        self._chance = spec.get("chance", 0.0)
        self._random = random.Random(spec.get("seed", 0))
        self._commit = 0

    def __call__(self, step: int) -> None:
        self._commit += step == 1
        if self._kill == (self._commit, step) or self._random.random() < self._chance:
            os.kill(os.getpid(), signal.SIGKILL)


def small_shares(change: Callable[[object, str, Any], None], share: int, look: int | None = None) -> None:
    """Make every file a large one, of shares of so many bytes; `change` is setattr, or a monkeypatch's."""
    change(loading, "LARGE", 1)
    change(loading, "_GROUP_BYTES", 1)
    change(split, "SHARE", share)
    change(split, "SMALL", 1)
    change(split, "PIECE", share // 4)
    if look is not None:
        change(split, "_LOOK", look)


def die_after(parts: int) -> None:
    """Kill this process once it has kept so many parts of a large file."""
    keep, done = Journal.keep, itertools.count(1)

    def kept(self: Journal, task: Any, what: Any) -> Any:
        found = keep(self, task, what)
        if next(done) == parts:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(Journal, "keep", kept)  # noqa: B010 - for this process alone


def main(spec: Mapping[str, Any]) -> int:
    fate: Callable[[int], None] = Steps(spec["steps"]) if "steps" in spec else Fate(spec)
    if "share" in spec:
        small_shares(setattr, spec["share"], spec.get("look"))
    if "kept" in spec:
        die_after(spec["kept"])
    if "file_limit" in spec:
        resource.setrlimit(resource.RLIMIT_FSIZE, (spec["file_limit"], spec["file_limit"]))
    reports = []
    try:
        with Lake(spec["project"]) as lake:
            if not spec.get("leases", True):
                leaseless(lake)
            if "rollback" in spec:
                lake.rollback(spec["rollback"], fate)
                spec = {**spec, "batches": []}
            elif "restore" in spec:
                reports += [report.as_dict() for report in lake.restore(spec["restore"], on_step=fate)]
                spec = {**spec, "batches": []}
            while "after" in spec and not Path(spec["after"]).exists():
                time.sleep(0.01)
            for batch in spec["batches"]:
                reports += [report.as_dict() for report in lake.run(batch, on_step=fate)]
    except LakeError as error:
        sys.stdout.write(json.dumps({"error": type(error).__name__, "message": str(error)}))
        return exit_code(error)
    sys.stdout.write(json.dumps({"reports": reports}))
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
