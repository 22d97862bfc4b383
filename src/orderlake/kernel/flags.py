"""Which checks a staged row fails: a bit each, told in the pass that stages it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orderlake.engine import name
from orderlake.kernel.conditions import condition
from orderlake.kernel.flatten import Grain, Plan
from orderlake.kernel.shape import inner
from orderlake.model.check import Check
from orderlake.model.pipeline import TableSpec
from orderlake.model.staged import of_table, staged_name

FLAGS: Final = "_checks"
"""The staged column of whole numbers: bit n is set in a row that fails the stream's nth check of rows."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A check of rows, the table it is of, and its bit."""

    bit: int
    spec: TableSpec
    check: Check

    @property
    def mask(self) -> int:
        """The bit as a number."""
        return 1 << self.bit

    @property
    def field(self) -> str:
        """The path of the field that is wrong, where one is."""
        paths = {column.name: ".".join(column.path) for column in self.spec.columns}
        return paths[self.check.columns[0]] if self.check.columns else ""


def flags_of(plan: Plan) -> tuple[Flag, ...]:
    """All checks of rows of a stream, in the order they are declared."""
    checks = [(spec, check) for spec in plan.stream.tables for check in spec.checks if check.is_of_rows]
    return tuple(Flag(bit, spec, check) for bit, (spec, check) in enumerate(checks))


def taking(plan: Plan) -> tuple[Flag, ...]:
    """Those that take a record out."""
    return tuple(flag for flag in flags_of(plan) if flag.check.takes_out)


def flags_at(plan: Plan, grain: Grain) -> tuple[Flag, ...]:
    """Those that are told at a grain."""
    return tuple(flag for flag in flags_of(plan) if plan.grain_of(flag.spec.rows) == grain)


def applies(plan: Plan, spec: TableSpec, grain: Grain) -> str:
    """SQL over staged rows of a grain: the row is one of the table's."""
    return of_table(len(plan.shape.levels(grain)), is_own=spec.rows == grain)


def beside(spec: TableSpec, select: str, value: str, called: str) -> str:
    """SELECT staged rows with a value beside them: SQL over a table's columns, by name, and staged ones."""
    named = ", ".join(f"{name(staged_name(column))} AS {name(column.name)}" for column in spec.columns)
    hidden = ", ".join(name(column.name) for column in spec.columns)
    return f"SELECT * EXCLUDE ({hidden}), {value} AS {called} FROM (SELECT *, {named} FROM {select})"


def flagged(plan: Plan, grain: Grain, select: str, *, is_sifted: bool = False) -> str:
    """The SELECT of a grain's staged rows with the column of flags, where the grain has checks.

    Of rows that have passed the sieve only those checks are asked that take no record out.
    """
    if not flags_at(plan, grain):
        return select
    flags = [flag for flag in flags_at(plan, grain) if not (is_sifted and flag.check.takes_out)]
    if not flags:
        return f"SELECT *, 0::BIGINT AS {FLAGS} FROM ({select})"
    tables: Mapping[str, TableSpec] = {flag.spec.name: flag.spec for flag in flags}
    own = {table: inner(f"flags {table}") for table in tables}
    for table, spec in tables.items():
        columns = {column.name: column for column in spec.columns}
        bits = " | ".join(
            f"CASE WHEN {condition(flag.check, columns)} THEN 0::BIGINT ELSE {flag.mask}::BIGINT END"
            for flag in flags
            if flag.spec is spec
        )
        value = f"CASE WHEN {applies(plan, spec, grain)} THEN {bits} ELSE 0 END"
        select = beside(spec, f"({select})", value, own[table])
    every = " | ".join(own.values())
    return f"SELECT * EXCLUDE ({', '.join(own.values())}), {every} AS {FLAGS} FROM ({select})"
