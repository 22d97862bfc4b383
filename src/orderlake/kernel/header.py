"""A CSV header against the declared columns: which are there, which are not, and what the others hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orderlake.engine import name, quote
from orderlake.kernel.flatten import ENTRIES, Plan

_OURS: Final = "."
"""What the name of a column begins with that is not declared: no declared field begins with it."""


def names(plan: Plan, header: Sequence[str]) -> list[str]:
    """The header's names as declared (letter case apart); undeclared and doubled ones get names of our own."""
    declared = {key.lower(): key for key in plan.fields}
    return [declared.pop(cell.lower(), f"{_OURS}{number}") for number, cell in enumerate(header)]


def undeclared_columns(plan: Plan, header: Sequence[str]) -> dict[int, str]:
    """Place in the header → what the column there is called, for those that are not declared.

    One without a name is called after its place, one whose name is taken after both.
    """
    taken = {key.lower() for key in plan.fields}
    found: dict[int, str] = {}
    for at, column in enumerate(names(plan, header)):
        if column.startswith(_OURS):
            called = header[at].strip() or f"column {at + 1}"
            found[at] = called if called.lower() not in taken else f"{called} (column {at + 1})"
            taken.add(called.lower())
    return found


def missing_columns(plan: Plan, header: Sequence[str]) -> list[str]:
    """The declared columns that a header does not have."""
    there = {cell.lower() for cell in header}
    return [key for key in plan.fields if key.lower() not in there]


def header_complaint(plan: Plan, header: Sequence[str]) -> str | None:
    """Why the contract rejects a file with this header; None when it does not."""
    contract = plan.stream.contract
    missing, new = missing_columns(plan, header), undeclared_columns(plan, header)
    needed = {column.path[0] for table in plan.stream.tables for column in table.columns if column.required}
    lacking = missing if contract.missing == "freeze" else [key for key in missing if key in needed]
    if lacking and contract.missing != "discard_row":
        return f"the header lacks {', '.join(lacking)}; it has {', '.join(header)}"
    if new and contract.new == "freeze":
        return f"the header has {', '.join(new.values())}, which the pipeline does not declare"
    return None


def kept_cells(plan: Plan, columns: Sequence[str], header: Sequence[str]) -> str:
    """SQL of a row's entries (see `undeclared`): its undeclared cells that are not blank, then what it lacks."""
    contract = plan.stream.contract
    found: list[str] = []
    if contract.sees_new:
        for at, called in undeclared_columns(plan, header).items():
            cell = name(columns[at])
            path = called.replace("\\", "\\\\").replace(".", "\\.")
            value = f"CASE WHEN nullif(trim({cell}), '') IS NOT NULL THEN to_json({cell})::VARCHAR END"
            found.append(f"{{'at': '', 'path': {quote(path)}, 'value': {value}}}")
    kept = f"list_filter([{', '.join(found)}], lambda x: x.value IS NOT NULL)" if found else ""
    if contract.missing == "discard_row":
        lacking = [f"{{'at': '', 'path': {quote(key)}, 'value': NULL}}" for key in missing_columns(plan, header)]
        kept = f"list_concat({kept or '[]'}, [{', '.join(lacking)}])" if lacking else kept
    if not kept:
        return f"NULL::{ENTRIES}"
    return f"CASE WHEN len({kept}) > 0 THEN list_sort({kept})::{ENTRIES} END"
