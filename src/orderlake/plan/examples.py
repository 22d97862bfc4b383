"""Examples of what a commit decides: keys of each fate, and what changes in the rows of a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from orderlake.engine import name, parquet, quote
from orderlake.model.pipeline import TableSpec
from orderlake.plan.planned import Setback
from orderlake.tables.batch import Batch
from orderlake.tables.decide import Decision
from orderlake.tables.lakehouse import Lakehouse, Opened
from orderlake.tables.layout import entity_columns, key_names
from orderlake.tables.rewrite import may_hold
from orderlake.values import plain

if TYPE_CHECKING:
    import duckdb

SHOWN: Final = 3
_REASONS: Final = 5
_ROWS: Final = 200
"""Rows of an example that are compared, at most."""
_LONG: Final = 24
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A batch and what was decided about it, to be asked before it is committed; `tables` as they are until then."""

    cursor: duckdb.DuckDBPyConnection
    batch: Batch
    decision: Decision
    tables: Mapping[str, Opened]
    house: Lakehouse

    def keys(self) -> dict[int, dict[str, list[Key]]]:
        """Per source number and fate, the least few keys."""
        if not self.batch.stream.key or not any(self.batch.staged.grains.values()):
            return {}
        names = ", ".join(key_names(self.batch.stream))
        entities = f"{self.batch.entities()} AS e"
        won = entities + (f" ANTI JOIN {self.decision.losers} USING (_rid)" if self.decision.losers else "")
        dropped = self.decision.dropped
        fates = {"new": f"{won} ANTI JOIN {dropped} USING ({names})" if dropped else won}
        if dropped:
            fates["changed"] = f"{won} SEMI JOIN {dropped} USING ({names})"
        if self.decision.losers:
            for fate, same in (("unchanged", "same"), ("superseded", "NOT same")):
                lost = f"(SELECT _rid FROM {self.decision.losers} WHERE {same})"
                fates[fate] = f"{entities} SEMI JOIN {lost} AS l USING (_rid)"
        number = self.batch.staged.source()
        found: dict[int, dict[str, list[Key]]] = {}
        for fate, rows in fates.items():
            sql = f"SELECT {number} AS n, min(row({names}), {SHOWN}) FROM {rows} GROUP BY n"
            for source, keys in self.cursor.execute(sql).fetchall():
                found.setdefault(int(source), {})[fate] = [_values(key) for key in keys]
        return found

    def setbacks(self) -> dict[int, list[Setback]]:
        """Per source number, why records are set aside."""
        staged = self.batch.staged
        if not staged.rejected:
            return {}
        place = f"coalesce(line, {staged.position('position', 'segment')})"
        rows = self.cursor.execute(
            f"SELECT {staged.source('segment')} AS n, field, reason, action, count(*) AS c, min({place}, {SHOWN}) "
            f"FROM {parquet(staged.rejected)} GROUP BY ALL ORDER BY n, c DESC, field, reason"
        )
        found: dict[int, list[Setback]] = {}
        while (row := rows.fetchone()) is not None:
            source, at, reason, action, count, lines = row
            some = found.setdefault(int(source), [])
            if len(some) < _REASONS:
                some.append(Setback(str(at or ""), str(reason), int(count), [int(line) for line in lines], str(action)))
        return found

    def differences(self, keys: Sequence[Key]) -> dict[Key, list[str]]:
        """What changes in the rows of these keys, table by table; plain Parquet tables repeat what others have."""
        found: dict[Key, list[str]] = {key: [] for key in keys}
        for spec in self.batch.stream.tables:
            opened = self.tables.get(spec.name)
            if opened is not None and opened.metadata is not None and keys:
                before = self._stored(spec, opened, keys)
                after = self._staged(spec, opened, keys)
                for key in keys:
                    said = _difference(spec, _columns(spec, opened), before.get(key, []), after.get(key, []))
                    found[key] += said
        return found

    def _stored(self, spec: TableSpec, opened: Opened, keys: Sequence[Key]) -> dict[Key, list[Key]]:
        low, high = min(key[0] for key in keys), max(key[0] for key in keys)
        files = may_hold(opened.live, opened.layout.key[0], low, high)
        if not files:
            return {}
        store = self.house.store
        return self._rows(spec, opened, opened.layout.rows(store.engine_path(file.location) for file in files), keys)

    def _staged(self, spec: TableSpec, opened: Opened, keys: Sequence[Key]) -> dict[Key, list[Key]]:
        return self._rows(spec, opened, f"({self.batch.rows_of(spec, self.decision.losers)})", keys)

    def _rows(self, spec: TableSpec, opened: Opened, rows: str, keys: Sequence[Key]) -> dict[Key, list[Key]]:
        own = entity_columns(self.batch.stream, spec)
        columns = _columns(spec, opened)
        wanted = ", ".join(f"({', '.join(_literal(value) for value in key)})" for key in keys)
        match = f"({', '.join(map(name, own))})" if len(own) > 1 else name(own[0])
        values = f"{match} IN ({wanted})"
        found: dict[Key, list[Key]] = {}
        sql = f"SELECT {', '.join(map(name, [*own, *columns]))} FROM {rows} AS t WHERE {values} LIMIT {_ROWS}"
        for row in self.cursor.execute(sql).fetchall():
            found.setdefault(tuple(row[: len(own)]), []).append(tuple(row[len(own) :]))
        return found


def key_text(key: Key) -> str:
    """A key as people read it."""
    return ", ".join(shown(value) for value in key)


def shown(value: object) -> str:
    """A value on one line, cut short."""
    if value is None:
        return "nothing"
    text = "".join(mark if mark.isprintable() else " " for mark in plain(value))
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _columns(spec: TableSpec, opened: Opened) -> list[str]:
    return [column.name for column in spec.columns if column.name in opened.layout.columns]


def _difference(spec: TableSpec, columns: Sequence[str], before: list[Key], after: list[Key]) -> list[str]:
    if not spec.rows and len(before) == len(after) == 1:
        pairs = zip(columns, before[0], after[0], strict=True)
        return [f"{column} {shown(old)} → {shown(new)}" for column, old, new in pairs if old != new]
    if len(before) != len(after):
        return [f"{spec.name} {len(before):,} → {len(after):,} rows"]
    if sorted(map(repr, before)) == sorted(map(repr, after)):
        return []
    others = [
        column
        for at, column in enumerate(columns)
        if sorted(repr(row[at]) for row in before) != sorted(repr(row[at]) for row in after)
    ]
    return [f"{spec.name}: {', '.join(others) or 'the order of rows'}"]


def _values(key: object) -> Key:
    return tuple(key.values()) if isinstance(key, dict) else tuple(key)  # type: ignore[arg-type]  # a row of DuckDB's


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else quote(plain(value))
