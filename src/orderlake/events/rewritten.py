"""Versions of objects that stand for others: written anew without what a person wanted forgotten, they are the same.

S3 gives a rewritten object another version id, time and ETag. So its metadata says which version it stands for. That is
also written down beside the tables, for all objects that have such versions: nobody has to ask for the metadata of all
the others, and whoever may only list objects can tell them too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from orderlake.clients import Client, translated
from orderlake.errors import NotFoundError
from orderlake.model.source import SourceObject
from orderlake.storage.s3 import split
from orderlake.storage.s3_streams import whole

METADATA: Final = "orderlake-stands-for"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Written:
    """What is written down of an object: what its versions stand for, by their tags.

    One that is not settled is being rewritten, or was when somebody died: `was_deleted` tells whether it was deleted
    when it came to that. A version that is not told of may be one that is just being written: its metadata knows.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    was_deleted: bool = False
    is_settled: bool = True


def listing(lake: str) -> str:
    """Where it is written down."""
    return f"{lake}/.rewritten.json"


def rewritten(client: Client, lake: str) -> dict[str, Written]:
    """The objects that have versions which stand for others, by their uris."""
    bucket, key = split(listing(lake))
    try:
        document = json.loads(whole(client, {"Bucket": bucket, "Key": key}))
    except NotFoundError:
        return {}
    return {uri: Written(**about) for uri, about in document["objects"].items()}


def write_down(client: Client, lake: str, objects: Mapping[str, Written]) -> None:
    """Write down what there is to tell: before the first such version is there, and once all are.

    One at a time may do so.
    """
    bucket, key = split(listing(lake))
    told = {uri: {**asdict(about), "versions": dict(about.versions)} for uri, about in sorted(objects.items())}
    with translated(listing(lake)):
        data = json.dumps({"format": _FORMAT, "objects": told}, indent=1).encode()
        client.put_object(Bucket=bucket, Key=key, Body=data)


def stands_for(source: SourceObject) -> str:
    """What a version says that stands for this one: ASCII."""
    return f"{source.version} {source.size} {source.tag}"


def as_it_stands(version: SourceObject, told: str | None) -> SourceObject:
    """The source that a version of an object is: itself, or the one that it says it stands for."""
    if told is None:
        return version
    when, size, tag = told.split(" ", 2)
    return replace(version, size=int(size), version=int(when), tag=tag, held=version.tag)


def newest_of_each(stored: Iterable[SourceObject]) -> list[SourceObject]:
    """Of versions in the order of storing, for each source the one that was stored last; oldest source first."""
    last = {source.identity: source for source in stored}
    return sorted(last.values(), key=lambda source: source.version)
