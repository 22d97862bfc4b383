"""Files of tables that no snapshot needs, and since when that is known.

A load writes its files before it commits them, and a reader may hold files of a snapshot that has gone since. So a file
goes when it is older than any load or question lasts, and has been known for as long to be needed by nothing: what was
found is remembered beside the tables, and the next look deletes what still is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.ports import Objects, ObjectStore, StoredObject, TableHead
from orderlake.tables import iceberg
from orderlake.tables.iceberg import ManifestCache, TableMetadata

_FOLDERS: Final = ("data", "metadata")
_FORMAT: Final = 1


@dataclass(slots=True)
class Needs:
    """The files that tables need, as the engine calls them; of `unknown` tables that is not known, and why."""

    files: set[str] = field(default_factory=set)
    unknown: dict[str, str] = field(default_factory=dict)


def needs_of(store: ObjectStore, heads: Sequence[TableHead], cache: ManifestCache) -> Needs:
    """What the snapshots of these tables need, those of all that other engines have added too."""
    found = Needs()
    for head in heads:
        if head.metadata is None:
            continue
        try:
            metadata = TableMetadata.from_json(store.read(head.metadata))
            needed = iceberg.referenced_locations(store, metadata, cache)
        except (ConfigError, NotFoundError) as error:
            found.unknown[head.table] = str(error)
            continue
        needed |= {head.metadata, *(entry.location for entry in metadata.metadata_log), *_statistics(metadata)}
        found.files |= set(map(store.engine_path, needed))
    return found


def _statistics(metadata: TableMetadata) -> list[str]:
    """Files of statistics that another engine has written."""
    kept = [*metadata.other.get("statistics", ()), *metadata.other.get("partition-statistics", ())]
    return [str(each["statistics-path"]) for each in kept if "statistics-path" in each]


def unneeded(
    store: ObjectStore, root: str, listed: Iterable[StoredObject], tables: Collection[str], needs: Needs
) -> dict[str, list[StoredObject]]:
    """By table, its files among those listed that nothing needs.

    `listed` must have been read before the heads that `needs` is of: what is committed in between is needed then.
    Only what lies where orderlake writes files of its tables is meant: nobody else's file goes.
    """
    found: dict[str, list[StoredObject]] = {}
    for each in listed:
        path = store.engine_path(each.location)
        table, _, rest = path.removeprefix(f"{store.engine_path(root)}/").partition("/")
        is_ours = table in tables and rest.partition("/")[0] in _FOLDERS
        if is_ours and table not in needs.unknown and path not in needs.files:
            found.setdefault(table, []).append(each)
    return found


def memory(root: str) -> str:
    """Where it is remembered since when files are known to be unneeded."""
    return f"{root}/.unneeded.json"


@dataclass(frozen=True, slots=True)
class Known:
    """Since when (ns since 1970) a file is known to be unneeded, and its size in bytes."""

    since: int
    size: int


def remembered(store: Objects, root: str) -> dict[str, Known]:
    """What is known, by location; nothing when there is no memory, or none of ours."""
    try:
        files = json.loads(store.read(memory(root)))["files"]
        return {str(location): Known(int(since), int(size)) for location, (since, size) in files.items()}
    except (NotFoundError, KeyError, TypeError, ValueError, AttributeError):
        return {}


def remember(store: Objects, root: str, known: Mapping[str, Known]) -> None:
    """Keep it for the next look."""
    files = {location: [each.since, each.size] for location, each in known.items()}
    store.write(memory(root), json.dumps({"format": _FORMAT, "files": files}, indent=1).encode())


def by_table(store: ObjectStore, root: str, known: Mapping[str, Known]) -> dict[str, list[Known]]:
    """What is known, table by table."""
    found: dict[str, list[Known]] = {}
    for location, each in known.items():
        table = store.engine_path(location).removeprefix(f"{store.engine_path(root)}/").partition("/")[0]
        found.setdefault(table, []).append(each)
    return found
