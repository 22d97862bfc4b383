"""Which files are of one kind, and by what names their like will be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orderlake.infer.look import Look
from orderlake.infer.naming import series, snake, stem
from orderlake.infer.places import Place
from orderlake.infer.records import first_fields, take_records
from orderlake.infer.rows import take_rows
from orderlake.infer.types import has_comma

_ALIKE: Final = 0.7
"""The share of fields that files of one kind have in common."""
_ENDINGS: Final = (".ndjson", ".jsonl", ".json", ".csv", ".tsv", ".txt")


@dataclass(slots=True)
class Kind:
    """Files of one kind, with the places of all their records."""

    looks: list[Look]
    fields: set[str]
    root: Place

    @property
    def name(self) -> str:
        """What their names have in common, in snake case."""
        prefix = self._prefix()
        is_plural = any(series(look.path.name).startswith(f"{prefix}s") for look in self.looks)
        return snake(f"{prefix}s" if prefix and is_plural else prefix or stem(self.looks[0].path.name), "data")

    @property
    def is_csv(self) -> bool:
        """Whether they are CSV."""
        return self.looks[0].format == "csv"

    @property
    def has_comma(self) -> bool:
        """Whether their numbers have a decimal comma."""
        return self.is_csv and has_comma(place.scalars for place in self.root.children.values())

    @property
    def envelopes(self) -> tuple[str, ...]:
        """The keys under which records lie in those files that have an envelope."""
        return tuple(dict.fromkeys(look.envelope for look in self.looks if look.envelope is not None))

    @property
    def records(self) -> int:
        """How many records were looked at."""
        return sum(look.records for look in self.looks)

    def match(self) -> str:
        """The pattern of their names and of those to come."""
        endings = {_ending(look.path.name) for look in self.looks}
        ending = endings.pop() if len(endings) == 1 else ""
        return f"{_escaped(self._prefix())}*{ending}{'*' if ending else ''}"

    def close_match(self) -> list[str]:
        """The names of just these files, and of those that begin as they do."""
        return [f"{_escaped(stem(look.path.name))}*" for look in self.looks]

    def look(self) -> None:
        """Look at all of them."""
        for look in self.looks:
            look.root = self.root
            (take_rows if look.format == "csv" else take_records)(look)
            look.head.unlink()

    def _prefix(self) -> str:
        names = [series(look.path.name) for look in self.looks]
        first, last = min(names), max(names)
        common = first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
        return common if common in names else common.rstrip("-_. ")


def kinds_of(looks: Sequence[Look]) -> list[Kind]:
    """Sort files into kinds: of one format, with mostly the same fields."""
    kinds: list[Kind] = []
    for look in looks:
        fields = first_fields(look) if look.format == "json" else set(look.dialect.header if look.dialect else ())
        for kind in kinds:
            if kind.looks[0].format == look.format and _are_alike(kind.fields, fields):
                kind.looks.append(look)
                kind.fields |= fields
                break
        else:
            kinds.append(Kind([look], fields, Place()))
    return kinds


def _are_alike(one: set[str], other: set[str]) -> bool:
    return len(one & other) >= _ALIKE * min(len(one), len(other)) and (bool(one) == bool(other))


def _ending(name: str) -> str:
    lower = name.lower()
    return next((ending for ending in _ENDINGS if ending in lower), "")


def _escaped(text: str) -> str:
    return "".join(f"[{mark}]" if mark in "*?[" else mark for mark in text)
