"""What a saved query can be asked with: typed values, checked and quoted, put where `$name` stands.

A value becomes one literal, whatever is in it: the statement around it stays what its author wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, cast, get_args

from orderlake.engine import quote
from orderlake.errors import ConfigError

Kind = Literal["date", "int", "decimal", "string"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_TODAY: Final = re.compile(r"today(?:(?P<days>[+-][0-9]{1,6}))?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INT: Final = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,17})?")
_BIGGEST: Final = 2**63 - 1

_PARTS: Final = re.compile(
    r"""
    (?P<escapes>\b[eE]'(?:[^']|'')*')                           # E'it\'s': whose end is told otherwise
    | (?P<skipped>'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]*)   # a text, a name, a comment
    | (?P<comment>/\*.*?\*/)
    | (?<![\w$.])\$(?P<name>[a-z][a-z0-9_]*)(?![\w$.])
    | (?P<stray>\$)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter; `default` is written as a value is given: `today-30`, `20`, `0.5`, a text."""

    name: str
    type: Kind
    default: str
    about: str

    def literal(self, value: str, today: date) -> str:
        """The value as a SQL literal, the same for DuckDB and Athena; ConfigError when it is none of its type."""
        try:
            return _LITERALS[self.type](value, today)
        except (ValueError, OverflowError):
            raise ConfigError(
                f"the parameter {self.name} is {_EXPECTED[self.type]}, not {value!r}; by default it is {self.shown}"
            ) from None

    @property
    def shown(self) -> str:
        """The default as people write it; an empty text can be seen."""
        return self.default or "''"

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"name": self.name, "type": self.type, "default": self.default, "about": self.about}


def bound(sql: str, parameters: Sequence[Parameter], values: Mapping[str, str], today: date) -> str:
    """Put a literal for each `$name` of a statement: the value given, else the default; ConfigError names both.

    >>> bound("SELECT $n", [Parameter("n", "int", "20", "")], {"n": "-3"}, date(2024, 1, 31))
    'SELECT (-3)'
    """
    unknown = [name for name in values if name not in {each.name for each in parameters}]
    if unknown:
        raise ConfigError(f"there is no parameter {', '.join(unknown)}: {described(parameters)}")
    literals = {each.name: each.literal(values.get(each.name, each.default), today) for each in parameters}
    return _PARTS.sub(lambda found: literals[found["name"]] if found["name"] else found[0], sql)


def described(parameters: Sequence[Parameter]) -> str:
    """Which parameters there are, for a message.

    >>> described([Parameter("limit", "int", "20", "How many rows")])
    'the parameters are limit (int, default 20)'
    """
    if not parameters:
        return "this query has no parameters"
    return "the parameters are " + ", ".join(f"{each.name} ({each.type}, default {each.shown})" for each in parameters)


def used(sql: str) -> Iterator[tuple[int, str]]:
    """The parameters that a statement names, each with its line counted from 0.

    ValueError, with that line and a remedy, for what would let a value end elsewhere than its literal does.
    """
    for found in _PARTS.finditer(sql):
        line = sql.count("\n", 0, found.start())
        if found["name"]:
            yield line, found["name"]
        elif found["stray"]:
            raise ValueError(line, "a $ begins a parameter ($name, apart from other words); write texts in 'quotes'")
        elif found["escapes"]:
            raise ValueError(line, "E'…' is not read here: write the text in plain 'quotes'")
        elif found["comment"] and "/*" in found["comment"][2:]:
            raise ValueError(line, "a comment within a comment: end the first one")


def _date(value: str, today: date) -> str:
    relative = _TODAY.fullmatch(value)
    if relative is not None:
        day = today + timedelta(days=int(relative["days"] or 0))
    elif _DATE.fullmatch(value):
        day = date.fromisoformat(value)
    else:
        raise ValueError(value)
    return f"DATE '{day.isoformat()}'"


def _int(value: str, _: date) -> str:
    if not _INT.fullmatch(value) or abs(int(value)) > _BIGGEST:
        raise ValueError(value)
    return _signed(str(int(value)))


def _decimal(value: str, _: date) -> str:
    if not _DECIMAL.fullmatch(value):
        raise ValueError(value)
    text = format(Decimal(value), "f")
    return _signed(text if "." in text else f"{text}.0")


def _signed(digits: str) -> str:
    """In brackets below zero: `x -$n` would begin a comment otherwise."""
    return f"({digits})" if digits.startswith("-") else digits


def _string(value: str, _: date) -> str:
    if "\0" in value:
        raise ValueError(value)
    value.encode("utf-8")  # half a character is none; its error is a ValueError
    return quote(value)


_LITERALS: Final = cast(
    "Mapping[Kind, Callable[[str, date], str]]", {"date": _date, "int": _int, "decimal": _decimal, "string": _string}
)
_EXPECTED: Final[Mapping[Kind, str]] = {
    "date": "a date (2024-01-31, today, today-30)",
    "int": "a whole number",
    "decimal": "a number (1234.50)",
    "string": "a text",
}
