"""Orphans: files in the lake that nothing needs, and that nobody can be writing any more.

A load writes its files before it commits them, so a file that nothing needs may be about to be needed: one that is
younger than any load can last is left alone. What a dead worker left, and what expired snapshots needed, stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from orderlake.errors import ConfigError
from orderlake.model.ports import StoredObject
from orderlake.tables.published import FOLDER, location, pointer, published
from orderlake.verify.finding import Finding, Tally
from orderlake.wiring import Backends

DEFAULT_HOURS: Final = 24
"""How old an orphan is at least: a function lives 15 minutes, its lease 30 seconds longer; a load here takes hours."""
_REMEDY: Final = (
    "no table needs it, and no load that runs can: `orderlake maintain` deletes it if it is a table's, else delete it"
)


def orphans(
    listed: Iterable[StoredObject], needed: Collection[str], folders: Collection[str], before: int, tally: Tally
) -> Iterator[Finding]:
    """Files that are not needed, lie in none of these folders, and are older than `before` (ns since 1970)."""
    for found in listed:
        path = found.location
        if path in needed or any(path.startswith(f"{folder}/") for folder in folders):
            continue
        if found.version >= before:
            tally.young += 1
            continue
        at = datetime.fromtimestamp(found.version / 1e9, UTC)
        yield Finding(
            "orphan", f"the file {path} ({found.size} bytes, of {at:%Y-%m-%d %H:%M}) is an orphan", _REMEDY, file=path
        )


def of_marts(backends: Backends) -> tuple[set[str], set[str]]:
    """The files that marts need, and the folders that are theirs alone."""
    store, root = backends.store, backends.root
    files = {
        store.engine_path(f"{root}/{file.stem}/{file.stem}.parquet")
        for file in (backends.project.root / "marts").glob("*.sql")
    }
    try:
        current = published(store, root)
    except ConfigError:  # `build` says what is wrong with it
        return files, {store.engine_path(f"{root}/{FOLDER}")}
    if current is not None:
        files |= {store.engine_path(location(root, file)) for file in (*current.files, *current.before)}
        files.add(store.engine_path(pointer(root)))
    return files, set()
