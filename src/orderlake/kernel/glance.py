"""A glance at the beginning of a file: which fields its pipeline does not declare, where nobody asked to know them all.

It takes a millisecond at most, so that it can be always on; what is first met further on in a file is not seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orderlake.kernel.flatten import Plan
from orderlake.kernel.header import missing_columns, undeclared_columns
from orderlake.kernel.shape import Node
from orderlake.kernel.split import Share

GLANCE: Final = 64 << 10
"""So many bytes are looked at, and at most so many records:"""
_RECORDS: Final = 1_000
_ENOUGH: Final = 20
"""So many records have to lack a field before that is worth a word: in a few it may be by chance."""
_BETWEEN: Final = " \t\r\n,["
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Glance:
    """What a file's beginning shows: undeclared fields, and declared ones that none of its records has."""

    new: Sequence[str] = ()
    missing: Sequence[str] = ()


def glance(plan: Plan, share: Share) -> Glance:
    """Look at the beginning of a file, given by its first share; of CSV the header tells all."""
    if share.dialect is not None:
        header = share.dialect.header
        return Glance(list(undeclared_columns(plan, header).values()), missing_columns(plan, header))
    new: dict[str, None] = {}
    there: set[str] = set()
    count = 0
    for record in _records(share.path, share.start):
        count += 1
        _walk(record, plan.shape.root, "", new, there)
    return Glance(list(new), [key for key in plan.fields if key not in there] if count >= _ENOUGH else [])


def wanted(plan: Plan) -> bool:
    """Whether the contract leaves anything to be seen at a glance only."""
    return plan.stream.contract.new == "discard_value" or plan.stream.contract.missing == "evolve"


def _records(path: Path, start: int) -> Iterator[object]:
    """The records that begin and end in what is looked at; none after one that is no JSON."""
    with path.open("rb") as file:
        file.seek(start)
        text = file.read(GLANCE).decode(errors="ignore")
    at = 0
    for _ in range(_RECORDS):
        while at < len(text) and text[at] in _BETWEEN:
            at += 1
        try:
            record, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield record


def _walk(value: object, node: Node, prefix: str, new: dict[str, None], there: set[str]) -> None:
    """Gather the undeclared paths below a place, and the declared keys of the record itself."""
    if isinstance(value, list):
        for each in value if node.is_list else ():
            _walk(each, node, prefix, new, there)
    elif isinstance(value, dict):
        if not prefix:
            there.update(value)
        for key, inside in value.items():
            child = node.children.get(key)
            if child is None:
                new[f"{prefix}{key}"] = None
            elif child.children:
                _walk(inside, child, f"{prefix}{key}.", new, there)
