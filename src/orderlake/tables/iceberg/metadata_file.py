"""Where metadata files lie, and how a new one follows the last."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from uuid import UUID

from orderlake.model.ports import Objects
from orderlake.model.seal import seal_of
from orderlake.tables.iceberg.metadata import MetadataLogEntry, TableMetadata

METADATA_LOG_LENGTH: Final = 20
"""Earlier metadata files a table remembers; older ones are `obsolete_metadata`."""

_VERSION: Final = re.compile(r"v?(\d+)[-.]")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def metadata_location(table_location: str, version: int, uuid: str) -> str:
    """Name a metadata file.

    >>> metadata_location("s3://lake/orders", 1, "4f2e")
    's3://lake/orders/metadata/00001-4f2e.metadata.json'
    """
    return f"{table_location.rstrip('/')}/metadata/{version:05d}-{uuid}.metadata.json"


def write_metadata(store: Objects, metadata: TableMetadata, previous_location: str | None) -> str:
    """Write the metadata as the successor of `previous_location`; give its location, uncommitted.

    It is named after its own bytes, so that the catalog, which names it, vouches for them. Raises
    StorageUnavailableError.
    """
    log, _ = _extended_log(metadata, previous_location)
    version = 0 if previous_location is None else _version(previous_location) + 1
    data = replace(metadata, metadata_log=log).to_json()
    location = metadata_location(metadata.location, version, uuid_of(seal_of(data)))
    store.write(location, data)
    return location


def uuid_of(seal: str) -> str:
    """A seal as a UUID, for engines want one in the name: of version 8, which is free for such uses.

    >>> uuid_of("44136fa355b3678a1146ad16f7e8649e")
    '44136fa3-55b3-878a-9146-ad16f7e8649e'
    """
    number = int(seal, 16) & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62
    return str(UUID(int=number))


def keeps_its_name(location: str, seal: str) -> bool | None:
    """Whether a metadata file of this seal has the bytes that it is named after; None when it is named after none."""
    name = _UUID.search(location.rpartition("/")[2])
    return None if name is None else name[0] == uuid_of(seal)


def obsolete_metadata(metadata: TableMetadata, previous_location: str | None) -> tuple[str, ...]:
    """Give the metadata files that the successor no longer lists.

    Delete them only once that successor is committed: until then the committed one lists them.
    """
    _, dropped = _extended_log(metadata, previous_location)
    return tuple(entry.location for entry in dropped)


def _extended_log(
    metadata: TableMetadata, previous_location: str | None
) -> tuple[tuple[MetadataLogEntry, ...], tuple[MetadataLogEntry, ...]]:
    """Give (kept, dropped) entries once the previous file joins the log."""
    log = metadata.metadata_log
    if previous_location is not None:
        log = (*log, MetadataLogEntry(previous_location, metadata.base_updated_ms))
    return log[-METADATA_LOG_LENGTH:], log[:-METADATA_LOG_LENGTH]


def _version(location: str) -> int:
    match = _VERSION.match(location.rpartition("/")[2])
    return 0 if match is None else int(match[1])
