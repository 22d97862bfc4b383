"""How checks are declared: `checks` of a table, by name, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from orderlake.errors import ConfigError
from orderlake.model.check import ROW_KINDS, Action, Check, Kind
from orderlake.model.column import Column

_ACTIONS: Final = get_args(Action)
_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_OPTIONS: Final = {"on_fail", "message", "allow_null"}
_NULLABLE: Final = frozenset({"range", "accepted_values", "pattern", "relationship"})
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_AGE = re.compile(r"(\d+)\s*(minute|hour|day|week)s?\Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z", re.ASCII)
_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_NUMERIC: Final = ("int", "bigint", "id", "double", "decimal")
_DATED: Final = ("date", "timestamp", "timestamptz")


def parse_checks(body: object, columns: Sequence[Column], at: str) -> tuple[Check, ...]:
    """Read a table's `checks`, by name; ConfigError says which is wrong, how, and what it may be."""
    if not isinstance(body, dict):
        raise ConfigError(f"{at}: expected `name: {{kind: …}}` lines, found {type(body).__name__}")
    return tuple(_check(f"{at}.{name}", str(name), spec, columns) for name, spec in body.items())


def _check(at: str, name: str, body: object, columns: Sequence[Column]) -> Check:
    if not _NAME.match(name):
        raise ConfigError(f"{at}: a check's name has lower-case letters, digits and _, and starts with a letter")
    if not isinstance(body, dict):
        raise ConfigError(f"{at}: expected one of {', '.join(_KINDS)}, and perhaps {', '.join(sorted(_OPTIONS))}")
    kinds = [key for key in body if key not in _OPTIONS]
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        found = ", ".join(map(str, kinds)) or "none"
        raise ConfigError(f"{at}: wants one of {', '.join(_KINDS)}; found {found}")
    kind: Kind = kinds[0]
    check = _READERS[kind](at, body[kind], _Table({column.name: column for column in columns}))
    return _with_options(at, check, name, body)


def _with_options(at: str, read: _Read, name: str, body: Mapping[str, Any]) -> Check:
    action = body.get("on_fail", "warn")
    if action not in _ACTIONS:
        raise ConfigError(f"{at}.on_fail: {action!r} is none of {', '.join(_ACTIONS)}")
    if read.kind == "relationship" and action != "warn":
        raise ConfigError(
            f"{at}.on_fail: what another table holds depends on which file came first, and tables must not: "
            "a relationship can only warn"
        )
    if read.kind not in ROW_KINDS and action in ("quarantine", "drop"):
        raise ConfigError(f"{at}.on_fail: {read.kind} is told of a file as a whole, which can warn or fail")
    allow_null = body.get("allow_null", False)
    if not isinstance(allow_null, bool):
        raise ConfigError(f"{at}.allow_null: is true or false, not {allow_null!r}")
    if allow_null and read.kind not in _NULLABLE:
        raise ConfigError(f"{at}.allow_null: is for {', '.join(sorted(_NULLABLE))}")
    message = body.get("message", read.message)
    if not isinstance(message, str) or not message.strip():
        raise ConfigError(f"{at}.message: is text that says what is expected, not {message!r}")
    return Check(
        name,
        read.kind,
        read.columns,
        action,
        " ".join(message.split()),
        allow_null,
        read.limits,
        read.values,
        read.text,
        read.to,
        read.seconds,
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """A check without its options, and what it says by default."""

    kind: Kind
    columns: tuple[str, ...]
    message: str
    limits: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    text: str = ""
    to: tuple[str, str] = ("", "")
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class _Table:
    columns: Mapping[str, Column]

    def column(self, at: str, name: object, kinds: Sequence[str] = ()) -> Column:
        """The table's column of this name, of one of these types."""
        found = self.columns.get(str(name))
        if found is None:
            raise ConfigError(f"{at}: the table has no column {name!r}; it has {', '.join(self.columns)}")
        if kinds and found.type.name not in kinds:
            raise ConfigError(f"{at}: {name} is {found.type.name}; this is for {', '.join(kinds)}")
        return found


def _not_null(at: str, body: object, table: _Table) -> _Read:
    names = _names(f"{at}.not_null", body, table)
    return _Read("not_null", names, f"{' and '.join(names)} must be there")


def _range(at: str, body: object, table: _Table) -> _Read:
    at = f"{at}.range"
    spec = _spec(at, body, {"column"}, {"min", "max", "above", "below"})
    column = table.column(f"{at}.column", spec["column"], (*_NUMERIC, *_DATED))
    limits = {
        word: _bound(f"{at}.{word}", spec[word], column) for word in ("min", "above", "max", "below") if word in spec
    }
    if not limits:
        raise ConfigError(f"{at}: needs min or above, max or below")
    said = {"min": "at least", "above": "greater than", "max": "at most", "below": "less than"}
    message = f"{column.name} must be {' and '.join(f'{said[word]} {bound}' for word, bound in limits.items())}"
    return _Read("range", (column.name,), message, limits=limits)


def _bound(at: str, value: object, column: Column) -> str:
    text = str(value)
    if column.type.name in _DATED:
        return text
    if isinstance(value, bool) or not _NUMBER.match(text):
        raise ConfigError(f"{at}: {value!r} is no number")
    return text


def _accepted_values(at: str, body: object, table: _Table) -> _Read:
    at = f"{at}.accepted_values"
    spec = _spec(at, body, {"column", "values"}, set())
    column = table.column(f"{at}.column", spec["column"])
    values = spec["values"]
    if (
        not isinstance(values, list)
        or not values
        or any(isinstance(value, (dict, list)) or value is None for value in values)
    ):
        raise ConfigError(f"{at}.values: is a list of what is accepted, such as [new, paid]; NULL is for allow_null")
    texts = tuple(
        str(value).lower()
        if isinstance(value, bool)
        else _bound(f"{at}.values", value, column)
        if column.type.name in _NUMERIC
        else str(value)
        for value in values
    )
    return _Read("accepted_values", (column.name,), f"{column.name} must be one of {', '.join(texts)}", values=texts)


def _pattern(at: str, body: object, table: _Table) -> _Read:
    at = f"{at}.pattern"
    spec = _spec(at, body, {"column", "regex"}, set())
    column = table.column(f"{at}.column", spec["column"], ("string",))
    return _Read("pattern", (column.name,), f"{column.name} must look like {spec['regex']}", text=str(spec["regex"]))


def _expect(at: str, body: object, table: _Table) -> _Read:
    if not isinstance(body, str) or not body.strip():
        raise ConfigError(f"{at}.expect: is SQL that is true of a good row, over {', '.join(table.columns)}")
    text = " ".join(body.split())
    return _Read("expect", (), f"expected {text}", text=text)


def _unique(at: str, body: object, table: _Table) -> _Read:
    names = _names(f"{at}.unique", body, table)
    return _Read("unique", names, f"{', '.join(names)} must not stand twice in a file")


def _row_count(at: str, body: object, table: _Table) -> _Read:  # noqa: ARG001 - as the others
    at = f"{at}.row_count"
    spec = _spec(at, body, set(), {"min", "max"})
    if not spec or any(not isinstance(value, int) or isinstance(value, bool) for value in spec.values()):
        raise ConfigError(f"{at}: needs min or max, as whole numbers of rows")
    said = {"min": "at least", "max": "at most"}
    message = f"a file must have {' and '.join(f'{said[word]} {count}' for word, count in spec.items())} rows"
    return _Read("row_count", (), message, limits={word: str(count) for word, count in spec.items()})


def _freshness(at: str, body: object, table: _Table) -> _Read:
    at = f"{at}.freshness"
    spec = _spec(at, body, {"column", "within"}, set())
    column = table.column(f"{at}.column", spec["column"], _DATED)
    age = _AGE.match(str(spec["within"]).strip())
    if age is None:
        raise ConfigError(f"{at}.within: {spec['within']!r} is no age such as 36 hours or 7 days")
    message = f"the newest {column.name} must be within {spec['within']} of the file's own time"
    return _Read("freshness", (column.name,), message, seconds=int(age[1]) * _SECONDS[age[2]])


def _null_share(at: str, body: object, table: _Table) -> _Read:
    at = f"{at}.null_share"
    spec = _spec(at, body, {"column", "max"}, set())
    column = table.column(f"{at}.column", spec["column"])
    share = spec["max"]
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ConfigError(f"{at}.max: {share!r} is no share: 0.05 is five in a hundred")
    message = f"at most {share:.4g} of a file's {column.name} may be NULL"
    return _Read("null_share", (column.name,), message, limits={"max": str(share)})


def _relationship(at: str, body: object, table: _Table) -> _Read:
    at = f"{at}.relationship"
    spec = _spec(at, body, {"column", "to"}, set())
    column = table.column(f"{at}.column", spec["column"])
    target, dot, other = str(spec["to"]).partition(".")
    if not dot or not _NAME.match(target) or not _NAME.match(other):
        raise ConfigError(f"{at}.to: {spec['to']!r} is not of the form table.column")
    return _Read("relationship", (column.name,), f"{column.name} must stand in {target}.{other}", to=(target, other))


def _names(at: str, body: object, table: _Table) -> tuple[str, ...]:
    names = tuple(body) if isinstance(body, list) else (body,)
    if not names:
        raise ConfigError(f"{at}: needs a column")
    return tuple(table.column(at, name).name for name in names)


def _spec(at: str, body: object, required: set[str], optional: set[str]) -> Mapping[str, Any]:
    known = required | optional
    if not isinstance(body, dict) or not required <= set(body) <= known:
        wanted = [*sorted(required), *(f"{word} (if wanted)" for word in sorted(optional))]
        shown = ", ".join(f"{word}: …" for word in sorted(required) or sorted(optional))
        raise ConfigError(f"{at}: takes {', '.join(wanted)}, as in {{{shown}}}")
    return body


_READERS: Final[Mapping[Kind, Callable[[str, object, _Table], _Read]]] = {
    "not_null": _not_null,
    "range": _range,
    "accepted_values": _accepted_values,
    "pattern": _pattern,
    "expect": _expect,
    "unique": _unique,
    "row_count": _row_count,
    "freshness": _freshness,
    "null_share": _null_share,
    "relationship": _relationship,
}
