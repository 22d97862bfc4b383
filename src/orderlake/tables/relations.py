"""Relationships: how many of a batch's rows name what the other table, as it is now, does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from orderlake.engine import name
from orderlake.model.check import Check, CheckResult
from orderlake.model.pipeline import TableSpec
from orderlake.model.staged import staged_name
from orderlake.tables.batch import Batch
from orderlake.tables.lakehouse import Lakehouse
from orderlake.tables.layout import TableLayout
from orderlake.tables.rewrite import may_hold

if TYPE_CHECKING:
    import duckdb

_EXAMPLES = 5


def with_relations(
    cursor: duckdb.DuckDBPyConnection, house: Lakehouse, batch: Batch
) -> tuple[tuple[CheckResult, ...], ...]:
    """What the checks of a batch found, per source, relationships to other tables among them.

    They only warn: what the other table holds depends on which file came first, and what enters a table must not.
    """
    found = batch.staged.checks
    related = [(spec, check) for spec in batch.stream.tables for check in spec.checks if check.kind == "relationship"]
    if not related or not any(batch.staged.grains.values()):
        return found
    more = [list(_results(cursor, house, batch, spec, check)) for spec, check in related]
    before = found or tuple(() for _ in batch.staged.sources)
    return tuple((*results, *(one[number] for one in more)) for number, results in enumerate(before))


def _results(
    cursor: duckdb.DuckDBPyConnection, house: Lakehouse, batch: Batch, spec: TableSpec, check: Check
) -> Iterator[CheckResult]:
    column = next(column for column in spec.columns if column.name == check.columns[0])
    own = name(staged_name(column))
    staged = batch.relation(spec.rows)
    known = _known(cursor, house, batch, check, f"SELECT min({own}), max({own}) FROM {staged}")
    number = batch.staged.source()
    fails = "o.v IS NULL" + (f" AND s.{own} IS NOT NULL" if check.allow_null else "")
    rows = cursor.execute(
        f"SELECT CAST({number} AS INTEGER) AS n, count(*), count(*) FILTER ({fails}), "
        f"min({batch.row()}, {_EXAMPLES}) FILTER ({fails}) "
        f"FROM {staged} AS s LEFT JOIN (SELECT DISTINCT v FROM ({known})) AS o ON s.{own} = o.v GROUP BY n"
    ).fetchall()
    counted = {int(n): (int(checked), int(failed), examples or []) for n, checked, failed, examples in rows}
    none = CheckResult(check.name, spec.name, check.kind, check.on_fail, 0, 0, check.message)
    for at in range(len(batch.staged.sources)):
        checked, failed, examples = counted.get(at, (0, 0, []))
        yield replace(none, checked=checked, failed=failed, examples=tuple(dict.fromkeys(map(int, examples))))


def _known(cursor: duckdb.DuckDBPyConnection, house: Lakehouse, batch: Batch, check: Check, bounds: str) -> str:
    """SELECT, as `v`, the values that the other table holds; of its files only those that may hold one of ours."""
    table, column = check.to
    low, high = cursor.execute(bounds).fetchone() or (None, None)
    opened = house.open([TableLayout(table, {}, ())])[table]
    files = may_hold(opened.live, column, low, high) if low is not None else []
    rows = opened.layout.rows(house.store.engine_path(file.location) for file in files)
    selects = [f"SELECT {name(column)} AS v FROM {rows}"] if files and column in opened.layout.columns else []
    for other in batch.stream.tables:
        if other.name == table:  # rows that come with the batch are there too
            its = next(each for each in other.columns if each.name == column)
            selects.append(f"SELECT {name(staged_name(its))} AS v FROM {batch.relation(other.rows)}")
    return " UNION ALL ".join(selects) or "SELECT NULL AS v WHERE false"
