"""Checks and reconciliations of the tables as they are: what does not hold now, whatever was found as files came."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from orderlake.engine import name, quote
from orderlake.errors import NotFoundError
from orderlake.kernel.conditions import condition
from orderlake.model.check import Check
from orderlake.model.pipeline import Pipeline, Stream, TableSpec
from orderlake.model.reconcile import Reconcile
from orderlake.model.source import MENDED
from orderlake.tables.layout import entity_columns
from orderlake.wiring import Backends

if TYPE_CHECKING:
    from orderlake.query.duckdb import Result

Ask = Callable[[str], "Result"]
_EXAMPLES: Final = 5
_SENT: Final = f"NOT regexp_matches(_source_file, {quote(MENDED)})"
"""SQL of whether a row is of a file that was sent; one of a mended record says nothing of files."""


@dataclass(frozen=True, slots=True)
class State:
    """How a check stands: of `checked` rows, files or orders `failed` do not hold; `examples` name the first."""

    pipeline: str
    table: str
    name: str
    kind: str
    on_fail: str
    checked: int
    failed: int
    message: str
    examples: tuple[str, ...] = ()
    measured: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self) | {"examples": list(self.examples)}


def states(backends: Backends, ask: Ask, named: Sequence[str] = ()) -> list[State]:
    """How each check of the project stands, or those that are called so (`name` or `table.name`).

    NotFoundError when one of the names is that of no check.
    """
    wanted = _wanted(backends.pipelines, named)
    return [
        _state(ask, pipeline, *each) if not isinstance(each, Reconcile) else _reconciled(ask, pipeline, each)
        for pipeline, each in wanted
    ]


def failing(backends: Backends, ask: Ask, named: str, limit: int | None = None) -> list[tuple[State, Result]]:
    """What does not hold of a check (of each that is called so): rows, or orders with both sums."""
    found = []
    for pipeline, each in _wanted(backends.pipelines, [named]):
        some = "" if limit is None else f" LIMIT {max(0, limit)}"
        if isinstance(each, Reconcile):
            state, sql = _reconciled(ask, pipeline, each), f"SELECT * FROM ({mismatches(each)}) ORDER BY ALL{some}"
        else:
            state, sql = _state(ask, pipeline, *each), f"SELECT * FROM ({_bad_rows(*each[1:])}){some}"
        found.append((state, ask(sql)))
    return found


Declared = tuple[Stream, TableSpec, Check]


def _wanted(pipelines: Sequence[Pipeline], named: Sequence[str]) -> list[tuple[Pipeline, Declared | Reconcile]]:
    every: list[tuple[Pipeline, Declared | Reconcile]] = []
    for pipeline in pipelines:
        every += [(pipeline, one) for stream in pipeline.streams for one in _declared(stream)]
        every += [(pipeline, each) for each in pipeline.reconcile]
    called = {name_: each for each in every for name_ in _names(each[1])}
    for one in named:
        if one not in called:
            known = ", ".join(sorted({_names(each)[0] for _, each in every})) or "none"
            raise NotFoundError(f"there is no check {one}; the project has {known}")
    return [each for each in every if not named or set(_names(each[1])) & set(named)]


def _declared(stream: Stream) -> Iterator[Declared]:
    for spec in stream.tables:
        for check in spec.checks:
            yield stream, spec, check


def _names(each: Declared | Reconcile) -> tuple[str, str]:
    if isinstance(each, Reconcile):
        return each.name, f"{each.header.table}.{each.name}"
    return each[2].name, f"{each[1].name}.{each[2].name}"


def _state(ask: Ask, pipeline: Pipeline, stream: Stream, spec: TableSpec, check: Check) -> State:
    of = State(pipeline.name, spec.name, check.name, check.kind, check.on_fail, 0, 0, check.message)
    if check.kind in ("freshness", "null_share"):
        return _of_table(ask, of, check)
    if check.kind == "row_count" and spec.format != "iceberg":
        return of  # its rows do not tell their files
    if _is_hidden(spec, check):
        return replace(of, measured="told as files load: what is stored is no longer the value")
    counted = f"count(DISTINCT _source_file) FILTER ({_SENT})" if check.kind == "row_count" else "count(*)"
    (checked,) = ask(f"SELECT {counted} FROM {name(spec.name)}").rows[0]
    key = _shown(stream, spec, check)
    failed, examples = ask(f"SELECT count(*), min({key}, {_EXAMPLES}) FROM ({_bad_rows(spec, check)}) AS t").rows[0]
    shown = tuple(dict.fromkeys(str(each) for each in examples or ()))
    return replace(of, checked=int(checked), failed=int(failed), examples=shown)


def _is_hidden(spec: TableSpec, check: Check) -> bool:
    """Whether a check of rows is about values that are stored otherwise than they came."""
    hidden = {column.name for column in spec.columns if column.policy is not None}
    return check.is_of_rows and bool(hidden & {*check.columns, *re.findall(r"\w+", check.text)})


def _shown(stream: Stream, spec: TableSpec, check: Check) -> str:
    """SQL of what a failing row is called: its key, or its file where that is what is checked."""
    columns = entity_columns(stream, spec) if stream.key and check.kind != "row_count" else ("_source_file",)
    if spec.format != "iceberg" and not stream.key:
        columns = tuple(column.name for column in spec.columns[:1])
    return f"concat_ws(', ', {', '.join(name(column) for column in columns)})"


def _bad_rows(spec: TableSpec, check: Check) -> str:
    """SELECT the rows of a table that a check does not hold for."""
    table, own = name(spec.name), ", ".join(map(name, check.columns))
    null = " OR ".join(f"t.{name(column)} IS NULL" for column in check.columns) or "false"
    if _is_hidden(spec, check):
        return f"SELECT * FROM {table} WHERE false"
    if check.is_of_rows:
        said = condition(check, {column.name: column for column in spec.columns})
        return f"SELECT * FROM {table} WHERE ({said}) IS NOT TRUE"
    if check.kind == "relationship":
        other, column = map(name, check.to)
        kept = f" WHERE NOT ({null})" if check.allow_null else ""
        return f"SELECT * FROM {table} AS t ANTI JOIN {other} AS o ON t.{own} = o.{column}{kept}"
    if check.kind == "row_count":
        bounds = [f"count(*) {'<' if word == 'min' else '>'} {count}" for word, count in check.limits.items()]
        files = f"SELECT _source_file, count(*) AS rows FROM {table} WHERE {_SENT} GROUP BY _source_file"
        return f"{files} HAVING {' OR '.join(bounds)}"
    twice = f"count(*) OVER (PARTITION BY {own}) > 1 OR " if check.kind == "unique" else ""
    return f"SELECT * FROM {table} AS t QUALIFY {twice}{null}" if twice else f"SELECT * FROM {table} AS t WHERE {null}"


def _of_table(ask: Ask, of: State, check: Check) -> State:
    """Checks that tell one thing of the whole table; freshness is told against the clock."""
    own = name(check.columns[0])
    if check.kind == "null_share":
        count, nulls = ask(f"SELECT count(*), count(*) FILTER ({own} IS NULL) FROM {name(of.table)}").rows[0]
        share = nulls / count if count else 0.0
        return replace(of, checked=1, failed=int(share > float(check.limits["max"])), measured=f"{share:.4g}")
    (newest,) = ask(f"SELECT epoch_us(max({own})::TIMESTAMP) FROM {name(of.table)}").rows[0]
    if newest is None:
        return replace(of, checked=1, failed=1, measured="no row")
    at = datetime.fromtimestamp(int(newest) / 1_000_000, UTC)
    is_old = (datetime.now(UTC) - at).total_seconds() > check.seconds
    return replace(of, checked=1, failed=int(is_old), measured=at.isoformat(sep=" "))


def mismatches(each: Reconcile) -> str:
    """SELECT the orders whose sums differ: the key, `header`, `lines` and their `difference`."""
    return f"SELECT * FROM ({_sums(each)}) WHERE (abs(difference) <= {each.tolerance}) IS NOT TRUE"


def _sums(each: Reconcile) -> str:
    """SELECT both sums per order; what one side does not have counts as nothing there, but NULL is no amount."""
    key = ", ".join(map(name, each.key))
    sides = (
        f"(SELECT {key}, sum({side.amount}) AS amount, true AS has FROM {name(side.table)} GROUP BY {key})"
        for side in (each.header, each.lines)
    )
    head, lines = sides
    amounts = ", ".join(f"CASE WHEN {side}.has THEN {side}.amount ELSE 0 END AS {side}" for side in ("header", "lines"))
    joined = f"SELECT {key}, {amounts} FROM {head} AS header FULL JOIN {lines} AS lines USING ({key})"
    return f"SELECT *, header - lines AS difference FROM ({joined})"


def _reconciled(ask: Ask, pipeline: Pipeline, each: Reconcile) -> State:
    key = f"concat_ws(', ', {', '.join(map(name, each.key))})"
    (checked,) = ask(f"SELECT count(*) FROM ({_sums(each)})").rows[0]
    failed, examples = ask(f"SELECT count(*), min({key}, {_EXAMPLES}) FROM ({mismatches(each)}) AS t").rows[0]
    shown = tuple(str(example) for example in examples or ())
    counts = int(checked), int(failed)
    return State(pipeline.name, each.header.table, each.name, "reconcile", "warn", *counts, each.message, shown)
