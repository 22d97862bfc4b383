"""Whether personal data can be stored as a pipeline tags it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from orderlake.errors import ConfigError
from orderlake.model.check import Check
from orderlake.model.column import Column
from orderlake.model.person import Place
from orderlake.model.pii import Path
from orderlake.model.reconcile import Reconcile
from orderlake.model.tag import Tag


def check_stored(places: Sequence[Place], needed: Mapping[str, Column], policies: Mapping[Path, Tag]) -> None:
    """ConfigError when a policy takes away what a table needs; `needed` tell records apart, by place."""
    for what, column in needed.items():
        _check_needed(what, column, policies)
    for place in places:
        for column in place.columns:
            _check_policy(f"{place.at}.{column.name}", column, place.partition)
        for check in place.checks:
            _check_told(f"{place.at}.checks.{check.name}", check, place.columns)


def _check_needed(what: str, column: Column, policies: Mapping[Path, Tag]) -> None:
    """ConfigError when a column that tells records or their versions apart (`what`) has a policy."""
    if column.path in policies:
        raise ConfigError(
            f"{what}: {'.'.join(column.path)} has pii({policies[column.path]}): what tells records and their versions "
            "apart is stored as it is; choose another field, or tag it without a policy: pii"
        )


def _check_policy(at: str, column: Column, partition: str | None) -> None:
    """ConfigError when a column cannot be stored by its policy; `partition` is the one that its table is split by."""
    policy = column.policy
    if policy is None:
        return
    if policy != "drop" and column.type.name != "string":
        raise ConfigError(f"{at}: pii({policy}) makes text of it: declare it as string, not {column.type}")
    if partition == column.name:
        raise ConfigError(f"{at}: the table is partitioned by it, so it is stored as it is: no pii({policy})")


def _check_told(at: str, check: Check, columns: Sequence[Column]) -> None:
    """ConfigError when a check is of what a policy takes away: of rows it sees values as they came, else as stored."""
    if check.is_of_rows or check.kind == "row_count":
        return
    for column in columns:
        policy = column.policy if column.name in check.columns else None
        if policy == "drop" or (policy == "mask" and check.kind in ("unique", "relationship")):
            raise ConfigError(f"{at}: {check.kind} is told of what is stored, which pii({policy}) takes away")


def check_amounts(reconcile: Sequence[Reconcile], tables: Mapping[str, Sequence[Column]]) -> None:
    """ConfigError when an amount that is reconciled is stored otherwise than it came; `tables` are columns by table."""
    for each in reconcile:
        for side in (each.header, each.lines):
            words = re.findall(r"\w+", side.amount)
            hidden = next(
                (one.name for one in tables[side.table] if one.policy is not None and one.name in words), None
            )
            if hidden is not None:
                said = f"{side.table}.{hidden} has a pii policy, so there is no amount to add up"
                raise ConfigError(f"reconcile.{each.name}: {said}")


def check_alike(at: str, here: Column, there: Column, called: str) -> None:
    """ConfigError when a relationship `at` compares columns that are not stored alike."""
    if here.policy != there.policy:
        raise ConfigError(
            f"{at}: {here.name} and {called} are not stored alike: give both pii(hash), or neither a policy"
        )
