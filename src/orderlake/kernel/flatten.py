"""From a pipeline's declaration to SQL: one SELECT per grain, over strict or careful records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orderlake.kernel import cast
from orderlake.engine import name, quote
from orderlake.kernel.shape import EXACT_NUMBER, Shape, shape_of
from orderlake.model.column import Column
from orderlake.model.pipeline import Stream
from orderlake.model.staged import staged_name

Grain = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A stream's columns by grain, each distinct reading once, under its staged name."""

    stream: Stream
    shape: Shape

    @property
    def is_text(self) -> bool:
        """Whether every value is read as text (CSV)."""
        return self.stream.format == "csv"

    @property
    def number(self) -> str:
        """The DuckDB type that numbers are read as."""
        return "VARCHAR" if self.is_text else "DOUBLE"

    def columns(self, grain: Grain) -> dict[str, Column]:
        """Staged name → column, for all that tables read at this grain; the record grain's tables may share it."""
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

    def reads(self) -> Iterator[str]:
        """The top-level fields whose values make the content of a record."""
        hidden = self._sequence_only()
        for key in self.shape.root.children:
            if key != hidden:
                yield key

    def _sequence_only(self) -> str | None:
        sequence = self.stream.sequence_by
        if sequence is None or len(sequence.path) > 1:
            return None
        return sequence.path[0]


def plan_of(stream: Stream) -> Plan:
    """Work out what a stream reads."""
    return Plan(stream, shape_of(stream))


def strict_sql(plan: Plan, grain: Grain, relation: str, rid: str | None) -> str:
    """SELECT a grain's staged rows from `relation`; it raises on the first value that is not exact.

    `rid` is SQL of the record's number; None when the relation has it as `_n`.
    """
    values: list[str] = []
    conditions: list[str] = []
    for alias, column, read in _reads(plan, grain):
        if column.is_position:
            values.append(f"CAST({read} AS {column.type.sql}) AS {name(alias)}")
            continue
        node = plan.shape.node(column.path)
        done = cast.text(column, read) if plan.is_text else cast.strict(column, read, node.read_type("DOUBLE"))
        present = _present(plan, grain, column)
        conditions += [] if done.ok == "true" else [done.ok]
        conditions += [f"(NOT {present} OR {done.value} IS NOT NULL)" if present else f"{done.value} IS NOT NULL"] if column.required else []
        values.append(f"{done.value} AS {name(alias)}")
    guard = " AND ".join(conditions) or "true"
    hashed = f"hash({', '.join(f'r.{name(key)}' for key in plan.reads())})"
    number = "" if rid is None else f", {rid} AS _n"
    base = f"SELECT *, {hashed} AS _h{number} FROM {relation} AS r"
    system = _system(plan, grain, "r._h", f"CASE WHEN {guard} THEN r._n ELSE error('strict') END")
    return f"SELECT {', '.join([*values, *system])} FROM ({_unnested(plan, grain, base)}) AS r"


def careful_sql(plan: Plan, grain: Grain, relation: str, bad: str | None) -> str:
    """SELECT a grain's staged rows from careful records, without those whose `_n` is in the table `bad`."""
    values = [
        f"{f'CAST({read} AS {column.type.sql})' if done is None else done.value} AS {name(alias)}"
        for alias, column, read, done in _careful(plan, grain)
    ]
    hashed = f"hash({', '.join(f'r.{name(key)}' for key in plan.reads())})"
    content = hashed if plan.is_text else f"CASE WHEN r._same THEN {hashed} ELSE hash({hashed}, r._raw) END"
    keep = f" WHERE _n NOT IN (SELECT _n FROM {bad})" if bad is not None else ""
    base = f"SELECT *, {content} AS _h FROM {relation} AS r{keep}"
    return f"SELECT {', '.join([*values, *_system(plan, grain, 'r._h', 'r._n')])} FROM ({_unnested(plan, grain, base, careful=True)}) AS r"


def complaints_sql(plan: Plan, grain: Grain, relation: str) -> str:
    """SELECT (_n, field, reason) of the first thing wrong in each careful record, for one grain."""
    cases: list[str] = []
    for _, column, _, done in _careful(plan, grain):
        if done is None:
            continue
        field = quote(".".join(column.path))
        present = _present(plan, grain, column)
        if done.ok != "true":
            cases.append(f"WHEN NOT {done.ok} THEN [{field}, {quote(done.complaint)}]")
        if column.required:
            when = f"{present} AND {done.value} IS NULL" if present else f"{done.value} IS NULL"
            cases.append(f"WHEN {when} THEN [{field}, 'is missing']")
    levels = plan.shape.levels(grain)
    for depth, level in enumerate(levels, 1):
        wrong = f"r.r_i{depth} IS NOT NULL AND coalesce(json_type(r._raw, {_raw_path(levels, level)}), '') <> 'OBJECT'"
        cases.insert(0, f"WHEN {wrong} THEN [{quote('.'.join(level))}, 'holds an element that is not an object']")
    if not cases:
        return "SELECT NULL::BIGINT AS _n, NULL::VARCHAR AS field, NULL::VARCHAR AS reason WHERE false"
    found = f"CASE {' '.join(cases)} END"
    inner = f"SELECT r._n, {found} AS c FROM ({_unnested(plan, grain, f'SELECT * FROM {relation}', careful=True)}) AS r"
    return f"SELECT _n, c[1] AS field, c[2] AS reason FROM ({inner}) WHERE c IS NOT NULL"


def _reads(plan: Plan, grain: Grain) -> Iterator[tuple[str, Column, str]]:
    for alias, column in plan.columns(grain).items():
        if column.is_position:
            yield alias, column, f"r.r_i{len(plan.shape.levels(grain))}"
        else:
            yield alias, column, plan.shape.value(column.path, grain, "r")


def _careful(plan: Plan, grain: Grain) -> Iterator[tuple[str, Column, str, cast.Cast | None]]:
    for alias, column, read in _reads(plan, grain):
        if column.is_position:
            yield alias, column, read, None
        elif plan.is_text:
            yield alias, column, read, cast.text(column, read)
        else:
            number = plan.shape.value(column.path, grain, "_x") if _is_number(plan, column) else f"TRY_CAST({read} AS {EXACT_NUMBER})"
            yield alias, column, read, cast.exact(column, read, number, _raw_present(plan, grain, column))


def _is_number(plan: Plan, column: Column) -> bool:
    return plan.shape.node(column.path).read_type("DOUBLE") == "DOUBLE"


def _raw_present(plan: Plan, grain: Grain, column: Column) -> str:
    """SQL: the raw record holds something other than null at the column's path."""
    return f"(coalesce(json_type(r._raw, {_raw_path(plan.shape.levels(grain), column.path)}), 'NULL') <> 'NULL')"


def _raw_path(levels: list[Grain], path: Grain) -> str:
    """SQL of a JSON path to `path`, with the positions of the list elements that are unnested."""
    text, done = "'$", 0
    for depth, level in enumerate(levels, 1):
        if path[: len(level)] != level:
            break
        text += _dotted(path[done : len(level)]) + f"[' || CAST(r.r_i{depth} - 1 AS VARCHAR) || ']"
        done = len(level)
    return text + _dotted(path[done:]) + "'"


def _dotted(parts: tuple[str, ...]) -> str:
    return "".join('."' + part.replace("'", "''") + '"' for part in parts)


def _present(plan: Plan, grain: Grain, column: Column) -> str | None:
    """SQL: the list element that the column belongs to exists; None for a column of the record itself."""
    depth = sum(1 for level in plan.shape.levels(grain) if column.path[: len(level)] == level)
    return f"(r.r_i{depth} IS NOT NULL)" if depth else None


def _system(plan: Plan, grain: Grain, hashed: str, rid: str) -> list[str]:
    levels = plan.shape.levels(grain)
    found = [f"{rid} AS _rid"]
    found += [f"CAST(r.r_i{depth} AS INTEGER) AS _i{depth}" for depth in range(1, len(levels) + 1)]
    if grain == plan.shape.grains[0]:
        found.append(f"CAST({hashed} >> 1 AS BIGINT) AS _hash")
    if plan.stream.sequence_by is not None:
        found.append(f"{_sequence(plan, plan.stream.sequence_by)} AS _seq")
    return found


def _sequence(plan: Plan, column: Column) -> str:
    read = plan.shape.value(column.path, (), "r")
    if column.type.name in ("bigint", "int"):
        return f"TRY_CAST({read} AS BIGINT)"
    return f"epoch_us(CAST({cast.text(column, read).value} AS TIMESTAMPTZ))"


def _unnested(plan: Plan, grain: Grain, base: str, *, careful: bool = False) -> str:
    """Wrap `base` so that each list on the way to the grain is a row per element; an empty list keeps one row."""
    for depth, level in enumerate(plan.shape.levels(grain), 1):
        above = plan.shape.levels(level[:-1])
        here = plan.shape.value(level, above[-1] if above else (), "r")
        has = f"len({here}) > 0"
        more = ""
        if careful and not plan.is_text:
            there = plan.shape.value(level, above[-1] if above else (), "_x")
            more = f", unnest(CASE WHEN {has} THEN {there} ELSE [NULL] END) AS _x_e{depth}"
        base = (
            f"SELECT *, unnest(CASE WHEN {has} THEN {here} ELSE [NULL] END) AS r_e{depth}{more}, "
            f"unnest(CASE WHEN {has} THEN range(1, len({here}) + 1) ELSE [NULL] END) AS r_i{depth} FROM ({base}) AS r"
        )
    return base
