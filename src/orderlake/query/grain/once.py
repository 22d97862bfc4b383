"""Ways to count each thing once where the SELECT needs the rows that repeat it, by a subquery around its FROM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from sqlglot import exp

from orderlake.query.grain.answers import aggregates, grouping
from orderlake.query.grain.expressions import own
from orderlake.query.grain.facts import Grains
from orderlake.query.grain.reading import Finding
from orderlake.query.grain.relation import CONSTANT, Attrs, without_constants
from orderlake.query.grain.remedies import source_of
from orderlake.query.grain.scope import Scope

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""
Place = tuple[str, str]
"""A column: the alias of its source, its name."""
_UNMOVED: Final = (exp.Min, exp.Max, exp.AnyValue, exp.LogicalAnd, exp.LogicalOr)
_MOST_COLUMNS: Final = 3


def distinct_first(findings: Sequence[Finding], _grains: Grains) -> exp.Select | None:
    """Add up over distinct rows of a key and what is used, when nothing else in the SELECT counts rows."""
    finding = findings[0]
    key, names = key_columns(finding), None
    others = [one for part in _after_where(finding.select) for one in aggregates(part) if one != finding.call]
    if key is not None and all(isinstance(one, _UNMOVED) or isinstance(one.this, exp.Distinct) for one in others):
        names = _names(finding, key)
    if names is None:
        return None
    inner, made = _parted(finding, names)
    return _joined(inner.distinct(copy=False), made)


def numbered(findings: Sequence[Finding], _grains: Grains) -> exp.Select | None:
    """Number the rows of each thing that is measured, and add up its first: the rest of the SELECT stays."""
    wrong = [(one, key_columns(one)) for one in findings]
    known = [(one, key) for one, key in wrong if key is not None and one.fault.owner is not None]
    conditional = any(one.fault.term.given or isinstance(one.call.parent, exp.Filter | exp.Window) for one in findings)
    names = _names(findings[0], [place for _, key in known for place in key])
    if conditional or names is None or len(known) < len(wrong):
        return None
    inner, made = _parted(findings[0], names)
    group = [one for one in grouping(findings[0].select)[0] if one.find(exp.Column)]
    numbers: dict[tuple[Place, ...], str] = {}
    for finding, key in known:
        noun = finding.fault.owner.noun if finding.fault.owner is not None else ""
        nth = numbers.get(tuple(key), f"nth_{noun.replace(' ', '_')}")
        if tuple(key) not in numbers:
            nth += "" if nth not in numbers.values() else f"_{len(numbers) + 1}"
            if nth in names.values():
                return None
            numbers[tuple(key)] = nth
            parts: list[exp.Expr] = [_column(place, finding.scope) for place in key]
            parts += [one.copy() for one in group if not _follows(one, finding, key)]
            inner.select(exp.alias_(exp.Window(this=exp.RowNumber(), partition_by=parts), nth), copy=False)
        _filter(made, _outside(finding.call, names, finding.scope), nth)
    return _joined(inner, made)


def with_key(tree: exp.Query, finding: Finding) -> exp.Query | None:
    """The statement in which the query that a SELECT reads hands the key on too, so that others can be tried then."""
    if finding.scope.below is None:
        return None
    inner, scope = finding.scope.below
    key = _key_of(scope, finding.fault.term.owners)
    made = tree.copy()
    mate = next((theirs for mine, theirs in zip(tree.walk(), made.walk(), strict=True) if mine is inner), None)
    if key is None or not isinstance(mate, exp.Select):
        return None
    taken = {one.alias_or_name.lower() for one in mate.selects}
    for place in key:
        name = place[1] if place[1] not in taken else f"{place[1]}_of_{place[0]}"
        mate.select(_shown(place, name, scope), copy=False)
    return made


def _filter(made: exp.Select, wrong: exp.Expr, nth: str) -> None:
    """Let a call add up only rows with that number 1."""
    where = exp.Where(this=exp.EQ(this=exp.column(nth), expression=exp.Literal.number(1)))
    for one in [one for part in _after_where(made) for one in own(part) if one == wrong]:
        if not isinstance(one.parent, exp.Filter):
            one.replace(exp.Filter(this=one.copy(), expression=where.copy()))


def _follows(one: exp.Expr, finding: Finding, key: Sequence[Place]) -> bool:
    """Whether a column is in the key, or the same in all rows of what is measured."""
    if not isinstance(one, exp.Column):
        return False
    attr = finding.scope.value(one).attr
    return (source_of(one, finding.scope), one.name.lower()) in key or attr in finding.scope.relation.determined(
        finding.fault.term.owners
    )


def key_columns(finding: Finding) -> list[Place] | None:
    """Columns at hand, with their sources, that tell apart what the measure is of."""
    return _key_of(finding.scope, finding.fault.term.owners)


def _key_of(scope: Scope, owners: Attrs) -> list[Place] | None:
    relation = without_constants(scope.relation)
    determined = relation.determined(owners) - {CONSTANT}
    seen: dict[int, Place] = {}
    for alias, source in sorted(scope.sources.items(), key=lambda item: not owners & set(item[1].members)):
        for name, value in source.columns.items():
            if value.attr in determined:
                seen.setdefault(value.attr, (alias, name))
    for size in range(1, _MOST_COLUMNS + 1):
        for attrs in combinations(seen, size):
            if owners <= relation.determined(frozenset(attrs)):
                return [seen[attr] for attr in attrs]
    return None


def _names(finding: Finding, key: Sequence[Place]) -> dict[Place, str] | None:
    """A name of its own for each column of the key, and for each that the SELECT uses after WHERE."""
    wanted = list(key)
    for part in _after_where(finding.select):
        if any(isinstance(one, exp.Query) or (one.is_star and not isinstance(one, exp.Count)) for one in _inside(part)):
            return None
        for column in part.find_all(exp.Column):
            source = source_of(column, finding.scope)
            if source is None:
                return None
            if source:
                wanted.append((source, column.name.lower()))
    names: dict[Place, str] = {}
    for source, name in wanted:
        if (source, name) not in names:
            names[source, name] = f"{source}_{name}" if name in names.values() else name
    return names


def _inside(part: exp.Expr) -> Iterator[exp.Expr]:
    """An expression's own parts, without the star of count(*)."""
    return (one for one in own(part) if not (isinstance(one, exp.Star) and isinstance(one.parent, exp.Count)))


def _after_where(select: exp.Select) -> Iterator[exp.Expr]:
    parts = (select.args.get(part) for part in ("group", "having", "qualify", "order"))
    yield from (*select.expressions, *(one for one in parts if one is not None))


def _outside(node: exp.Expr, names: Mapping[Place, str], scope: Scope) -> exp.Expr:
    """The same expression over columns as they are called outside the subquery."""

    def changed(one: exp.Expr) -> exp.Expr:
        source = source_of(one, scope) if isinstance(one, exp.Column) else None
        return exp.column(names[source, one.name.lower()]) if source else one

    return node.copy().transform(changed)


def _parted(finding: Finding, names: Mapping[Place, str]) -> tuple[exp.Select, exp.Select]:
    """The SELECT in two: one with its FROM and WHERE, and one with the rest, which is to stand over it."""
    select, scope = finding.select, finding.scope
    inner = exp.Select(expressions=[_shown(place, shown, scope) for place, shown in names.items()])
    for part in ("from_", "joins", "laterals", "where"):
        given: Node = select.args.get(part)
        if given:
            inner.set(part, [one.copy() for one in given] if isinstance(given, list) else given.copy())
    made = exp.Select(expressions=[_kept(one, _outside(one, names, scope)) for one in select.expressions])
    for part in ("group", "having", "order", "limit", "offset"):
        if select.args.get(part) is not None:
            made.set(part, _outside(select.args[part], names, scope))
    if select.args.get("with_") is not None:
        made.set("with_", select.args["with_"].copy())
    return inner, made


def _joined(inner: exp.Select, made: exp.Select) -> exp.Select:
    return made.from_(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("once"))), copy=False)


def _kept(old: exp.Expr, new: exp.Expr) -> exp.Expr:
    """A column keeps its name in the answer."""
    renamed = isinstance(old, exp.Column) and old.name.lower() != new.name.lower()
    return exp.alias_(new, old.name) if renamed else new


def _shown(place: Place, shown: str, scope: Scope) -> exp.Expr:
    column = _column(place, scope)
    return column if shown == place[1] else exp.alias_(column, shown)


def _column(place: Place, scope: Scope) -> exp.Column:
    return exp.column(place[1], place[0] if len(scope.sources) > 1 else None)
