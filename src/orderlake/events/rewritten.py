"""Versions of objects that stand for others: written anew without what a person wanted forgotten, they are the same.

S3 gives a rewritten object another version id, time and ETag. So its metadata says which version it stands for, and
which keys have such versions is written down beside the tables: nobody has to ask for the metadata of all the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from orderlake.clients import Client, translated
from orderlake.errors import NotFoundError
from orderlake.model.source import SourceObject
from orderlake.storage.s3 import split
from orderlake.storage.s3_streams import whole

METADATA: Final = "orderlake-stands-for"
_FORMAT: Final = 1


def listing(lake: str) -> str:
    """Where it is written down which objects have such versions."""
    return f"{lake}/.rewritten.json"


def rewritten(client: Client, lake: str) -> dict[str, bool]:
    """The uris of objects that have versions which stand for others: whether they were deleted when it came to that."""
    bucket, key = split(listing(lake))
    try:
        document = json.loads(whole(client, {"Bucket": bucket, "Key": key}))
    except NotFoundError:
        return {}
    return {str(uri): bool(was_deleted) for uri, was_deleted in document["objects"].items()}


def write_down(client: Client, lake: str, uri: str, *, was_deleted: bool) -> None:
    """Add one, before its first such version is there; one at a time may do so."""
    bucket, key = split(listing(lake))
    objects = dict(sorted((rewritten(client, lake) | {uri: was_deleted}).items()))
    with translated(listing(lake)):
        data = json.dumps({"format": _FORMAT, "objects": objects}, indent=1).encode()
        client.put_object(Bucket=bucket, Key=key, Body=data)


def stands_for(source: SourceObject) -> str:
    """What the metadata of a version says that stands for this one: ASCII."""
    return f"{source.version} {source.size} {source.tag}"


def as_it_stands(version: SourceObject, head: Mapping[str, str]) -> SourceObject:
    """The source that a version of an object with this metadata is: itself, or the one that it stands for."""
    told = head.get(METADATA)
    if told is None:
        return version
    when, size, tag = told.split(" ", 2)
    return replace(version, size=int(size), version=int(when), tag=tag, held=version.tag)


def newest_of_each(stored: Iterable[SourceObject]) -> list[SourceObject]:
    """Of versions in the order of storing, for each source the one that was stored last; oldest source first."""
    last = {source.identity: source for source in stored}
    return sorted(last.values(), key=lambda source: source.version)
