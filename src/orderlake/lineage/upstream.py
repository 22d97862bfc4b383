"""Columns upstream: which columns of which tables each column of a model is computed from, by reading its SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

Columns = dict[str, list[tuple[str, str]]]
"""For each column, (table, column) of what it is computed from; empty for what is counted, or written in the SQL."""
_DIALECTS: Final[Mapping[str, str]] = {"duckdb": "duckdb", "athena": "athena"}


def tables_of(sql: str) -> list[str]:
    """The tables that a statement names, in their order; none when it cannot be read.

    >>> tables_of("WITH x AS (SELECT * FROM orders) SELECT * FROM x JOIN order_lines USING (order_id)")
    ['orders', 'order_lines']
    """
    import sqlglot  # noqa: PLC0415 - a tenth of a second, and a load needs none of it
    from sqlglot import exp  # noqa: PLC0415 - as above

    with suppress(sqlglot.errors.SqlglotError):
        tree = sqlglot.parse_one(sql, dialect="duckdb")
        own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
        return list(dict.fromkeys(each.name for each in tree.find_all(exp.Table) if each.name not in own))
    return []


def models(manifest: Mapping[str, Any], declared: Mapping[str, Mapping[str, str]]) -> dict[str, Columns]:
    """The columns of each model of dbt's manifest, one step upstream; `declared` are the lake's tables.

    A model whose SQL cannot be read has none.
    """
    nodes = [node for node in manifest.get("nodes", {}).values() if node["resource_type"] == "model"]
    sources = list(manifest.get("sources", {}).values())
    schema: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for node in (*nodes, *sources):
        name = _name(node)
        columns = dict(declared.get(name, {})) if node in sources else dict.fromkeys(node.get("columns", {}), "UNKNOWN")
        if columns:
            schema.setdefault(str(node["database"]), {}).setdefault(str(node["schema"]), {})[name] = columns
    dialect = _DIALECTS.get(str(manifest.get("metadata", {}).get("adapter_type", "duckdb")), "duckdb")
    found = {}
    for node in nodes:
        if node.get("compiled_code"):
            found[_name(node)] = columns_of(node["compiled_code"], schema, dialect)
    return found


def columns_of(sql: str, schema: Mapping[str, Any], dialect: str = "duckdb") -> Columns:
    """What each column of a SELECT is computed from; columns that cannot be traced are left out."""
    from sqlglot import exp, parse_one  # noqa: PLC0415 - as above
    from sqlglot.errors import SqlglotError  # noqa: PLC0415 - as above
    from sqlglot.lineage import lineage  # noqa: PLC0415 - as above
    from sqlglot.optimizer.qualify import qualify  # noqa: PLC0415 - as above
    from sqlglot.optimizer.scope import build_scope  # noqa: PLC0415 - as above

    found: Columns = {}
    with suppress(SqlglotError):
        tree = qualify(
            parse_one(sql, dialect=dialect), dialect=dialect, schema=dict(schema), validate_qualify_columns=False
        )
        scope = build_scope(tree)
        for column in tree.named_selects if isinstance(tree, exp.Query) else ():
            with suppress(SqlglotError, ValueError):
                root = lineage(column, tree, {}, dialect=dialect, scope=scope, trim_selects=False, copy=False)
                leaves = {
                    (each.expression.name, each.name.rsplit(".", 1)[-1])
                    for each in root.walk()
                    if not each.downstream and isinstance(each.expression, exp.Table)
                }
                found[column] = sorted(leaves)
    return found


def roots(columns: Mapping[str, Columns], table: str, column: str) -> list[tuple[str, str]]:
    """The columns of loaded tables that a model's column is made of in the end, through all models between."""
    return sorted(set(_roots(columns, table, column, frozenset())))


def _roots(
    columns: Mapping[str, Columns], table: str, column: str, seen: frozenset[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    if table not in columns:
        yield table, column
        return
    if (table, column) in seen:
        return
    for source, field in columns[table].get(column, ()):
        yield from _roots(columns, source, field, seen | {(table, column)})


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("alias") or node.get("identifier") or node["name"])
