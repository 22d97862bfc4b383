"""Walks through a statement, SELECT by SELECT, and notes each measure that is not counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlglot
from sqlglot import exp

from orderlake.query.grain import answers, tables
from orderlake.query.grain.check import Fault, fault, merged
from orderlake.query.grain.expressions import Reader, own
from orderlake.query.grain.facts import Grains
from orderlake.query.grain.joins import joined
from orderlake.query.grain.relation import NONE, Attrs, Dependency, Numbers, Relation, Term, implies
from orderlake.query.grain.scope import Scope, renamed

_MOST_READ: Final = 3000
"""SELECTs read before the lint gives up: a view that is used by views doubles what is read."""
_MOST_WAYS: Final = 16

Node = Any
"""An expression of sqlglot's, whose parts are arguments that no type tells."""


class TooMuchError(Exception):
    """The statement is too large to be read."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, with the call that adds up, its SELECT, and what its FROM gives."""

    fault: Fault
    call: exp.Expr
    select: exp.Select
    scope: Scope


@dataclass(frozen=True, slots=True)
class Named:
    """A query that others call by name, and the names that it can call itself."""

    query: exp.Expr
    names: Mapping[str, Named | None]
    columns: Sequence[str] = ()


Names = Mapping[str, Named | None]
"""What names mean here: CTEs and views; None for what is not to be understood."""


class Reading:
    """Reads one statement over known tables; `findings` are what is wrong with it."""

    def __init__(self, grains: Grains) -> None:
        self.findings: list[Finding] = []
        self._grains = grains
        self._numbers = Numbers()
        self._read = 0
        self._plain: dict[int, tuple[exp.Select, Scope]] = {}
        """SELECTs without groups, as they were read last, by their identity."""
        self._views: dict[str, Named] = {}

    def query(self, node: Node, names: Names, outer: Scope | None = None) -> list[Relation]:
        """What a query gives: for UNION ALL one relation for each side, as sums go over one after the other."""
        self._read += 1
        if self._read > _MOST_READ:
            raise TooMuchError
        names = self._ctes(node, names)
        if isinstance(node, exp.Select):
            return self._select(node, names, outer)
        if isinstance(node, exp.SetOperation):
            return self._sets(node, names, outer)
        if isinstance(node, exp.Subquery):
            return [answers.limited(node, one) for one in self._from_item(node, names, outer)]
        if isinstance(node, exp.Values):
            return [tables.values(node, self._numbers)]
        return [tables.unknown()]

    def _ctes(self, node: Node, names: Names) -> Names:
        found = dict(names)
        given = node.args.get("with_")
        for cte in given.expressions if given is not None else []:
            alias = cte.args["alias"]
            inside = {**found, alias.name.lower(): None} if given.args.get("recursive") else dict(found)
            columns = [one.name.lower() for one in alias.columns]
            found[alias.name.lower()] = Named(cte.this, inside, columns)
        return found

    def _sets(self, node: Node, names: Names, outer: Scope | None) -> list[Relation]:
        left = self.query(node.this, names, outer)
        right = self.query(node.expression, names, outer)
        if not isinstance(node, exp.Union):  # what EXCEPT and INTERSECT leave of the left side
            return [answers.distinct_rows(one, self._numbers) for one in left] if node.args.get("distinct") else left
        if not node.args.get("by_name"):
            order = list(left[0].columns)
            right = [renamed(one, dict(enumerate(order))) for one in right]
        both = [*left, *right]
        if node.args.get("distinct"):
            both = [answers.distinct_rows(one, self._numbers) for one in both]
        return [answers.limited(node, one) for one in both]

    def _select(self, node: exp.Select, names: Names, outer: Scope | None) -> list[Relation]:
        return [self._answer(node, scope, names) for scope in self._sources(node, names, outer)]

    def _sources(self, node: Node, names: Names, outer: Scope | None) -> list[Scope]:
        """What FROM and its joins give, in each way that a UNION ALL in there can be taken."""
        first = node.args.get("from_")
        items = [first.this] if first is not None else []
        joins = [*(node.args.get("joins") or []), *(node.args.get("laterals") or [])]
        ways = [Scope(outer, lateral=outer is not None and outer.lateral)]
        for item in items:
            ways = self._put(ways, item, exp.Join(this=item.copy()), names, comma=True)
        for join in joins:
            ways = self._put(ways, join.this if isinstance(join, exp.Join) else join, join, names)
        return ways

    def _put(self, ways: list[Scope], item: Node, join: Node, names: Names, *, comma: bool = False) -> list[Scope]:
        done: list[Scope] = []
        for scope in ways:
            sources = self._from_item(item, names, scope, beside=True)
            done += [joined(scope, item, source, exp.Join() if comma else join, self._numbers) for source in sources]
        nested = item.args.get("joins") or []
        for each in nested:
            done = self._put(done, each.this, each, names)
        return done[:_MOST_WAYS]

    def _from_item(self, item: Node, names: Names, outer: Scope | None, *, beside: bool = False) -> list[Relation]:
        """What one item of FROM gives. `beside`: it may name columns of the items before it."""
        if item.args.get("pivots") or item.args.get("sample"):
            return [tables.unknown()]
        alias = item.args.get("alias")
        columns = [one.name.lower() for one in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if isinstance(item, exp.Lateral):
            item = item.this
        if isinstance(item, exp.Table) and isinstance(item.this, exp.GenerateSeries):
            return [tables.series(columns or ["generate_series", "range"], self._numbers)]
        if isinstance(item, exp.Unnest | exp.Explode):
            before = outer.relation.rows if outer is not None else NONE
            return [tables.unnested(item, columns or ["unnest"], before, self._numbers)]
        if isinstance(item, exp.Values):
            return [tables.values(item, self._numbers)]
        if isinstance(item, exp.Table):
            found = self._table(item, names)
        elif isinstance(item, exp.Subquery):
            found = self._subquery(item, names, outer, beside=beside)
        else:
            return [tables.unknown()]
        return [renamed(one, dict(enumerate(columns))) for one in found] if columns else found

    def _subquery(self, item: Node, names: Names, outer: Scope | None, *, beside: bool) -> list[Relation]:
        if isinstance(item.this, exp.Table):  # parenthesized joins
            scopes = self._put([Scope(outer)], item.this, exp.Join(), names, comma=True)
            return [one.relation for one in scopes]
        if not beside or outer is None:
            return self.query(item.this, self._ctes(item, names), outer)
        around = Scope(outer.outer, True, outer.sources, outer.merged, outer.aliases, outer.relation)  # noqa: FBT003
        given = self.query(item.this, self._ctes(item, names), around)
        if not around.reached_out and not outer.sources:
            return given
        if around.reached_out:  # each of its rows was made for one of the rows beside it
            return [one.with_dependencies([implies(one.rows, outer.relation.rows)]) for one in given]
        return given

    def _table(self, item: exp.Table, names: Names) -> list[Relation]:
        name = item.name.lower()
        if item.args.get("db") is not None or not isinstance(item.this, exp.Identifier):
            return [tables.unknown()]
        if name in names:
            return self._named(names[name])
        if name in self._grains.views:
            return self._named(self._view(name))
        grain = self._grains.tables.get(name)
        return [tables.unknown() if grain is None else tables.scan(grain, self._numbers)]

    def _named(self, named: Named | None) -> list[Relation]:
        if named is None:
            return [tables.unknown()]
        found = self.query(named.query, named.names)
        return [renamed(one, dict(enumerate(named.columns))) for one in found] if named.columns else found

    def _view(self, name: str) -> Named | None:
        """The SELECT behind a view; one that calls itself, or cannot be read, is not to be understood."""
        if name not in self._views:
            try:
                parsed = sqlglot.parse_one(self._grains.views[name], read="duckdb")
            except sqlglot.errors.SqlglotError:
                return None
            self._views[name] = Named(parsed, {name: None})
        return self._views[name]

    def _answer(self, node: exp.Select, scope: Scope, names: Names) -> Relation:
        reader = Reader(scope, self._numbers)
        where = node.args.get("where")
        if where is not None:
            scope.relation = scope.relation.with_dependencies([*reader.assume(where.this), *reader.found])
        self._inner(node, scope, names)
        scope.below = self._below(node, names)
        for name, one in answers.projected(node, scope):
            if isinstance(one, exp.Expr) and not answers.is_aggregate(one) and not scope.knows(name):
                scope.aliases[name] = reader.value(one)
        group, plain = answers.grouping(node)
        grouped = node.args.get("group") is not None or any(
            answers.is_aggregate(one)
            for one in [*node.expressions, *(node.args[c] for c in ("having", "qualify", "order") if node.args.get(c))]
        )
        attrs = frozenset(reader.value(one).attr for one in group) if plain else NONE
        scope.relation = scope.relation.with_dependencies(reader.found)
        self._check(node, reader, attrs, grouped=grouped)
        if grouped:
            answer = answers.grouped_answer(node, reader, group, self._numbers)
        else:
            answer = answers.plain_answer(node, reader, self._numbers)
            if node.args.get("distinct") is None:
                self._plain[id(node)] = node, replace(scope, relation=answer)
        return answers.finished(node, answer, reader, self._numbers)

    def _below(self, node: exp.Select, names: Names) -> tuple[exp.Select, Scope] | None:
        first = node.args.get("from_")
        item = first.this if first is not None and not node.args.get("joins") else None
        inner = item.this if isinstance(item, exp.Subquery) else None
        if isinstance(item, exp.Table):
            named = names.get(item.name.lower())
            inner = named.query if named is not None else None
        return self._plain.get(id(inner))

    def _inner(self, node: exp.Select, scope: Scope, names: Names) -> None:
        """Read the queries within expressions, which see this one's columns as constants."""
        around = Scope(scope.outer, False, scope.sources, scope.merged, scope.aliases, scope.relation)  # noqa: FBT003
        parts = [*node.expressions, *(node.args.get(p) for p in ("where", "having", "qualify", "order", "group"))]
        parts += [join.args.get("on") for join in node.args.get("joins") or []]
        for part in parts:
            for one in own(part) if part is not None else ():
                if isinstance(one, exp.Query):
                    self.query(one.this if isinstance(one, exp.Subquery) else one, names, around)

    def _check(self, node: exp.Select, reader: Reader, group: Attrs, *, grouped: bool) -> None:
        parts = [*node.expressions, *(node.args.get(part) for part in ("having", "qualify", "order"))]
        calls = [one for part in parts if part is not None for one in own(part) if _adds(one)]
        for call in calls:
            window, given = _around(call, reader)
            if window is None:
                self._measure(call, node, reader, group, given)
            elif not grouped and window.args.get("alias") is None:  # a window with a name is not looked up
                within = frozenset(reader.value(one).attr for one in window.args.get("partition_by") or [])
                self._measure(call, node, reader, within, given)

    def _measure(self, call: Node, node: exp.Select, reader: Reader, group: Attrs, given: list[Dependency]) -> None:
        argument = call.this if not isinstance(call, exp.Anonymous) else call.expressions[0]
        if isinstance(argument, exp.Order):
            argument = argument.this
        if isinstance(argument, exp.Distinct):
            argument = next(iter(argument.expressions), None)
        if argument is None or answers.is_aggregate(argument):
            return
        for term in reader.terms(argument):
            relation = reader.scope.relation.with_dependencies(reader.found)
            if _averaged(call) and term.owners <= relation.determined(group, [*term.given, *given]):
                continue  # the mean of equal values is that value
            found = _fault(call, relation, term, group, given)
            if found is not None and not any(
                one.call is call and one.fault.term.column == term.column for one in self.findings
            ):
                self.findings.append(Finding(found, call, node, replace(reader.scope, relation=relation)))


def _adds(node: Node) -> bool:
    if isinstance(node, exp.Sum | exp.Avg):
        return True
    named = isinstance(node, exp.Anonymous) and node.name.lower() in answers.SUMS | answers.AVERAGES
    return named and bool(node.expressions)


def _around(call: Node, reader: Reader) -> tuple[Node | None, list[Dependency]]:
    """The window around a call, if any, and what its FILTER pins."""
    given: list[Dependency] = []
    around = call.parent
    while isinstance(around, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        if isinstance(around, exp.Filter):
            given += reader.assume(around.expression.this)
        around = around.parent
    return (around if isinstance(around, exp.Window) else None), given


def _averaged(call: Node) -> bool:
    """Whether a sum is divided by a number of rows, as avg() does."""
    around = call.parent
    divided = isinstance(around, exp.Div) and around.this is call and around.expression.find(exp.Count) is not None
    return divided or isinstance(call, exp.Avg) or call.name.lower() in answers.AVERAGES


def _fault(call: Node, relation: Relation, term: Term, group: Attrs, given: list[Dependency]) -> Fault | None:
    if not isinstance(call.this, exp.Distinct):
        return fault(relation, term, group, given)
    return merged(relation, term, group, given) if isinstance(call, exp.Sum) else None
