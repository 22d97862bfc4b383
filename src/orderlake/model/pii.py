"""Personal data: which fields of a source hold it, and what is stored in their place.

A tag belongs to a path of the record: every column that reads it is stored alike, as is what a contract keeps of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orderlake.errors import ConfigError
from orderlake.model.check import Check
from orderlake.model.column import Column
from orderlake.model.tag import WORDS, Tag, parse_tag

Path = tuple[str, ...]
Placed = tuple[str, Column]
"""A column, and its place in the pipeline file."""


def tags_of(columns: Sequence[Placed], own: object, at: str) -> dict[Path, Tag]:
    """What is tagged of a source `at`: paths by its columns, and those that have none by its `pii` (`own`)."""
    tags: dict[Path, Tag] = {}
    for where, column in columns:
        if column.pii is not None and tags.setdefault(column.path, column.pii) != column.pii:
            path = ".".join(column.path)
            raise ConfigError(f"{where}: {path} has another pii elsewhere; one holds for all tables")
    return tags | _without_column([column.path for _, column in columns], own, f"{at}.pii")


def _without_column(read: Sequence[Path], own: object, at: str) -> dict[Path, Tag]:
    if own is None:
        return {}
    if not isinstance(own, dict):
        raise ConfigError(f"{at}: expected `PATH: {WORDS}` lines")
    tags: dict[Path, Tag] = {}
    for text, tag in own.items():
        path = tuple(str(text).split("."))
        if not all(path):
            raise ConfigError(f"{at}: {text!r} is no path like customer.phone")
        near = next((other for other in read if other[: len(path)] == path or path[: len(other)] == other), None)
        if near is not None:
            raise ConfigError(f"{at}: {text} has a column ({'.'.join(near)}): say it there, behind its type")
        tags[path] = parse_tag(tag, f"{at}.{text}")
    return tags


def check_needed(what: str, column: Column, policies: Mapping[Path, Tag]) -> None:
    """ConfigError when a column that tells records or their versions apart (`what`) has a policy."""
    if column.path in policies:
        raise ConfigError(
            f"{what}: {'.'.join(column.path)} has pii({policies[column.path]}): what tells records and their versions "
            "apart is stored as it is; choose another field, or tag it without a policy: pii"
        )


def check_policy(at: str, column: Column, partition: str | None) -> None:
    """ConfigError when a column cannot be stored by its policy; `partition` is the one that its table is split by."""
    policy = column.policy
    if policy is None:
        return
    if policy != "drop" and column.type.name != "string":
        raise ConfigError(f"{at}: pii({policy}) makes text of it: declare it as string, not {column.type}")
    if partition == column.name:
        raise ConfigError(f"{at}: the table is partitioned by it, so it is stored as it is: no pii({policy})")


def check_told(at: str, check: Check, columns: Sequence[Column]) -> None:
    """ConfigError when a check is of what a policy takes away: of rows it sees values as they came, else as stored."""
    if check.is_of_rows or check.kind == "row_count":
        return
    for column in columns:
        policy = column.policy if column.name in check.columns else None
        if policy == "drop" or (policy == "mask" and check.kind in ("unique", "relationship")):
            raise ConfigError(f"{at}: {check.kind} is told of what is stored, which pii({policy}) takes away")
