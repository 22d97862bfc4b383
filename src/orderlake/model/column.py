"""A column of a table: its name, its type, and the path in the record it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from orderlake.errors import ConfigError
from orderlake.model.tag import POLICIES, Tag, parse_tag

_SQL: Final = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "id": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
}
_ICEBERG: Final = {"bigint": "long", "id": "long"}
_DECIMAL = re.compile(r"decimal\((\d+)\s*,\s*(\d+)\)$")
_MAX_DECIMAL_DIGITS: Final = 38
_TIMES: Final = ("date", "timestamp", "timestamptz")
_OPTIONS: Final = ("required", "path", "format", "timezone", "pii")
_LOCAL_TIMES: Final = ("date", "timestamp")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A declared type. `precision` and `scale` are decimal digits, 0 where not a decimal."""

    name: str
    precision: int = 0
    scale: int = 0

    @staticmethod
    def parse(text: str) -> ColumnType:
        """Read `bigint`, `decimal(18,2)`, `money` …; ConfigError names the types there are.

        >>> ColumnType.parse("money")
        ColumnType(name='decimal', precision=18, scale=2)
        """
        if text == "money":
            return ColumnType("decimal", 18, 2)
        if text in _SQL:
            return ColumnType(text)
        found = _DECIMAL.match(text)
        if found:
            precision, scale = int(found[1]), int(found[2])
            if 0 < precision <= _MAX_DECIMAL_DIGITS and scale <= precision:
                return ColumnType("decimal", precision, scale)
        known = ", ".join([*_SQL, "decimal(p,s)", "money"])
        raise ConfigError(f"unknown type {text!r}: the types are {known}")

    @staticmethod
    def of_iceberg(text: str) -> ColumnType:
        """The type that an Iceberg table keeps as this.

        >>> ColumnType.of_iceberg("long"), ColumnType.of_iceberg("decimal(18, 2)").sql
        (ColumnType(name='bigint', precision=0, scale=0), 'DECIMAL(18,2)')
        """
        return ColumnType.parse("bigint" if text == "long" else text)

    def __str__(self) -> str:
        """As a pipeline declares it."""
        return f"decimal({self.precision},{self.scale})" if self.name == "decimal" else self.name

    def widens_to(self, other: ColumnType) -> bool:
        """Whether every value of this type is one of the other too, and Iceberg reads old files as the other.

        >>> ColumnType.parse("int").widens_to(ColumnType.parse("bigint"))
        True
        >>> ColumnType.parse("decimal(10,2)").widens_to(ColumnType.parse("decimal(18,4)"))
        False
        """
        if self.name == other.name == "decimal":
            return self.scale == other.scale and self.precision <= other.precision
        return (self.iceberg, other.iceberg) == ("int", "long")

    @property
    def is_number(self) -> bool:
        """Whether it is a type of numbers, ids apart."""
        return self.name in ("int", "bigint", "decimal", "double")

    @property
    def sql(self) -> str:
        """The DuckDB type."""
        return f"DECIMAL({self.precision},{self.scale})" if self.name == "decimal" else _SQL[self.name]

    @property
    def iceberg(self) -> str:
        """The Iceberg type."""
        if self.name == "decimal":
            return f"decimal({self.precision}, {self.scale})"
        return _ICEBERG.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column.

    `path` leads from the record's root (`customer.name`, `products.price`); a last part
    `$position` gives the 1-based position in the list. `format` is a strptime pattern for dates,
    `timezone` the zone whose calendar day a date is taken in. `has_comma` says that numbers are
    written as 1.234,50 is, `pii` that it holds personal data, and what is stored instead.
    """

    name: str
    type: ColumnType
    path: tuple[str, ...]
    required: bool = False
    format: str | None = None
    timezone: str | None = None
    has_comma: bool = False
    pii: Tag | None = None

    @property
    def is_position(self) -> bool:
        """Whether the column holds the position in the list and not a field."""
        return self.path[-1] == "$position"

    @property
    def policy(self) -> Tag | None:
        """What is stored in place of its values; None when it is themselves."""
        return self.pii if self.pii in POLICIES else None


_SHORT = re.compile(
    r"(?P<type>[a-z]+(?:\(\d+\s*,\s*\d+\))?)(?P<required>\s+required)?(?:\s+from\s+(?P<path>\S.*?))?"
    r"(?:\s+(?P<pii>pii(?:\(\w+\))?))?\s*$"
)


def parse_column(name: str, text: object) -> Column:
    """Read `TYPE [required] [from PATH] [pii|pii(POLICY)]`, or a mapping: type, required, path, format, timezone, pii.

    >>> found = parse_column("email", "string required from customer.email pii(hash)")
    >>> found.path, found.pii
    (('customer', 'email'), 'hash')
    """
    if isinstance(text, dict):
        if "type" not in text or not set(text) <= {"type", *_OPTIONS}:
            options = ", ".join(_OPTIONS)
            raise ConfigError(f"column {name!r}: wants type, and may have {options}; got {sorted(map(str, text))}")
        return _from_mapping(name, text)
    found = _SHORT.match(str(text).strip())
    if found is None:
        raise ConfigError(f"column {name!r}: {text!r} is not of the form `TYPE [required] [from PATH] [pii]`")
    if (found["path"] or "").endswith(" required"):
        raise ConfigError(f"column {name!r}: `required` stands before `from`, as in `{found['type']} required from …`")
    pii = None if found["pii"] is None else parse_tag(found["pii"], f"column {name!r}")
    path, required = _path(name, found["path"] or name), found["required"] is not None
    return _sound(Column(name, _type(name, found["type"]), path, required, pii=pii))


def _sound(column: Column) -> Column:
    if column.pii is not None and column.is_position:
        raise ConfigError(f"column {column.name!r}: a place in a list is nobody's personal data: no pii")
    return column


def _from_mapping(name: str, given: dict[str, Any]) -> Column:
    column = Column(
        name,
        _type(name, str(given["type"])),
        _path(name, str(given.get("path", name))),
        given.get("required", False),
        given.get("format"),
        given.get("timezone"),
        pii=None if given.get("pii") is None else parse_tag(given["pii"], f"column {name!r}.pii"),
    )
    if not isinstance(column.required, bool):
        raise ConfigError(f"column {name!r}: required is true or false, not {column.required!r}")
    for option, value, takers in (("format", column.format, _TIMES), ("timezone", column.timezone, _LOCAL_TIMES)):
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"column {name!r}: {option} is text, not {value!r}")
        if value is not None and column.type.name not in takers:
            raise ConfigError(f"column {name!r}: {option} is for {', '.join(takers)}, not for {column.type.name}")
    return _sound(column)


def _type(name: str, text: str) -> ColumnType:
    try:
        return ColumnType.parse(text)
    except ConfigError as error:
        raise ConfigError(f"column {name!r}: {error}") from None


def _path(name: str, text: str) -> tuple[str, ...]:
    parts = tuple(text.split("."))
    if not all(parts) or "$position" in parts[:-1] or parts == ("$position",):
        raise ConfigError(f"column {name!r}: {text!r} is no path like customer.name or products.$position")
    return parts
