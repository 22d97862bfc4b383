"""The contract of a source: what becomes of fields, keys and values that the pipeline does not foresee."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from orderlake.errors import ConfigError

Mode = Literal["evolve", "freeze", "discard_row", "discard_value", "rescue"]
RESCUED: Final = "_rescued"
"""The column that keeps what a table has no column for: JSON text, by path."""
_MODES: Final = ("evolve", "freeze", "discard_row", "discard_value")
_KNOWN: Final[Mapping[str, tuple[str, ...]]] = {"new": (*_MODES, "rescue"), "missing": _MODES, "types": _MODES}


@dataclass(frozen=True, slots=True)
class Contract:
    """What is done about `new` fields, `missing` ones, and values of other `types` than declared.

    evolve: the tables follow (a new column, NULL, a wider type). freeze: the file is rejected. discard_row: the record
    is set aside. discard_value: it loads without the value. rescue: it loads, and the value is kept in `_rescued`.
    """

    new: Mode = "discard_value"
    missing: Mode = "evolve"
    types: Mode = "discard_row"

    @property
    def keeps_new(self) -> bool:
        """Whether values of undeclared fields enter the tables."""
        return self.new in ("rescue", "evolve")

    @property
    def rescues(self) -> bool:
        """Whether the tables have a column `_rescued`."""
        return self.new == "rescue" or self.types == "discard_value"

    @property
    def sees_new(self) -> bool:
        """Whether undeclared fields have to be known of every record."""
        return self.new != "discard_value"

    @property
    def sees_missing(self) -> bool:
        """Whether a declared field that a record lacks differs from one that is null."""
        return self.missing in ("freeze", "discard_row")

    @property
    def is_kept(self) -> bool:
        """Whether staged records carry more than the declared fields."""
        return self.sees_new or self.sees_missing or self.rescues


DEFAULT: Final = Contract()


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A text column for undeclared fields: its name, and the paths of those that are called so."""

    name: str
    paths: tuple[str, ...]


def parse_contract(top: object, own: object, at: str, form: Literal["json", "csv"]) -> Contract:
    """The contract of a source `at`: what it says itself, else what the file says for all, else the default.

    >>> parse_contract({"new": "rescue"}, {"types": "freeze"}, "sources.orders", "csv")
    Contract(new='rescue', missing='freeze', types='freeze')
    """
    standard = {"new": "discard_value", "missing": "freeze" if form == "csv" else "evolve", "types": "discard_row"}
    said = {**standard, **_said(top, "contract"), **_said(own, f"{at}.contract")}
    return Contract(**{word: cast("Mode", mode) for word, mode in said.items()})


def _said(value: object, at: str) -> dict[str, str]:
    if value is None:
        return {}
    found: dict[Any, Any] = value if isinstance(value, dict) else dict.fromkeys(_KNOWN, value)
    unknown = sorted(str(word) for word in set(found) - set(_KNOWN))
    if unknown:
        raise ConfigError(f"{at}: unknown {', '.join(unknown)}; a contract tells of {', '.join(_KNOWN)}")
    for word, mode in found.items():
        if mode not in _KNOWN[word]:
            where = f"{at}.{word}" if isinstance(value, dict) else at
            only = "; only new fields can be rescued: {new: rescue}" if mode == "rescue" else ""
            raise ConfigError(f"{where}: {mode!r} is none of {', '.join(_KNOWN[word])}{only}")
    return {str(word): str(mode) for word, mode in found.items()}
