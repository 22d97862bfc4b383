"""DuckDB SQL as Athena's: the same question, the same answer, or a refusal that says what to write instead.

Statements are written in DuckDB's SQL and checked by DuckDB itself against empty tables of the declared columns, so
what is wrong is refused in the same words on both engines. sqlglot then resolves every column, star and alias; what it
leaves as it was, or would get wrong, is put right by `trino`; and any construct not on its list is refused. Nothing is
passed on in the hope that it means the same.

The translation is held by tests of its text, and by running it back on DuckDB. What Athena makes of that text can
only be seen in a real account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from orderlake.engine import name
from orderlake.errors import MissingExtraError, QueryError
from orderlake.query.readonly import only_reads

if TYPE_CHECKING:
    from sqlglot import exp

    from orderlake.query.trino.nodes import Node

Tables = Mapping[str, Mapping[str, str]]
"""Columns with their DuckDB types, by table."""

_EXPLAIN: Final = re.compile(r"\s*explain\s+(?P<analyze>analyze\s+)?(?=select\b|with\b|from\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Translation:
    """A statement for Athena, and what DuckDB says of its answer: column names, DuckDB type names."""

    sql: str
    columns: tuple[str, ...]
    types: tuple[str, ...]


def translate(sql: str, tables: Tables, versions: Mapping[str, int] | None = None) -> Translation:
    """Give one SELECT, or EXPLAIN of one, in Athena's SQL; QueryError names what cannot be translated.

    `versions` are the snapshots that tables are asked at, where not at their newest.
    """
    try:
        import sqlglot  # noqa: PLC0415 - an optional extra
        from sqlglot.errors import SqlglotError  # noqa: PLC0415 - as above
    except ImportError as error:
        raise MissingExtraError("Athena needs the extra `aws`: pip install 'orderlake[aws]'") from error

    explain = _EXPLAIN.match(sql)
    question = sql[explain.end() :] if explain else sql
    columns, types = described(question, tables)
    try:
        parsed = sqlglot.parse_one(question, read="duckdb")
        text = _translated(parsed, tables, versions or {})
    except SqlglotError as error:
        raise QueryError(f"this cannot be translated for Athena: {error}: ask DuckDB, with --on duckdb") from error
    if explain is None:
        _readable(columns, types)
        return Translation(text, columns, types)
    analyze = "ANALYZE " if explain["analyze"] else ""
    return Translation(f"EXPLAIN {analyze}{text}", ("Query Plan",), ("VARCHAR",))


def described(sql: str, tables: Tables) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Let DuckDB check a statement against empty tables; give the names and types of its columns."""
    import duckdb  # noqa: PLC0415 - slow to load

    known = ", ".join(tables) or "none yet"
    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table, columns in tables.items():
            declared = ", ".join(f"{name(column)} {kind}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE {name(table)} ({declared})")
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or not only_reads(statements[0]):
                raise QueryError(
                    "one SELECT at a time: the lake is read-only here, tables change only by `orderlake run`"
                )
            found = connection.execute(f"DESCRIBE\n{statements[0].query.strip().rstrip(';')}").fetchall()
        except duckdb.Error as error:
            raise QueryError(f"{error}\nThe tables are: {known}") from error
    return tuple(str(row[0]) for row in found), tuple(str(row[1]) for row in found)


def _readable(columns: tuple[str, ...], types: tuple[str, ...]) -> None:
    """Athena answers in text: lists and the like cannot be read back from it."""
    for column, kind in zip(columns, types, strict=True):
        if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "INTERVAL", "JSON", "VARIANT")):
            raise QueryError(
                f"Athena cannot give the column {column} ({kind}) back as it is: write string_agg, date_diff or UNNEST "
                "to make plain values of it, or ask DuckDB with --on duckdb"
            )


def _translated(parsed: exp.Expr, tables: Tables, versions: Mapping[str, int]) -> str:
    from sqlglot import ErrorLevel  # noqa: PLC0415 - an optional extra
    from sqlglot.optimizer.annotate_types import annotate_types  # noqa: PLC0415 - as above
    from sqlglot.optimizer.qualify import qualify  # noqa: PLC0415 - as above

    from orderlake.query import trino  # noqa: PLC0415 - it needs the extra

    trino.refuse(parsed, trino.REFUSED_AS_WRITTEN)
    schema = cast("dict[str, object]", {table: dict(columns) for table, columns in tables.items()})
    tree = qualify(parsed, schema=schema, dialect="duckdb", quote_identifiers=False, identify=False)
    _expand_all(tree)
    tree = annotate_types(tree, schema=schema, dialect="duckdb")
    trino.rewrite(tree)
    _at_versions(tree, versions)
    return tree.sql("trino", unsupported_level=ErrorLevel.RAISE, comments=False)


def _at_versions(tree: exp.Expr, versions: Mapping[str, int]) -> None:
    """Ask each table at its snapshot; names that the statement itself defines are no tables."""
    from sqlglot import exp  # noqa: PLC0415 - an optional extra
    from sqlglot.optimizer.scope import traverse_scope  # noqa: PLC0415 - as above

    for scope in traverse_scope(tree) if versions else ():
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and source.name in versions:
                snapshot = exp.Literal.number(versions[source.name])
                source.set("version", exp.Version(this="VERSION", kind="AS OF", expression=snapshot))


def _expand_all(tree: exp.Expr) -> None:
    """GROUP BY ALL and ORDER BY ALL, written out."""
    from sqlglot import exp  # noqa: PLC0415 - an optional extra

    for select in list(tree.find_all(exp.Select)):
        group = select.args.get("group")
        if group is not None and group.args.get("all"):
            plain = [item.unalias() for item in select.selects if not _aggregates(item)]
            select.set("group", exp.Group(expressions=[item.copy() for item in plain]) if plain else None)
        order = select.args.get("order")
        everything = [one for one in order.expressions if _is_all(one)] if order is not None else []
        if order is not None and everything:
            order.set("expressions", [_nth(at, everything[0]) for at in range(1, len(select.selects) + 1)])


def _aggregates(item: exp.Expr) -> bool:
    """Whether an item of a SELECT is made of an aggregate; a constant needs no group either."""
    from sqlglot import exp  # noqa: PLC0415 - an optional extra

    if item.find(exp.Column) is None:
        return True
    for call in item.find_all(exp.AggFunc):
        around = call.parent
        while isinstance(around, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
            around = around.parent
        if not isinstance(around, exp.Window) and call.parent_select is item.parent_select:
            return True
    return False


def _is_all(ordered: Node) -> bool:
    from sqlglot import exp  # noqa: PLC0415 - an optional extra

    return isinstance(ordered.this, exp.Var) and ordered.this.name.upper() == "ALL"


def _nth(at: int, like: Node) -> exp.Expr:
    from sqlglot import exp  # noqa: PLC0415 - an optional extra

    return exp.Ordered(
        this=exp.Literal.number(at), desc=like.args.get("desc"), nulls_first=like.args.get("nulls_first")
    )
