"""Ways to write a SELECT so that each measure is counted once; whether one is right is tried out by the lint itself.

Each takes a finding and gives a SELECT to put in the place of the faulty one, or None where it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any, Final

from sqlglot import exp

from orderlake.query.grain.answers import aggregates, grouping
from orderlake.query.grain.expressions import conjuncts, own
from orderlake.query.grain.facts import Grains, TableGrain
from orderlake.query.grain.reading import Finding
from orderlake.query.grain.relation import Attrs
from orderlake.query.grain.scope import Scope

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""
_UNMOVED: Final = (exp.Min, exp.Max, exp.AnyValue, exp.LogicalAnd, exp.LogicalOr)


def without_distinct(finding: Finding, _grains: Grains) -> exp.Select | None:
    """sum(x) for sum(DISTINCT x); what repeats its rows is put right after that."""
    if finding.fault.kind != "distinct":
        return None

    def changed(node: exp.Expr) -> exp.Expr:
        if node == finding.call and isinstance(node.this, exp.Distinct):
            return exp.Sum(this=node.this.expressions[0].copy())
        return node

    made = finding.select.copy().transform(changed)
    return made if isinstance(made, exp.Select) else None


def from_the_record(finding: Finding, grains: Grains) -> exp.Select | None:
    """The same question to the table where each row is what the measure is of, when it has all columns."""
    select, term = finding.select, finding.fault.term
    first = select.args.get("from_")
    if first is None or select.args.get("joins") or select.find(exp.Star) or select.find(exp.Subquery):
        return None
    table = first.this
    wide = grains.tables.get(table.name.lower()) if isinstance(table, exp.Table) else None
    if wide is None or term.column not in wide.columns:
        return None
    for target in grains.tables.values():
        if target.stream == wide.stream and len(target.levels) == wide.columns[term.column].level + 1:
            made = _moved(select, wide, target)
            if made is not None:
                return made
    return None


def _moved(select: exp.Select, wide: TableGrain, target: TableGrain) -> exp.Select | None:
    by_origin = {fact.origin: name for name, fact in target.columns.items()}
    made = select.copy()
    for column in list(made.find_all(exp.Column)):
        known = wide.columns.get(column.name.lower())
        if known is None and not column.table and column.name.lower() in {one.alias.lower() for one in made.selects}:
            continue
        new = by_origin.get(known.origin) if known is not None else None
        if new is None:
            return None
        if column.table and column.table.lower() == wide.name:
            column.set("table", exp.to_identifier(target.name))
        if new != column.name.lower():
            old, parent = column.name, column.parent
            column.set("this", exp.to_identifier(new))
            if parent is made:
                column.replace(exp.alias_(column.copy(), old))
    made.args["from_"].this.set("this", exp.to_identifier(target.name))
    return made


def as_exists(finding: Finding, _grains: Grains) -> exp.Select | None:
    """A joined table of which nothing is used but that it fits is asked for with EXISTS."""
    culprit, scope = finding.fault.culprit, finding.scope
    joins = finding.select.args.get("joins") or []
    if culprit is None or not joins or finding.select.find(exp.Star):
        return None
    aliases = [alias for alias, source in scope.sources.items() if culprit.attr in source.rows]
    if not aliases:
        return None
    made = finding.select.copy()
    alias, joins = aliases[0], made.args["joins"]
    if any(one.args.get("method") or one.side not in ("", "LEFT", "INNER") for one in joins):
        return None
    first = made.args["from_"].this
    if first.alias_or_name.lower() == alias:
        if len(joins) != 1 or joins[0].side or joins[0].kind == "CROSS":
            return None
        item, join, rest = first, joins[0], []
        made.set("from_", exp.From(this=join.this))
    else:
        join = next((one for one in joins if one.this.alias_or_name.lower() == alias), None)
        if join is None:
            return None
        item, rest = join.this, [one for one in joins if one is not join]
    conditions = _on(join, item, scope, alias)
    made.set("joins", rest or None)
    where = made.args.get("where")
    stay = []
    for one in conjuncts(where) if where is not None else ():
        (conditions if _mentions(one, alias, scope) else stay).append(one)
    made.set("where", None)
    if any(_mentions(one, alias, scope) for one in made.find_all(exp.Column) if not one.find_ancestor(exp.Subquery)):
        return None
    if join.side != "LEFT" or _mentions(exp.and_(*conditions), alias, scope) and where is not None and len(stay) < len(
        list(conjuncts(where))
    ):
        inner = exp.select("1").from_(item.copy()).where(*(one.copy() for one in conditions))
        stay.append(exp.Exists(this=inner))
    return made.where(*(one.copy() for one in stay), copy=False) if stay else made


def _on(join: Node, item: Node, scope: Scope, alias: str) -> list[exp.Expr]:
    found = list(conjuncts(join.args["on"])) if join.args.get("on") is not None else []
    for one in join.args.get("using") or []:
        others = [other for other, source in scope.sources.items() if other != alias and one.name in source.columns]
        if others:
            sides = (exp.column(one.name, item.alias_or_name), exp.column(one.name, others[0]))
            found.append(exp.EQ(this=sides[0], expression=sides[1]))
    return found


def _mentions(node: exp.Expr, alias: str, scope: Scope) -> bool:
    return any(source_of(column, scope) in (alias, None) for column in node.find_all(exp.Column))


def source_of(column: exp.Column, scope: Scope) -> str | None:
    """The alias that a column is read from; `""` for a name of the SELECT's own, None when that is not known."""
    if column.table:
        return column.table.lower() if column.table.lower() in scope.sources else None
    name = column.name.lower()
    found = [alias for alias, source in scope.sources.items() if name in source.columns]
    if name in scope.merged:
        return found[0] if found else None
    if len(found) == 1:
        return found[0]
    return "" if not found and name in scope.aliases else None


def distinct_first(finding: Finding, _grains: Grains) -> exp.Select | None:
    """Add up over distinct rows of a key and what is used, when nothing else in the SELECT counts rows."""
    bad = finding.call
    for call in _calls(finding.select):
        if isinstance(call, _UNMOVED) or call == bad or isinstance(call.this, exp.Distinct):
            continue
        return None
    return _over(finding, lambda inner, made: inner.distinct(copy=False) and made)


def numbered(finding: Finding, _grains: Grains) -> exp.Select | None:
    """Number the rows of each thing that is measured, and add up its first: the rest of the SELECT stays."""
    if finding.fault.term.given or isinstance(finding.call.parent, exp.Filter | exp.Window):
        return None
    key = key_columns(finding)
    group, _ = grouping(finding.select)
    if key is None or finding.fault.owner is None:
        return None
    names = _names(finding)
    nth = f"nth_{finding.fault.owner.noun.replace(' ', '_')}"
    if names is None or nth in names.values():
        return None
    parts = [exp.column(name, table) for table, name in key]
    parts += [one.copy() for one in group if one.find(exp.Column) and one not in parts]

    def add(inner: exp.Select, made: exp.Select) -> exp.Select:
        window = exp.Window(this=exp.RowNumber(), partition_by=parts)
        inner.select(exp.alias_(window, nth), copy=False)
        where = exp.Where(this=exp.EQ(this=exp.column(nth), expression=exp.Literal.number(1)))
        wrong = [one for one in own(made) if one == renamed_columns(finding.call, names, finding.scope)]
        for one in wrong:
            if not isinstance(one.parent, exp.Filter):
                one.replace(exp.Filter(this=one.copy(), expression=where.copy()))
        return made

    return _over(finding, add)


def key_columns(finding: Finding) -> Sequence[tuple[str, str]] | None:
    """Columns at hand, with their sources, that tell apart what the measure is of."""
    scope, owners = finding.scope, finding.fault.term.owners
    relation = scope.relation
    determined = relation.determined(owners)
    seen: dict[int, tuple[str, str]] = {}
    for alias, source in scope.sources.items():
        for name, value in source.columns.items():
            if value.attr in determined and value.attr not in seen:
                seen[value.attr] = (alias, name)
    for size in (1, 2, 3):
        for attrs in combinations(seen, size):
            if owners <= relation.determined(frozenset(attrs) - _constants(scope)):
                return [seen[attr] for attr in attrs]
    return None


def _constants(scope: Scope) -> Attrs:
    return scope.relation.determined(frozenset())


def _calls(select: exp.Select) -> Iterator[Node]:
    for part in (*select.expressions, select.args.get("having"), select.args.get("order")):
        if part is not None:
            yield from aggregates(part)


def _names(finding: Finding) -> dict[tuple[str, str], str] | None:
    """A name of its own for each column that the SELECT uses after WHERE, and for the key."""
    scope, key = finding.scope, key_columns(finding)
    if key is None or any(isinstance(one, exp.Star) and not isinstance(one.parent, exp.Count) for one in own(finding.select)):
        return None
    names: dict[tuple[str, str], str] = {}
    wanted = list(key)
    for part in _after_where(finding.select):
        for column in part.find_all(exp.Column):
            source = source_of(column, scope)
            if source is None:
                return None
            if source:
                wanted.append((source, column.name.lower()))
    for source, name in wanted:
        if (source, name) not in names:
            taken = name in names.values()
            names[source, name] = f"{source}_{name}" if taken else name
    return names


def _after_where(select: exp.Select) -> Iterator[exp.Expr]:
    parts = (select.args.get(part) for part in ("group", "having", "qualify", "order"))
    yield from (*select.expressions, *(one for one in parts if one is not None))


def renamed_columns(node: exp.Expr, names: dict[tuple[str, str], str], scope: Scope) -> exp.Expr:
    """The same expression over columns as they are called outside a subquery."""

    def changed(one: exp.Expr) -> exp.Expr:
        if not isinstance(one, exp.Column):
            return one
        source = source_of(one, scope)
        return exp.column(names[source, one.name.lower()]) if source else one

    return node.copy().transform(changed)


def _over(finding: Finding, change: Callable[[exp.Select, exp.Select], exp.Select]) -> exp.Select | None:
    """The SELECT over a subquery that holds its FROM and WHERE; `change` completes the two."""
    select, names = finding.select, _names(finding)
    if names is None or any(isinstance(one, exp.Query) for part in _after_where(select) for one in own(part)):
        return None
    inner = exp.Select(
        expressions=[_shown(source, name, shown) for (source, name), shown in names.items()],
        **{part: _copied(select.args.get(part)) for part in ("from_", "joins", "laterals", "where") if select.args.get(part)},
    )
    made = exp.Select(
        expressions=[
            _kept(one, renamed_columns(one, names, finding.scope)) for one in select.expressions
        ],
        **{
            part: renamed_columns(select.args[part], names, finding.scope)
            for part in ("group", "having", "order", "limit", "offset")
            if select.args.get(part) is not None
        },
    )
    if select.args.get("with_") is not None:
        made.set("with_", select.args["with_"].copy())
    made = change(inner, made)
    return made.from_(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("once"))), copy=False)


def _kept(old: exp.Expr, new: exp.Expr) -> exp.Expr:
    """A column keeps its name in the answer."""
    renamed = isinstance(old, exp.Column) and old.name.lower() != new.name.lower()
    return exp.alias_(new, old.name) if renamed else new


def _shown(source: str, name: str, shown: str) -> exp.Expr:
    column = exp.column(name, source)
    return column if shown == name else exp.alias_(column, shown)


def _copied(part: Any) -> Any:  # noqa: ANN401 - an argument of sqlglot's: an expression, or a list of them
    return [one.copy() for one in part] if isinstance(part, list) else part.copy()


REMEDIES: Final = (without_distinct, from_the_record, as_exists, distinct_first, numbered)
"""The plainest first."""
