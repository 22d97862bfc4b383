"""Snapshots that hold people's data go, and their files with them, at once: nothing waits for slow readers.

No load commits meanwhile, for every stream's turn is taken: so what no snapshot needs is no load's in flight either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from orderlake.model.ports import StoredObject
from orderlake.tables.commit import Committer
from orderlake.tables.hive import PENDING
from orderlake.tables.iceberg import expired_snapshots
from orderlake.tables.layout import (
    DROPS,
    TableLayout,
    drops_layout,
    index_layout,
    quarantine_layout,
    table_layout,
)
from orderlake.tables.unneeded import needs_of, remember, remembered, unneeded
from orderlake.wiring import Backends

_EVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Swept:
    """How many snapshots went, and how many files."""

    snapshots: int = 0
    files: int = 0


def layouts(backends: Backends) -> list[TableLayout]:
    """The Iceberg tables that may tell of people."""
    found: list[TableLayout] = [quarantine_layout(), drops_layout()]
    for stream in (stream for stream in backends.streams if stream.person):
        found += [table_layout(stream, spec) for spec in stream.tables if spec.format == "iceberg"]
        found.append(index_layout(stream))
    return found


def old_snapshots(backends: Backends) -> int:
    """How many snapshots would go."""
    opened = backends.house.open(layouts(backends), files=False).values()
    return sum(len(expired_snapshots(each.metadata, 1, _EVER)) for each in opened if each.metadata is not None)


def sweep(backends: Backends, committer: Committer) -> Swept:
    """Leave each of these tables its newest snapshot alone, and delete what none needs."""
    with ExitStack() as turns:
        for index in sorted(stream.index for stream in backends.streams):
            turns.enter_context(backends.ledger.turn(index))
        turns.enter_context(backends.ledger.turn(DROPS))
        for stream in backends.streams:
            committer.recover(index_layout(stream))
        tables = layouts(backends)
        gone = sum(backends.house.drop_snapshots(layout, 1, _EVER) for layout in tables)
        listed = list(backends.store.list(backends.root, hidden=True))
        needs = needs_of(backends.store, backends.catalog.tables(), backends.house.cache)
        found = unneeded(backends.store, backends.root, listed, {layout.name for layout in tables}, needs)
        files = [each for some in found.values() for each in some] + list(_pending(backends, listed))
        _delete(backends, files)
    _purge(backends)
    return Swept(gone, len(files))


def _purge(backends: Backends) -> None:
    """A bucket keeps old versions of what was deleted or replaced; of raw objects they went one by one."""
    backends.store.purge(backends.root)
    if backends.project.aws is not None:
        from orderlake.forgetting.athena import answers_place  # noqa: PLC0415 - an optional extra

        place = answers_place(backends.project.aws)
        if place:
            backends.store.purge(place)


def _pending(backends: Backends, listed: Sequence[StoredObject]) -> Iterator[StoredObject]:
    """Hidden files of plain tables that nobody will publish any more."""
    store = backends.store
    folder = f"{store.engine_path(backends.root)}/{PENDING}/"
    yield from (each for each in listed if store.engine_path(each.location).startswith(folder))


def _delete(backends: Backends, files: Sequence[StoredObject]) -> None:
    store, root = backends.store, backends.root
    known = remembered(store, root)
    gone = {each.location for each in files}
    store.each(store.delete, gone)
    if known:
        remember(store, root, {location: each for location, each in known.items() if location not in gone})
