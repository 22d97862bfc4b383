"""What records are asked for: values of a key, as they are typed, and which streams have such a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderlake.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from orderlake.model.pipeline import Pipeline, Stream


@dataclass(frozen=True, slots=True)
class Asked:
    """One key to look for: a stream, and the value of each column of its key."""

    stream: Stream
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Where:
    """Where to look: one pipeline, one table; None is all."""

    pipeline: str | None = None
    table: str | None = None


def asked(pipelines: Sequence[Pipeline], key: Sequence[str], where: Where) -> list[Asked]:
    """The streams whose key can be that: `17`, the parts of a composite key (`a,b`), or `order_id=17 line=2`.

    ConfigError when no stream has such a key, NotFoundError for a pipeline or table that there is not.
    """
    streams = _streams(pipelines, where)
    named = [part.partition("=") for part in key]
    if all(equals and name.isidentifier() for name, equals, _ in named):
        values = {name: value for name, _, value in named}
        found = [Asked(one, values) for one in streams if {column.name for column in one.key} == set(values)]
    else:
        found = [
            Asked(one, dict(zip((column.name for column in one.key), parts, strict=True)))
            for one in streams
            for parts in _parts(key)
            if len(parts) == len(one.key)
        ]
    if not found:
        keys = "; ".join(
            f"{one.pipeline}.{one.name}: {', '.join(column.name for column in one.key)}" for one in streams
        )
        raise ConfigError(
            f"no key can be {' '.join(key)!r}: give one value for each column of a key, as a,b or column=a; "
            f"the keys are {keys or 'none'}"
        )
    return found


def _parts(key: Sequence[str]) -> list[list[str]]:
    """A key as one value, which may hold commas, and as several."""
    if len(key) > 1:
        return [list(key)]
    parts = key[0].split(",")
    return [[key[0]], parts] if len(parts) > 1 else [[key[0]]]


def _streams(pipelines: Sequence[Pipeline], where: Where) -> list[Stream]:
    names = [pipeline.name for pipeline in pipelines]
    if where.pipeline is not None and where.pipeline not in names:
        raise NotFoundError(f"there is no pipeline {where.pipeline!r}; the project has {', '.join(names) or 'none'}")
    streams = [
        stream
        for pipeline in pipelines
        if where.pipeline in (None, pipeline.name)
        for stream in pipeline.streams
        if stream.key
    ]
    if where.table is None:
        return streams
    chosen = [stream for stream in streams if any(table.name == where.table for table in stream.tables)]
    if not chosen:
        tables = ", ".join(table.name for stream in streams for table in stream.tables)
        raise NotFoundError(f"there is no table {where.table!r} of a source with a key; there are {tables or 'none'}")
    return chosen
