"""The staged form of a large file, kept while the file loads: when that run dies, the next goes on from there.

It depends on the file's version, on what its pipeline means, and on the versions of orderlake and DuckDB: each has a
journal of its own, and one process at a time, which claims it in the ledger. What loads removes its journal. What
nobody can go on with is removed by the next run that loads anything; in a bucket, its lifecycle rule does that.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orderlake.model.pipeline import Stream
from orderlake.model.source import SourceObject
from orderlake.storage.local import LocalStore, location_of
from orderlake.wiring import STAGED, Backends

if TYPE_CHECKING:
    from orderlake.kernel.journal import Journal

LARGE: Final = 128 << 20
"""Bytes from which on a file is worth it: those of two shares."""
_KEPT_SECONDS: Final = 7 * 86_400
"""How long what nobody goes on with takes up room."""


def version(package: str) -> str:
    """The version of one of the two that make the staged form; a packed function has no metadata of its packages."""
    return str(import_module(package).__version__)


@dataclass(frozen=True, slots=True)
class LargeLoad:
    """A large file that is loaded as one of a stream, whose pipeline has this fingerprint."""

    source: SourceObject
    stream: Stream
    definition: str
    person: str = ""
    """What tells the key that personal data is hashed with, and who is forgotten, from others."""

    def about(self) -> dict[str, Any]:
        """All that its staged form depends on."""
        return {
            "uri": self.source.uri,
            "identity": self.source.identity,
            "stream": self.stream.name,
            "definition": self.definition,
            "person": self.person,
            "orderlake": version("orderlake"),
            "duckdb": version("duckdb"),
        }


@contextmanager
def journal_of(backends: Backends, load: LargeLoad, bucket: str, workers: int) -> Iterator[Journal | None]:
    """The journal of a load, while it lasts; None when another process has it. It stays only if the load fails.

    It lies below `bucket`, a location, or in the project's state when that is empty.
    """
    from orderlake.kernel.journal import Journal  # noqa: PLC0415 - most files are small

    about = load.about()
    name = f"{load.source.identity}-{hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]}"
    with backends.ledger.claim([name]) as won:
        if name not in won:
            yield None
            return
        store = backends.store if bucket else LocalStore()
        journal = Journal(store, f"{bucket or location_of(_home(backends))}/{name}", about, workers)
        yield journal
        if bucket:
            journal.clear()
        else:
            shutil.rmtree(_home(backends) / name, ignore_errors=True)


def sweep(backends: Backends) -> None:
    """Remove the journals that nobody can go on with: their file has loaded, has changed, or was given up."""
    if backends.is_remote or not _home(backends).is_dir():
        return
    for folder in _home(backends).iterdir():
        with backends.ledger.claim([folder.name]) as won:
            if won and not _is_of_use(backends, folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_of_use(backends: Backends, folder: Path) -> bool:
    from orderlake.kernel.journal import HEAD, read  # noqa: PLC0415 - nearly always there is no journal

    head = read(LocalStore(), str(folder / HEAD))
    if head is None or folder.stat().st_mtime < time.time() - _KEPT_SECONDS:
        return False
    about: dict[str, Any] = head["about"]
    known = backends.ledger.applied([about["identity"]]).get(about["identity"])
    return (
        (known is None or known.status == "rejected")
        and about["definition"] in {pipeline.fingerprint for pipeline in backends.pipelines}
        and backends.sources.version(about["uri"], about["identity"]) is not None
    )


def _home(backends: Backends) -> Path:
    return backends.project.state / STAGED
