"""What the checks found in each source of a staged load, counted from the staged rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from orderlake.engine import Engine, name, parquet
from orderlake.errors import UnreadableShareError
from orderlake.kernel.flags import FLAGS, Flag, applies, beside, flags_at
from orderlake.kernel.flatten import Grain, Plan
from orderlake.kernel.shape import inner
from orderlake.model.check import Check, CheckResult
from orderlake.model.pipeline import TableSpec
from orderlake.model.reconcile import Reconcile, Side
from orderlake.model.source import is_mended
from orderlake.model.staged import StagedLoad, staged_name

if TYPE_CHECKING:
    import duckdb

_EXAMPLES: Final = 5
_SECOND: Final = 1_000_000_000
_N, _AT = inner("source"), inner("record")
"""Columns of our own beside a table's: no column is called like them."""
_HEADER, _LINES = inner("header"), inner("lines")
_Found = tuple[object, object, object]
"""Rows checked, rows that fail, and the numbers of the first records of those."""
_NONE: Final[_Found] = (0, 0, None)


def results_of(engine: Engine, plan: Plan, staged: StagedLoad) -> tuple[tuple[CheckResult, ...], ...]:
    """Per source, a result of each check of its tables, those apart that ask other tables."""
    if not (plan.stream.reconcile or any(spec.checks for spec in plan.stream.tables)):
        return ()
    return _Counted(engine.cursor(), plan, staged).all()


def refuse(staged: StagedLoad) -> None:
    """UnreadableShareError names the first source of which a check with `on_fail: fail` does not hold."""
    for number, results in enumerate(staged.checks):
        failed = [one for one in results if one.on_fail == "fail" and one.failed]
        if failed:
            raise UnreadableShareError("; ".join(map(_said, failed)), number, [one.as_dict() for one in results])


def _said(result: CheckResult) -> str:
    where = f": record {result.examples[0]}" if result.examples else ""
    others = f" and {result.failed - 1} more" if result.failed > 1 and where else ""
    measured = f", found {result.measured}" if result.measured else ""
    return f"check {result.table}.{result.name}: {result.message}{measured}{where}{others}"


@dataclass(frozen=True)
class _Counted:
    cursor: duckdb.DuckDBPyConnection
    plan: Plan
    staged: StagedLoad

    def all(self) -> tuple[tuple[CheckResult, ...], ...]:
        found: dict[tuple[str, str], Mapping[int, CheckResult]] = {}
        for grain in self.plan.shape.grains:
            found |= self._of_rows(grain)
        for spec in self.plan.stream.tables:
            for check in spec.checks:
                if not check.is_of_rows and check.kind != "relationship":
                    found[spec.name, check.name] = self._of_file(spec, check)
        for each in self.plan.stream.reconcile:
            found[each.header.table, each.name] = self._reconciled(each)
        wanted = [(spec.name, check.name) for spec in self.plan.stream.tables for check in spec.checks]
        wanted += [(each.header.table, each.name) for each in self.plan.stream.reconcile]
        return tuple(
            tuple(found[key][number] for key in wanted if number in found.get(key, ()))
            for number in range(len(self.staged.sources))
        )

    def _is_empty(self) -> bool:
        return not any(self.staged.grains.values())

    def _of_rows(self, grain: Grain) -> dict[tuple[str, str], Mapping[int, CheckResult]]:
        flags = flags_at(self.plan, grain)
        counted: dict[int, Sequence[object]] = {}
        if flags and not self._is_empty():
            tables = {flag.spec.name: flag.spec for flag in flags}
            values = [f"count(*) FILTER ({applies(self.plan, spec, grain)})" for spec in tables.values()]
            checked = self._counted(", ".join(values), self._flags(grain))
            fails = [f"{FLAGS} & {flag.mask} <> 0" for flag in flags]
            place = self.staged.position()
            values = [f"count(*) FILTER ({each}), min({place}, {_EXAMPLES}) FILTER ({each})" for each in fails]
            failed = self._counted(", ".join(values), f"{self._flags(grain)} WHERE {FLAGS} <> 0")
            none = (0, None) * len(flags)
            counted = {number: [*row, *failed.get(number, none)] for number, row in checked.items()}
        return {(flag.spec.name, flag.check.name): self._per_source(flag, flags, counted) for flag in flags}

    def _counted(self, values: str, rows: str) -> dict[int, Sequence[object]]:
        """Aggregates over staged rows, per source."""
        select = f"SELECT CAST({self.staged.source()} AS INTEGER) AS n, {values} FROM {rows} GROUP BY n"
        return {int(row[0]): row[1:] for row in self.cursor.execute(select).fetchall()}

    def _flags(self, grain: Grain) -> str:
        """A FROM item: the flags of all rows of a grain, of those that were taken out too."""
        levels = "".join(f"_i{depth}, " for depth in range(1, len(self.plan.shape.levels(grain)) + 1))
        places = [self.staged.grains[grain], self.staged.taken.get(grain, ())]
        selects = [f"SELECT _rid, {levels}{FLAGS} FROM {parquet(files)}" for files in places if files]
        return f"({' UNION ALL '.join(selects)})"

    def _per_source(
        self, flag: Flag, flags: Sequence[Flag], counted: Mapping[int, Sequence[object]]
    ) -> dict[int, CheckResult]:
        tables = list(dict.fromkeys(each.spec.name for each in flags))
        at = len(tables) + 2 * flags.index(flag)
        found = {}
        for number in range(len(self.staged.sources)):
            row = counted.get(number)
            counts = _NONE if row is None else (row[tables.index(flag.spec.name)], row[at], row[at + 1])
            found[number] = _result(flag.spec, flag.check, counts)
        return found

    def _rows(self, spec: TableSpec) -> str:
        """A FROM item: a table's staged rows with its own column names, their source and record number."""
        grain = self.plan.grain_of(spec.rows)
        columns = ", ".join(f"{name(staged_name(column))} AS {name(column.name)}" for column in spec.columns)
        place = f"CAST({self.staged.source()} AS INTEGER) AS {_N}, {self.staged.position()} AS {_AT}"
        return (
            f"(SELECT {columns}, _rid, {place} "
            f"FROM {parquet(self.staged.grains[grain])} WHERE {applies(self.plan, spec, grain)})"
        )

    def _of_file(self, spec: TableSpec, check: Check) -> dict[int, CheckResult]:
        rows: dict[int, Sequence[object]] = {}
        if not self._is_empty():
            value = {
                "row_count": "count(*)",
                "freshness": f"epoch_us(max({_own(check)})::TIMESTAMP)",
                "null_share": f"count(*) FILTER ({_own(check)} IS NULL)",
                "unique": "0",
            }[check.kind]
            found = self.cursor.execute(
                f"SELECT {_N}, count(*), {value} FROM {self._rows(spec)} GROUP BY {_N}"
            ).fetchall()
            rows = {int(row[0]): row[1:] for row in found}
        twice = self._twice(spec, check) if check.kind == "unique" and not self._is_empty() else {}
        results = {}
        for number, source in enumerate(self.staged.sources):
            count, value_ = rows.get(number, (0, None if check.kind == "freshness" else 0))
            if check.kind == "unique":
                results[number] = _result(spec, check, (count, *twice.get(number, (0, None))))
            elif not is_mended(source.uri):  # a record that was mended is no file: its own file was looked at
                holds, measured = _held(check, int(str(count)), value_, source.version)
                results[number] = _result(spec, check, (1, int(not holds), None), measured)
        return results

    def _twice(self, spec: TableSpec, check: Check) -> dict[int, tuple[object, object]]:
        """Per source, how many rows have values that a row before them has, or NULL; and the first of them."""
        own = ", ".join(map(name, check.columns))
        null = " OR ".join(f"{name(column)} IS NULL" for column in check.columns)
        again = f"row_number() OVER (PARTITION BY {_N}, {own} ORDER BY _rid) > 1"
        rows = self.cursor.execute(
            f"SELECT {_N}, count(*), min({_AT}, {_EXAMPLES}) FROM (SELECT {_N}, {_AT}, ({again} OR {null}) AS again "
            f"FROM {self._rows(spec)}) WHERE again GROUP BY {_N}"
        ).fetchall()
        return {int(n): (count, examples) for n, count, examples in rows}

    def _sums(self, each: Reconcile) -> str:
        """SELECT both sums of each record, `a` of the header and `b` of the lines: in one go where rows carry both."""
        tables = {spec.name: self.plan.grain_of(spec.rows) for spec in self.plan.stream.tables}
        head, line = tables[each.header.table], tables[each.lines.table]
        rows = parquet(self.staged.grains[line])
        lines = _amount(self.plan, each.lines, line, rows, _LINES)
        if head == line:
            both = _amount(self.plan, each.header, head, f"({lines})", _HEADER)
            return f"SELECT _rid, sum({_HEADER}) AS a, sum({_LINES}) AS b FROM ({both}) GROUP BY _rid"
        header = _amount(self.plan, each.header, head, parquet(self.staged.grains[head]), _HEADER)
        return (
            f"SELECT _rid, a, b FROM (SELECT _rid, sum({_HEADER}) AS a FROM ({header}) GROUP BY _rid) "
            f"LEFT JOIN (SELECT _rid, sum({_LINES}) AS b FROM ({lines}) GROUP BY _rid) USING (_rid)"
        )

    def _reconciled(self, each: Reconcile) -> dict[int, CheckResult]:
        rows: dict[int, Sequence[object]] = {}
        if not self._is_empty():
            off = f"(abs(a - coalesce(b, 0)) <= {each.tolerance}) IS NOT TRUE"
            found = self.cursor.execute(
                f"SELECT CAST({self.staged.source()} AS INTEGER) AS n, count(*), count(*) FILTER ({off}), "
                f"min({self.staged.position()}, {_EXAMPLES}) FILTER ({off}) FROM ({self._sums(each)}) GROUP BY n"
            ).fetchall()
            rows = {int(row[0]): row[1:] for row in found}
        results = {}
        for number in range(len(self.staged.sources)):
            checked, failed, examples = rows.get(number, (0, 0, None))
            results[number] = CheckResult(
                each.name,
                each.header.table,
                "reconcile",
                "warn",
                int(str(checked)),
                int(str(failed)),
                each.message,
                _examples(examples),
            )
        return results


def _amount(plan: Plan, side: Side, grain: Grain, rows: str, called: str) -> str:
    """SELECT staged rows with one side's amount beside them, NULL where a row is not of its table."""
    spec = next(spec for spec in plan.stream.tables if spec.name == side.table)
    return beside(spec, rows, f"CASE WHEN {applies(plan, spec, grain)} THEN ({side.amount}) END", called)


def _own(check: Check) -> str:
    return name(check.columns[0]) if check.columns else "0"


def _held(check: Check, count: int, value: object, version: int) -> tuple[bool, str]:
    """Whether a check of a file as a whole holds, and what was found."""
    if check.kind == "row_count":
        low, high = (int(check.limits.get(word, default)) for word, default in (("min", count), ("max", count)))
        return low <= count <= high, f"{count} rows"
    if check.kind == "null_share":
        share = Decimal(int(str(value))) / count if count else Decimal(0)
        return share <= Decimal(check.limits["max"]), f"{share:.4f}".rstrip("0").rstrip(".") or "0"
    if value is None:  # without a row nothing is fresh
        return False, "no row"
    newest = int(str(value)) / 1_000_000
    return version / _SECOND - newest <= check.seconds, datetime.fromtimestamp(newest, UTC).isoformat(sep=" ")


def _result(spec: TableSpec, check: Check, found: _Found, measured: str = "") -> CheckResult:
    checked, failed, examples = found
    counts = int(str(checked)), int(str(failed))
    examined = _examples(examples)
    return CheckResult(check.name, spec.name, check.kind, check.on_fail, *counts, check.message, examined, measured)


def _examples(found: object) -> tuple[int, ...]:
    return tuple(dict.fromkeys(map(int, found))) if isinstance(found, list) else ()
