"""What a staged load tells about the contract: files that it rejects, and what was new about the fields of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from orderlake.engine import Engine, name, parquet, quote
from orderlake.errors import UnreadableShareError
from orderlake.kernel.complaints import FROZEN_MISSING, FROZEN_NEW, is_of_type
from orderlake.kernel.flatten import Grain, Plan
from orderlake.kernel.glance import Glance
from orderlake.model.staged import ROW_BITS, ROW_MASK, StagedLoad, kept_name

if TYPE_CHECKING:
    import duckdb

_NAMED: Final = 20
"""So many fields are named in a sentence."""
MOST_FOUND: Final = 500
"""So many undeclared fields of one file may become columns."""


@dataclass(frozen=True, slots=True)
class _Met:
    """A field that a file met the contract with, first in this record (from 1), and how it differs from declared."""

    source: int
    level: Grain
    path: str
    how: Literal["new", "missing", "type"]
    first: int


def settled(engine: Engine, plan: Plan, load: StagedLoad) -> StagedLoad:
    """The load with what was found in it; UnreadableShareError names a file that the contract rejects, and why."""
    contract = plan.stream.contract
    if contract.types == "freeze":
        _refuse_types(engine.cursor(), load)
    if not contract.is_kept:
        return load
    met = [each for level in _levels(plan) for each in _met(engine.cursor(), plan, load, level)]
    met += _broken(engine.cursor(), load)
    for source in range(len(load.sources)):
        own = [each for each in met if each.source == source]
        if contract.missing == "freeze":
            _refuse([each for each in own if each.how == "missing"], "lacks", "which the pipeline declares")
        new = [each for each in own if each.how == "new"]
        if contract.new == "freeze":
            _refuse(new, "holds", "which the pipeline does not declare")
        if contract.new == "evolve" and len(new) > MOST_FOUND:
            raise UnreadableShareError(
                f"{len(new)} undeclared fields would become columns, {_named([each.path for each in new[:3]])} … : "
                "declare what is wanted, or let the contract keep them: {new: rescue}",
                source,
            )
    return replace(load, found=_found(plan, met), changes=_both(load.changes, _changes(plan, met)))


def _levels(plan: Plan) -> list[Grain]:
    return [(), *(path for path, node in plan.shape.root.walk() if node.is_list)]


def _met(cursor: duckdb.DuckDBPyConnection, plan: Plan, load: StagedLoad, level: Grain) -> Iterator[_Met]:
    """The fields kept of the record itself, or of the elements of a list."""
    grain = next(grain for grain in plan.shape.grains if level in [(), *plan.shape.levels(grain)])
    files = load.grains[grain]
    if not files:
        return
    kept = name(kept_name(len(plan.shape.levels(level))))
    rows = f"SELECT _rid, unnest({kept}) AS x FROM {parquet(files)}"
    declared = {".".join((*level_of, key)) for level_of, node in _objects(plan) for key in node}
    first: dict[tuple[int, str, Literal["new", "missing", "type"]], int] = {}
    for segment, path, is_missing, row in cursor.execute(
        f"SELECT _rid >> {ROW_BITS}, x.path, x.value IS NULL, min(_rid & {ROW_MASK}) FROM ({rows}) "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        found = load.segments[segment]
        how: Literal["new", "missing", "type"] = "missing" if is_missing else "type" if path in declared else "new"
        at = (found.source, str(path), how)
        first[at] = min(first.get(at, int(row) + found.base), int(row) + found.base)
    for (source, path, how), number in first.items():
        yield _Met(source, level, path, how, number)


def _broken(cursor: duckdb.DuckDBPyConnection, load: StagedLoad) -> Iterator[_Met]:
    """The fields that reject a file, of records that could not be loaded anyway."""
    if not load.rejected:
        return
    reasons = ", ".join(map(quote, (FROZEN_NEW, FROZEN_MISSING)))
    for segment, path, reason, position in cursor.execute(
        f"SELECT segment, field, reason, min(position) FROM {parquet(load.rejected)} "
        f"WHERE reason IN ({reasons}) GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        found = load.segments[segment]
        yield _Met(found.source, (), path, "new" if reason == FROZEN_NEW else "missing", position + found.base)


def _objects(plan: Plan) -> Iterator[tuple[Grain, Sequence[str]]]:
    yield (), plan.fields
    for path, node in plan.shape.root.walk():
        yield path, tuple(node.children)


def _refuse(met: Sequence[_Met], verb: str, why: str) -> None:
    if met:
        first = min(met, key=lambda each: (each.first, each.path))
        names = _named(list(dict.fromkeys(_plain(each.path) for each in met)))
        raise UnreadableShareError(
            f"record {first.first} {verb} {_plain(first.path)}; the file {verb} {names}, {why} (contract: freeze)",
            first.source,
        )


def _refuse_types(cursor: duckdb.DuckDBPyConnection, load: StagedLoad) -> None:
    """Reject the first source with a value that is not of its field's type."""
    if not load.rejected:
        return
    rows = cursor.execute(
        f"SELECT segment, position, field, reason FROM {parquet(load.rejected)} "
        f"WHERE check_name IS NULL AND {is_of_type('field', 'reason')} ORDER BY segment, position LIMIT 1"
    ).fetchall()
    for segment, position, field, reason in rows:
        found = load.segments[segment]
        raise UnreadableShareError(f"record {position + found.base}: {field} {reason} (contract: freeze)", found.source)


def _found(plan: Plan, met: Sequence[_Met]) -> Mapping[Grain, Sequence[str]]:
    """Per list (() is the record itself) the paths of fields that become columns."""
    if plan.stream.contract.new != "evolve":
        return {}
    found: dict[Grain, set[str]] = {}
    for each in met:
        if each.how == "new":
            found.setdefault(each.level, set()).add(each.path)
    return {level: sorted(paths) for level, paths in found.items()}


def _changes(plan: Plan, met: Sequence[_Met]) -> Mapping[int, Sequence[str]]:
    """Per source a sentence for each kind of thing that is kept."""
    said = {"rescue": "undeclared fields are kept in _rescued", "evolve": "undeclared fields become columns"}
    found: dict[int, list[str]] = {}
    for source in sorted({each.source for each in met}):
        for how, what in (
            ("new", said.get(plan.stream.contract.new)),
            ("type", "values that are not of their column's type are kept in _rescued"),
        ):
            own = (_plain(each.path) for each in met if each.source == source and each.how == how)
            names = list(dict.fromkeys(own))
            if names and what is not None:
                found.setdefault(source, []).append(f"{what}: {_named(names)}")
    return found


def changes(plan: Plan, glances: Mapping[int, Glance]) -> Mapping[int, Sequence[str]]:
    """Per source a sentence for what is not loaded, and for what is not there, as far as a glance tells."""
    contract, found = plan.stream.contract, dict[int, list[str]]()
    for source, seen in sorted(glances.items()):
        if seen.new and contract.new == "discard_value":
            found.setdefault(source, []).append(f"not loaded, for the pipeline does not declare it: {_named(seen.new)}")
        if seen.missing and contract.missing == "evolve":
            where = "the header" if plan.is_text else "its first records"
            found.setdefault(source, []).append(f"declared but not in {where}, so NULL: {_named(seen.missing)}")
    return found


def _both(some: Mapping[int, Sequence[str]], others: Mapping[int, Sequence[str]]) -> Mapping[int, Sequence[str]]:
    every = sorted({*some, *others})
    return {source: [*some.get(source, ()), *others.get(source, ())] for source in every}


def _plain(path: str) -> str:
    return path.replace("\\.", ".").replace("\\\\", "\\")


def _named(names: Sequence[str]) -> str:
    some = ", ".join(names[:_NAMED])
    return some if len(names) <= _NAMED else f"{some} and {len(names) - _NAMED} more"
