"""From a pipeline's declaration to SQL: one SELECT per grain, over strict or careful records.

A relation of records has the declared top-level fields and columns of our own, whose names start with a
dot: `.n`, the record's number; in careful records also `.exact` and `.text`, the record again with exact
numbers and as text, and `.mix`, which is NULL unless the typed fields alone do not tell the record's content.
Where the contract asks for it, `.kept` has what a record holds beyond its declared fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from orderlake.engine import name, quote
from orderlake.kernel import cast
from orderlake.kernel.disguise import keyed, stored, stored_entries
from orderlake.kernel.shape import Reading, Shape, element, inner, shape_of
from orderlake.model.column import Column
from orderlake.model.contract import Contract, Mode
from orderlake.model.pipeline import Stream
from orderlake.model.staged import kept_name, staged_name

Grain = tuple[str, ...]
WAYS: Final[tuple[Reading, ...]] = ("typed", "exact", "text")
NUMBER: Final = inner("n")
KEPT: Final = inner("kept")
ENTRIES: Final = 'STRUCT("at" VARCHAR, path VARCHAR, "value" VARCHAR)[]'
"""The type of what is kept of a record beside its declared fields (see `undeclared`)."""
_HASH: Final = inner("hash")
SIFTED: Final = "sifted"
"""The sequence that counts the records that a sieve keeps out."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A stream's columns by grain, each distinct reading once, under its staged name."""

    stream: Stream
    shape: Shape
    sieve: str = ""
    """SQL that is true of the JSON records that no check takes out (see `sieve`); empty when there is no such check."""

    @property
    def is_text(self) -> bool:
        """Whether every value is read as text (CSV)."""
        return self.stream.format == "csv"

    @property
    def ways(self) -> Sequence[Reading]:
        """The readings that careful records have: a CSV row has only one."""
        return WAYS[:1] if self.is_text else WAYS

    @property
    def fields(self) -> tuple[str, ...]:
        """The declared top-level fields."""
        return tuple(self.shape.root.children)

    def columns(self, grain: Grain) -> dict[str, Column]:
        """Staged name → column, for all that tables read at this grain; the record's own tables may share it."""
        wanted = [table for table in self.stream.tables if self.grain_of(table.rows) == grain]
        found: dict[str, Column] = {}
        for column in [*self.stream.key, *(column for table in wanted for column in table.columns)]:
            alias = staged_name(column)
            if alias not in found or column.required:
                found[alias] = column
        return found

    def grain_of(self, rows: Grain) -> Grain:
        """The staged grain that serves tables with these rows."""
        return rows if rows in self.shape.grains else self.shape.grains[0]

    def content(self, reading: Reading = "typed") -> str:
        """SQL of the hash of a record's content: all declared fields."""
        return f"hash({', '.join(self.shape.value((key,), (), reading) for key in self.fields)})"

    def told(self, content: str) -> str:
        """SQL of the hash of a record whose declared fields hash to `content`: of what is kept beside them too.

        Where personal data is disguised it is made with the key, for the data is a part of it.
        """
        if self.stream.contract.is_kept:
            content = f"CASE WHEN r.{KEPT} IS NULL THEN {content} ELSE hash({content}, r.{KEPT}) END"
        return keyed(content) if self.stream.policies else content

    def disguised(self, grain: Grain) -> dict[str, tuple[bool, str]]:
        """By staged name, of the columns with a policy: whether the record itself has it, and SQL of what is stored.

        What the record has is told of it once, before its lists become rows.
        """
        found: dict[str, tuple[bool, str]] = {}
        for alias, column in self.columns(grain).items():
            if column.policy is not None:
                is_own = self.present(grain, column) is None
                value = self.shape.value(column.path, () if is_own else grain)
                found[alias] = is_own, stored(column.policy, value, column.type.sql)
        return found

    def casts(self, grain: Grain) -> Iterator[tuple[str, Column, cast.Cast]]:
        """Staged name, column and strict cast of each value at a grain."""
        for alias, column in self.columns(grain).items():
            if column.is_position:
                position = f"CAST(r.{inner(f'i{len(self.shape.levels(grain))}')} AS {column.type.sql})"
                yield alias, column, cast.Cast(position, "true", "")
                continue
            read = self.shape.value(column.path, grain)
            read_type = self.shape.node(column.path).read_type()
            yield alias, column, cast.text(column, read) if self.is_text else cast.strict(column, read, read_type)

    def careful_casts(self, grain: Grain) -> Iterator[tuple[str, Column, cast.Cast]]:
        """Staged name, column and exact cast of each value at a grain."""
        for alias, column, strict in self.casts(grain):
            if self.is_text or column.is_position:
                yield alias, column, strict
                continue
            read, exact, text = (self.shape.value(column.path, grain, way) for way in WAYS)
            yield alias, column, cast.exact(column, read, exact, text)

    def is_spared(self, column: Column, done: cast.Cast) -> bool:
        """Whether a record loads without this value when the value does not fit its column."""
        if self.stream.contract.types != "discard_value" or done.ok == "true" or column.required:
            return False
        sequence = self.stream.sequence_by
        return sequence is None or column.path != sequence.path

    def spared(self, column: Column, done: cast.Cast) -> str:
        """SQL of the value of a careful record that is not set aside."""
        return f"CASE WHEN {done.ok} THEN {done.value} END" if self.is_spared(column, done) else done.value

    def present(self, grain: Grain, column: Column) -> str | None:
        """SQL: the list element that the column belongs to exists; None for a column of the record itself."""
        depth = sum(1 for level in self.shape.levels(grain) if column.path[: len(level)] == level)
        return f"r.{inner(f'i{depth}')} IS NOT NULL" if depth else None


def plan_of(stream: Stream) -> Plan:
    """Work out what a stream reads."""
    return Plan(stream, shape_of(stream))


def strict_sql(plan: Plan, grain: Grain, relation: str, number: str | None) -> str:
    """SELECT a grain's staged rows from `relation`; it raises on the first value that is not exact.

    `number` is SQL of the record's number; None when the relation has it.
    """
    values: list[str] = []
    conditions = [
        f"(r.{inner(f'i{depth}')} IS NULL OR r.{element('typed', depth)} IS NOT NULL)"
        for depth in range(1, len(plan.shape.levels(grain)) + 1)
    ]
    for alias, column, done in plan.casts(grain):
        values.append(f"{done.value} AS {name(alias)}")
        present = plan.present(grain, column)
        conditions += [] if done.ok == "true" else [done.ok]
        if column.required:
            conditions.append(f"({done.value} IS NOT NULL{'' if present is None else f' OR NOT {present}'})")
    refused = set_aside(plan.stream.contract, "x")
    if refused is not None:
        conditions.append(f"(r.{KEPT} IS NULL OR len(list_filter(r.{KEPT}, lambda x: {refused})) = 0)")
    guarded = f"CASE WHEN {' AND '.join(conditions) or 'true'} THEN r.{NUMBER} ELSE error('strict') END"
    numbered = "" if number is None else f", {number} AS {NUMBER}"
    base = f"SELECT *, {plan.told(plan.content())} AS {_HASH}{_disguised(plan, grain)}{numbered} FROM {relation} AS r"
    if plan.sieve:  # what a filter drops no answer tells: the sequence counts it
        base = f"SELECT * FROM ({base}) AS r WHERE CASE WHEN {plan.sieve} THEN true ELSE nextval('{SIFTED}') < 0 END"
    rows = unnested(plan, grain, base, WAYS[:1])
    system = _system(plan, grain, guarded, "typed")
    return f"SELECT {', '.join([*values, *system])} FROM ({rows}) AS r"


def careful_sql(plan: Plan, grain: Grain, relation: str, bad: str, offset: int) -> str:
    """SELECT a grain's staged rows from careful records, without those whose number is in the table `bad`."""
    casts = plan.careful_casts(grain)
    values = [f"{plan.spared(column, done)} AS {name(alias)}" for alias, column, done in casts]
    content = plan.told(plan.content())
    if not plan.is_text:
        mix = f"r.{inner('mix')}"
        content = f"CASE WHEN {mix} IS NULL THEN {content} ELSE hash({content}, {mix}) END"
    keep = f"WHERE r.{NUMBER} NOT IN (SELECT {NUMBER} FROM {bad})"
    base = f"SELECT *, {content} AS {_HASH}{_disguised(plan, grain)} FROM {relation} AS r {keep}"
    rows = unnested(plan, grain, base, plan.ways)
    system = _system(plan, grain, f"{offset} + r.{NUMBER}", "typed" if plan.is_text else "exact")
    return f"SELECT {', '.join([*values, *system])} FROM ({rows}) AS r"


def _system(plan: Plan, grain: Grain, rid: str, numbers: Reading) -> list[str]:
    found = [f"{rid} AS _rid"]
    levels = len(plan.shape.levels(grain))
    found += [f"CAST(r.{inner(f'i{depth}')} AS INTEGER) AS _i{depth}" for depth in range(1, levels + 1)]
    if grain == plan.shape.grains[0]:
        found.append(f"CAST(r.{_HASH} >> 1 AS BIGINT) AS _hash")
    if plan.stream.sequence_by is not None:
        found.append(f"{_sequence(plan, plan.stream.sequence_by, numbers)} AS _seq")
    for alias, (is_own, value) in plan.disguised(grain).items():
        found.append(f"r.{inner(alias)}" if is_own else f"{value} AS {inner(alias)}")
    return found + _kept(plan, grain)


def _disguised(plan: Plan, grain: Grain) -> str:
    """What is stored of the record's own personal data, as more of a SELECT of records."""
    own = ((alias, value) for alias, (is_own, value) in plan.disguised(grain).items() if is_own)
    return "".join(f", {value} AS {inner(alias)}" for alias, value in own)


def disguised(plan: Plan, grain: Grain, select: str) -> str:
    """Staged rows, the checks told, with what is stored in place of personal data: those are told of it as it came."""
    aliases = list(plan.disguised(grain))
    if not aliases:
        return select
    hidden = ", ".join(inner(alias) for alias in aliases)
    shown = ", ".join(f"{inner(alias)} AS {name(alias)}" for alias in aliases)
    return f"SELECT * EXCLUDE ({hidden}) REPLACE ({shown}) FROM ({select})"


def _kept(plan: Plan, grain: Grain) -> list[str]:
    """What is kept of the record, and of each list element around the row."""
    if not plan.stream.contract.is_kept:
        return []
    at, found = "''", []
    for depth, level in enumerate([(), *plan.shape.levels(grain)]):
        if depth:
            at = f"{at} || {quote('/' + '.'.join(level) + '#')} || r.{inner(f'i{depth}')}"
        here = f"list_filter(r.{KEPT}, lambda x: x.at = {at})"
        found.append(f"{stored_entries(plan.stream.policies, here)} AS {name(kept_name(depth))}")
    return found


def set_aside(contract: Contract, entry: str) -> str | None:
    """SQL of whether a kept entry sets its record aside; None when none does."""
    return with_mode(contract, "discard_row", entry)


def with_mode(contract: Contract, mode: Mode, entry: str) -> str | None:
    """SQL of whether a kept entry is of a kind with this mode; None when no kind has it."""
    cases = [f"{entry}.value IS NOT NULL"] if contract.new == mode else []
    cases += [f"{entry}.value IS NULL"] if contract.missing == mode else []
    return " OR ".join(cases) or None


def _sequence(plan: Plan, column: Column, numbers: Reading) -> str:
    if column.type.name in ("bigint", "int"):
        return f"TRY_CAST({plan.shape.value(column.path, (), numbers)} AS BIGINT)"
    return cast.moment(column, plan.shape.value(column.path, ()))


def unnested(plan: Plan, grain: Grain, base: str, ways: Sequence[Reading]) -> str:
    """Wrap `base` so that each list on the way to the grain is a row per element; an empty list keeps one row."""
    for depth, level in enumerate(plan.shape.levels(grain), 1):
        above = plan.shape.levels(level[:-1])
        lists = {way: plan.shape.value(level, above[-1] if above else (), way) for way in ways}
        has = f"len({lists['typed']}) > 0"
        elements = [
            f"unnest(CASE WHEN {has} THEN {found} ELSE [NULL] END) AS {element(way, depth)}"
            for way, found in lists.items()
        ]
        count = f"range(1, len({lists['typed']}) + 1)"
        elements.append(f"unnest(CASE WHEN {has} THEN {count} ELSE [NULL] END) AS {inner(f'i{depth}')}")
        base = f"SELECT *, {', '.join(elements)} FROM ({base}) AS r"
    return base
