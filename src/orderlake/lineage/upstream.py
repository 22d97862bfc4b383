"""Columns upstream: which columns of which tables each column of a model is computed from, by reading its SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot.schema import MappingSchema

Columns = dict[str, list[tuple[str, str]]]
"""For each column, (table, column) of what it is computed from; empty for what is counted, or written in the SQL."""


def tables_of(sql: str) -> list[str]:
    """The tables that a statement names; none when it cannot be read.

    >>> tables_of("WITH x AS (SELECT * FROM orders) SELECT * FROM x JOIN order_lines USING (order_id)")
    ['order_lines', 'orders']
    """
    import sqlglot  # noqa: PLC0415 - a tenth of a second, and a load needs none of it
    from sqlglot import exp  # noqa: PLC0415 - as above

    with suppress(sqlglot.errors.SqlglotError):
        tree = sqlglot.parse_one(sql, dialect="duckdb")
        own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
        return sorted({each.name for each in tree.find_all(exp.Table)} - own)
    return []


class Upstream:
    """The columns of the models of dbt's manifest; `declared` are the lake's tables, columns and types by name.

    A model's SQL is read when it is first asked for. One that cannot be read has no columns.
    """

    def __init__(self, manifest: Mapping[str, Any], declared: Mapping[str, Mapping[str, str]]) -> None:
        nodes = [node for node in manifest.get("nodes", {}).values() if node["resource_type"] == "model"]
        sources = list(manifest.get("sources", {}).values())
        tables: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
        for node in (*nodes, *sources):
            name = _name(node)
            own = dict(declared.get(name, {})) if node in sources else dict.fromkeys(node.get("columns", {}), "UNKNOWN")
            if own:
                tables.setdefault(str(node["database"]), {}).setdefault(str(node["schema"]), {})[name] = own
        self._tables = tables
        self._sql = {_name(node): str(node["compiled_code"]) for node in nodes if node.get("compiled_code")}
        self._dialect = str(manifest.get("metadata", {}).get("adapter_type", "duckdb"))
        self._known: dict[str, Columns] = {}

    @cached_property
    def _schema(self) -> MappingSchema:
        from sqlglot.schema import MappingSchema  # noqa: PLC0415 - as above

        tables: dict[str, object] = dict(self._tables)
        return MappingSchema(tables, dialect=self._dialect)

    def columns(self, model: str) -> Columns:
        """What each column of a model is computed from, one step upstream."""
        if model not in self._known:
            sql = self._sql.get(model)
            self._known[model] = {} if sql is None else columns_of(sql, self._schema, self._dialect)
        return self._known[model]

    def roots(self, model: str, column: str) -> list[tuple[str, str]]:
        """The columns of loaded tables that a model's column is made of in the end, through all models between."""
        return sorted(set(self._roots(model, column, frozenset())))

    def _roots(self, table: str, column: str, seen: frozenset[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        if table not in self._sql:
            yield table, column
        elif (table, column) not in seen:
            for source, field in self.columns(table).get(column, ()):
                yield from self._roots(source, field, seen | {(table, column)})


def columns_of(sql: str, schema: MappingSchema, dialect: str = "duckdb") -> Columns:
    """What each column of a SELECT is computed from; columns that cannot be traced are left out."""
    from sqlglot import exp, parse_one  # noqa: PLC0415 - as above
    from sqlglot.errors import SqlglotError  # noqa: PLC0415 - as above
    from sqlglot.lineage import lineage  # noqa: PLC0415 - as above
    from sqlglot.optimizer.qualify import qualify  # noqa: PLC0415 - as above
    from sqlglot.optimizer.scope import build_scope  # noqa: PLC0415 - as above

    found: Columns = {}
    with suppress(SqlglotError):
        parsed = parse_one(sql, dialect=dialect)
        tree = qualify(parsed, dialect=dialect, schema=schema, validate_qualify_columns=False)
        scope = build_scope(tree)
        for column in tree.named_selects if isinstance(tree, exp.Query) else ():
            with suppress(SqlglotError, ValueError):
                root = lineage(column, tree, schema, dialect=dialect, scope=scope, trim_selects=False, copy=False)
                ends = [each for each in root.walk() if not each.downstream]
                found[column] = sorted(
                    {
                        (end.expression.name, end.name.rsplit(".", 1)[-1].strip('"'))
                        for end in ends
                        if isinstance(end.expression, exp.Table)
                    }
                )
    return found


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("alias") or node.get("identifier") or node["name"])
