"""Ways to write a SELECT so that each measure is counted once; whether one is right is tried out by the lint itself.

Each takes what was found in a SELECT, the finding in question first, and gives a SELECT to put in its place, or None
where it does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from orderlake.query.grain.expressions import conjuncts
from orderlake.query.grain.facts import Grains, TableGrain
from orderlake.query.grain.reading import Finding
from orderlake.query.grain.scope import Scope

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""


def without_distinct(findings: Sequence[Finding], _grains: Grains) -> exp.Select | None:
    """sum(x) for sum(DISTINCT x); what repeats its rows is put right after that."""
    finding = findings[0]
    if finding.fault.kind != "distinct":
        return None
    made = finding.select.copy()
    for call in [one for one in made.find_all(exp.Sum) if one == finding.call]:
        call.set("this", call.this.expressions[0].copy())
    return made


def from_the_record(findings: Sequence[Finding], grains: Grains) -> exp.Select | None:
    """The same question to the table where each row is what the measure is of, when it has all columns."""
    select, term = findings[0].select, findings[0].fault.term
    first = select.args.get("from_")
    if first is None or select.args.get("joins") or select.find(exp.Star, exp.Subquery):
        return None
    wide = grains.tables.get(first.this.name.lower()) if isinstance(first.this, exp.Table) else None
    if wide is None or term.column not in wide.columns:
        return None
    levels = wide.columns[term.column].level + 1
    targets = (one for one in grains.tables.values() if one.stream == wide.stream and len(one.levels) == levels)
    return next((made for made in (_moved(select, wide, target) for target in targets) if made is not None), None)


def _moved(select: exp.Select, wide: TableGrain, target: TableGrain) -> exp.Select | None:
    by_origin = {fact.origin: name for name, fact in target.columns.items()}
    made = select.copy()
    own_names = {one.alias.lower() for one in made.selects}
    for column in list(made.find_all(exp.Column)):
        name = column.name.lower()
        known = wide.columns.get(name)
        if known is None and not column.table and name in own_names:
            continue
        new = by_origin.get(known.origin) if known is not None else None
        if new is None:
            return None
        if column.table.lower() == wide.name:
            column.set("table", exp.to_identifier(target.name))
        if new != name:
            changed = exp.column(new, column.args.get("table"))
            column.replace(exp.alias_(changed, column.name) if column.parent is made else changed)
    made.args["from_"].this.set("this", exp.to_identifier(target.name))
    return made


def as_exists(findings: Sequence[Finding], _grains: Grains) -> exp.Select | None:
    """A joined table of which nothing is used but that it fits becomes EXISTS; after LEFT JOIN it is left out."""
    culprit, scope, made = findings[0].fault.culprit, findings[0].scope, findings[0].select.copy()
    joins = made.args.get("joins") or []
    plain = all(not one.args.get("method") and one.side in ("", "LEFT") for one in joins)
    if culprit is None or not joins or not plain or made.find(exp.Star):
        return None
    alias = next((alias for alias, source in scope.sources.items() if culprit.attr in source.rows), None)
    taken = _taken_out(made, alias) if alias is not None else None
    if alias is None or taken is None:
        return None
    item, join = taken
    where = made.args.get("where")
    conditions = list(conjuncts(where)) if where is not None else []
    theirs = [one for one in conditions if _mentions(one, alias, scope)]
    stay = [one.copy() for one in conditions if one not in theirs]
    made.set("where", None)
    if _mentions(made, alias, scope) or (join.side == "LEFT" and theirs):
        return None
    if join.side != "LEFT":
        fits = [one.copy() for one in [*_on(join, item, scope, alias), *theirs]]
        stay.append(exp.Exists(this=exp.select("1").from_(item.copy()).where(*fits)))
    return made.where(*stay, copy=False) if stay else made


def _taken_out(made: exp.Select, alias: str) -> tuple[Node, Node] | None:
    """Take a source out of FROM; give it and the join that joined it. The first one leaves only if one is left."""
    joins, first = made.args["joins"], made.args["from_"].this
    if first.alias_or_name.lower() == alias:
        if len(joins) != 1 or joins[0].side:
            return None
        made.set("from_", exp.From(this=joins[0].this.copy()))
        made.set("joins", None)
        return first, joins[0]
    join = next((one for one in joins if one.this.alias_or_name.lower() == alias), None)
    if join is None:
        return None
    made.set("joins", [one for one in joins if one is not join] or None)
    return join.this, join


def _on(join: Node, item: Node, scope: Scope, alias: str) -> list[exp.Expr]:
    found = list(conjuncts(join.args["on"])) if join.args.get("on") is not None else []
    for one in join.args.get("using") or []:
        sources = [other for other, source in scope.sources.items() if one.name.lower() in source.columns]
        name = item.alias_or_name
        others = [other if other != alias else join.this.alias_or_name for other in sources if other != name.lower()]
        if others:
            found.append(exp.EQ(this=exp.column(one.name, name), expression=exp.column(one.name, others[0])))
    return found


def _mentions(node: exp.Expr, alias: str, scope: Scope) -> bool:
    """Whether a source is named, or may be; what USING made one column is left when one side goes."""
    return any(
        source_of(column, scope) in (alias, None)
        for column in node.find_all(exp.Column)
        if column.table or column.name.lower() not in scope.merged
    )


def source_of(column: exp.Column, scope: Scope) -> str | None:
    """The alias that a column is read from; `""` for a name of the SELECT's own, None when that is not known."""
    name, table = column.name.lower(), column.table.lower()
    found = [alias for alias, source in scope.sources.items() if name in source.columns]
    if table:
        return table if table in scope.sources else None
    if len(found) == 1 or (found and name in scope.merged):
        return found[0]
    return "" if not found and name in scope.aliases else None
