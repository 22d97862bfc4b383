"""Data files: each is there, has its size, and holds the bytes that were written.

The seal of a file is noted in the manifest that lists it, when it is written. A file from before there were seals is
counted as unsealed, and proven to be whole by its footer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orderlake.errors import NotFoundError
from orderlake.model.data_file import DataFile
from orderlake.model.ports import ObjectStore, StoredObject
from orderlake.tables.project import NotProjectableError, footer
from orderlake.tables.thrift import get
from orderlake.verify.chain import Chain
from orderlake.verify.finding import LOST, RESTORE, Finding, Kind, Tally

UNKNOWN: Final = -1
"""The size or the rows of a file of which nothing was noted."""


@dataclass(frozen=True, slots=True)
class State:
    """What became of a file: what is wrong with it (None: nothing), and whether its bytes were proven."""

    kind: Kind | None = None
    fault: str = ""
    is_sealed: bool = False


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a lake; `listed` are its objects by the engine's name. `quick` opens none of them."""

    store: ObjectStore
    listed: Mapping[str, StoredObject]
    tally: Tally
    quick: bool = False

    def whole(self, chain: Chain) -> Iterator[Finding]:
        """Each live file of a table is as it was written; those that only earlier snapshots need are there."""
        live = () if chain.opened is None else chain.opened.live
        for file, state in zip(live, self.store.each(self.state, live), strict=True):
            yield from self.told(chain.table, self.store.engine_path(file.location), state)
        known = {self.store.engine_path(file.location) for file in live} | chain.metadata
        for path in sorted(chain.needed - known - self.listed.keys()):
            if self.found(path) is None:
                message = f"{chain.table}: the file {path} is gone, which only earlier snapshots need"
                yield Finding("gone", message, RESTORE, chain.table, path)

    def told(self, table: str, path: str, state: State) -> Iterator[Finding]:
        """Count a file of a table, and say what is wrong with it."""
        self.tally.files += 1
        self.tally.sealed += state.is_sealed
        self.tally.unsealed += not state.is_sealed and state.kind is None and not self.quick
        if state.kind is not None:
            yield Finding(state.kind, f"{table}: the file {path} {state.fault}", LOST, table, path)

    def found(self, path: str) -> StoredObject | None:
        """A file as listed, or, as it may be newer than the list, as it is now."""
        return self.listed.get(path) or self.store.stat(path)

    def state(self, file: DataFile) -> State:
        """Compare a file with what was noted of it."""
        there = self.found(self.store.engine_path(file.location))
        if there is None:
            return State("gone", "is gone")
        if file.size not in (there.size, UNKNOWN):
            return self._by_footer(file, f"has {there.size} bytes, not {file.size}")
        if self.quick:
            return State()
        if file.seal is None:
            return self._by_footer(file)
        try:
            same = self.store.seal_now(file.location) == file.seal
        except NotFoundError:  # since it was listed
            same = False
        return State(is_sealed=True) if same else self._by_footer(file, "has other bytes than were written")

    def _by_footer(self, file: DataFile, fault: str = "") -> State:
        """What a file's footer says of it; `fault` is what is known to be wrong with it."""
        rows = row_count(self.store, file.location)
        if rows is None:
            return State("damaged", f"{fault}, and is damaged" if fault else "is damaged")
        if file.records not in (rows, UNKNOWN):
            return State("changed", f"has {rows} rows, not {file.records}")
        return State("changed", fault) if fault else State()


def row_count(store: ObjectStore, location: str) -> int | None:
    """The rows a Parquet file says it has; None when it is damaged."""
    try:
        return int(get(footer(store, location), 3))
    except (NotProjectableError, NotFoundError, OSError, LookupError, ValueError, TypeError, OverflowError):
        return None
