"""A table's metadata, link by link, from the catalog down.

The catalog names the metadata file, which is named after its own bytes; that has the seal of each snapshot's manifest
list, a list those of its manifests, a manifest those of its data files. So whoever changes a file unseen must change
all links above it, up to the catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.data_file import DataFile
from orderlake.tables import iceberg
from orderlake.tables.evolve import evolve
from orderlake.tables.iceberg import TableMetadata
from orderlake.tables.iceberg.files import data_file
from orderlake.tables.iceberg.manifest import read_manifest
from orderlake.tables.iceberg.manifest_list import ManifestFile, read_manifest_list
from orderlake.tables.iceberg.metadata import LIST_SEAL
from orderlake.tables.lakehouse import Lakehouse, Opened
from orderlake.tables.layout import TableLayout
from orderlake.verify.finding import LOST, Finding, Kind

T = TypeVar("T")


@dataclass(slots=True)
class Chain:
    """One table's: as `opened` from what is there (None where that cannot be read), and what it leads to.

    `needed` are the paths (as the engine names them) of every file that some snapshot needs, `metadata` those of them
    that are metadata; `is_whole` says that there are no others.
    """

    table: str
    opened: Opened | None = None
    needed: set[str] = field(default_factory=set)
    metadata: set[str] = field(default_factory=set)
    is_whole: bool = True
    found: list[Finding] = field(default_factory=list)


def follow(house: Lakehouse, layout: TableLayout, head: str | None) -> Chain:
    """Prove all metadata of a table, from the head that the catalog names."""
    chain = Chain(layout.name)
    if head is None:
        chain.opened = Opened(layout, f"{house.root}/{layout.name}", None, None)
        return chain
    links = _Links(house, chain)
    metadata = links.metadata(head)
    if metadata is None:
        chain.is_whole = False
        return chain
    live = links.live(metadata)
    if live is not None:
        chain.opened = Opened(evolve(layout, metadata).layout, metadata.location, head, metadata, tuple(live))
    return chain


@dataclass(frozen=True, slots=True)
class _Links:
    house: Lakehouse
    chain: Chain

    def metadata(self, head: str) -> TableMetadata | None:
        """The current metadata file and those before it that it tells of: each has the bytes it is named after."""
        if not self._keeps_its_name(head):
            return None
        metadata = self._parsed(head, lambda: TableMetadata.from_json(self.house.store.read(head)))
        if metadata is not None:
            self.house.store.each(self._keeps_its_name, [entry.location for entry in metadata.metadata_log])
        return metadata

    def live(self, metadata: TableMetadata) -> list[DataFile] | None:
        """The live files of the current snapshot, every snapshot's lists and manifests proven; None when in doubt."""
        current = metadata.current_snapshot
        sealed = {each.manifest_list: each.summary.get(LIST_SEAL) for each in metadata.snapshots}
        lists = dict(zip(sealed, self.house.store.each(lambda one: self._list(*one), sealed.items()), strict=True))
        wanted = () if current is None else lists[current.manifest_list]
        manifests = {each.location: each for found in lists.values() for each in found or ()}
        now = {each.location for each in wanted or ()}

        def files(manifest: ManifestFile) -> list[DataFile] | None:
            return self._manifest(manifest, metadata, keep=manifest.location in now)

        found = dict(zip(manifests, self.house.store.each(files, manifests.values()), strict=True))
        parts = [found[each.location] for each in wanted or ()]
        if wanted is None or any(part is None for part in parts):
            return None
        return [file for part in parts for file in part or ()]

    def _list(self, location: str, seal: str | None) -> Sequence[ManifestFile] | None:
        if not self._has(location, seal):
            return None
        return self._parsed(location, lambda: read_manifest_list(self.house.store, location))

    def _manifest(self, listed: ManifestFile, metadata: TableMetadata, *, keep: bool) -> list[DataFile] | None:
        if not self._has(listed.location, listed.seal):
            return None
        entries = self._parsed(listed.location, lambda: read_manifest(self.house.store, listed))
        if entries is None:
            return None
        live = [entry for entry in entries if entry.live]
        self.chain.needed.update(self._path(entry.location) for entry in live)
        return [data_file(entry.file, metadata) for entry in live] if keep else []

    def _keeps_its_name(self, location: str) -> bool:
        return self._holds(location, lambda seal: iceberg.keeps_its_name(location, seal) is not False)

    def _has(self, location: str, seal: str | None) -> bool:
        return self._holds(location, lambda found: seal in (None, found))

    def _holds(self, location: str, is_right: Callable[[str], bool]) -> bool:
        """Whether a file is there, with the seal that is right; a finding says what is wrong."""
        self.chain.needed.add(self._path(location))
        self.chain.metadata.add(self._path(location))
        try:
            if is_right(self.house.store.seal_now(location)):
                return True
            self._wrong("changed", location, "has other bytes than were written")
        except NotFoundError:
            self._wrong("gone", location, "is gone")
        return False

    def _parsed(self, location: str, parse: Callable[[], T]) -> T | None:
        """What a file says; None, and a finding, when it says nothing that can be read."""
        try:
            return parse()
        except (ConfigError, NotFoundError) as error:
            self._wrong("damaged", location, f"is damaged ({error})")
            return None

    def _wrong(self, kind: Kind, location: str, what: str) -> None:
        path, self.chain.is_whole = self._path(location), False
        self.chain.found.append(
            Finding(kind, f"{self.chain.table}: the metadata file {path} {what}", LOST, self.chain.table, path)
        )

    def _path(self, location: str) -> str:
        return self.house.store.engine_path(location)
