"""Who a record is about: the fields that identify a person, so that the person can be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from orderlake.errors import ConfigError
from orderlake.model.check import Check
from orderlake.model.column import Column

if TYPE_CHECKING:
    from orderlake.model.pii import Path

Kind = Literal["id", "email"]
KINDS: Final[tuple[Kind, ...]] = ("id", "email")


@dataclass(frozen=True, slots=True)
class Place:
    """A table of a source, as far as personal data goes: its place in the file, columns, checks, what splits it."""

    at: str
    columns: Sequence[Column]
    checks: Sequence[Check]
    partition: str | None


def parse_person(body: object, at: str, column_of: Callable[[str, str], Column]) -> dict[Kind, Path]:
    """Read a source's `person`: by what a person is known, a column's path or name each (`column_of` finds it)."""
    if body is None:
        return {}
    if not isinstance(body, dict) or not body or not set(body) <= set(KINDS):
        raise ConfigError(f"{at}.person: takes id and email, as in {{id: customer.id, email: customer.email}}")
    return {kind: column_of(str(body[kind]), f"{at}.person.{kind}").path for kind in KINDS if kind in body}


def check_person(places: Sequence[Place], needed: Mapping[str, Column]) -> None:
    """ConfigError when a person could not be taken out of all records; `needed` tell records and versions apart."""
    apart = {column.path: "tells records or their versions apart" for column in needed.values()}
    for place in places:
        for column in place.columns:
            if column.pii is not None:
                _check_erasable(f"{place.at}.{column.name}", column, apart, place.partition)
        for check in place.checks:
            _check_passes(f"{place.at}.checks.{check.name}", check, place.columns)


def _check_erasable(at: str, column: Column, needed: Mapping[Path, str], partition: str | None) -> None:
    """ConfigError when a tagged column of a source with a person cannot be NULL; `needed` says what paths are for."""
    if column.path in needed:
        why = needed[column.path]
    elif column.required:
        why = "is required"
    elif partition == column.name:
        why = "splits the table"
    else:
        return
    raise ConfigError(f"{at}: it {why}, so it cannot be NULL once its person is forgotten: no pii, or not so")


def _check_passes(at: str, check: Check, columns: Sequence[Column]) -> None:
    """ConfigError when a check would take out the records of whoever is forgotten, being of what is NULL then."""
    if (
        check.on_fail == "warn"
        or check.allow_null
        or check.kind not in ("not_null", "range", "accepted_values", "pattern")
    ):
        return
    for column in columns:
        if column.pii is not None and column.name in check.columns:
            raise ConfigError(
                f"{at}: {column.name} is NULL once its person is forgotten, which this check would {check.on_fail}: "
                "let it warn, or allow_null"
            )


def check_findable(
    at: str, person: Sequence[tuple[Kind, Path]], tables: Sequence[Sequence[Column]], *, in_all: bool
) -> None:
    """ConfigError when rows about a person could not be found: no table has what identifies it, or not `in_all`."""
    for kind, path in person:
        has = [any(each.path == path and each.policy in (None, "hash") for each in columns) for columns in tables]
        if not (all if in_all else any)(has):
            where = "each table, for the source has no key" if in_all else "an iceberg table"
            asked = f"{'.'.join(path)} needs a column in {where}, as it is or with pii(hash)"
            raise ConfigError(f"{at}.person.{kind}: {asked}")
