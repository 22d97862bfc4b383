"""Which column a name in a statement means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orderlake.query.grain.relation import UNKNOWN, Relation, Value, beside

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(slots=True)
class Scope:
    """What the expressions of one SELECT can name: sources by alias, and all of them side by side as `relation`.

    `merged` are columns of USING, `aliases` the SELECT's own names. `outer` is the statement around; its columns keep
    their identity for a subquery beside it in FROM (`lateral`), and are constants for one in an expression.
    `reached_out` when a query within has named this one's columns. `below` is the SELECT without groups that this one
    reads alone, if it does, and that one's scope.
    """

    outer: Scope | None = None
    lateral: bool = False
    sources: dict[str, Relation] = field(default_factory=dict)
    merged: dict[str, Value] = field(default_factory=dict)
    aliases: dict[str, Value] = field(default_factory=dict)
    relation: Relation = field(default_factory=Relation)
    reached_out: bool = False
    below: tuple[exp.Select, Scope] | None = None

    def add(self, alias: str, source: Relation) -> None:
        """Put one more source beside the others."""
        self.sources[alias] = source
        self.relation = beside(self.relation, source)

    def knows(self, name: str) -> bool:
        """Whether some source is known to have this column."""
        return name in self.merged or any(name in source.columns for source in self.sources.values())

    def value(self, column: exp.Column) -> Value:
        """What a column holds; UNKNOWN when nothing is known of it."""
        name, table = column.name.lower(), column.table.lower()
        if table:
            found = self.sources[table].columns.get(name, UNKNOWN) if table in self.sources else None
        else:
            near = [source.columns[name] for source in self.sources.values() if name in source.columns]
            found = self.merged.get(name) or (near[0] if near else self.aliases.get(name))
            if found is None and any(source.open for source in self.sources.values()):
                found = UNKNOWN
        return self._outside(column) if found is None else found

    def _outside(self, column: exp.Column) -> Value:
        if self.outer is None:
            return UNKNOWN
        self.outer.reached_out = True
        found = self.outer.value(column)
        return found if self.lateral else UNKNOWN


def renamed(source: Relation, names: Mapping[int, str]) -> Relation:
    """A relation whose first columns have other names."""
    columns = {names.get(at, name): value for at, (name, value) in enumerate(source.columns.items())}
    return replace(source, columns=columns)
