"""The header of a saved query: the comment lines above its statement, as `-- key: value`.

A comment line that is indented goes on with the line above. Other comments may stand among them.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, cast, get_args

from orderlake.errors import ConfigError
from orderlake.query.parameters import KINDS, Kind, Parameter, used

ChartKind = Literal["bar", "line", "stacked", "table"]
CHARTS: Final[tuple[ChartKind, ...]] = get_args(ChartKind)

_NEEDED: Final = ("title", "question", "grain")
_KEYS: Final = (*_NEEDED, "note", "parameter", "chart")
_FIELD: Final = re.compile(r"--\s?(?P<key>[a-z]+):(?:\s+(?P<value>.*))?")
_MORE: Final = re.compile(r"--\s{2,}(?P<value>\S.*)")
_PARAMETER: Final = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*) +(?P<kind>[a-z]+) *= *"
    r"(?:'(?P<quoted>(?:[^']|'')*)'|(?P<plain>[^\s']\S*(?: \S+)*))(?: {2,}(?P<about>.*))?"
)
_LEAST_CHART: Final = 3
ANY_DAY: Final = date(2000, 1, 1)
"""Stands for today where only the form of a default is looked at."""


@dataclass(frozen=True, slots=True)
class Chart:
    """How an answer is best drawn: one column along the axis, and one or more that are measured."""

    kind: ChartKind
    x: str
    y: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"kind": self.kind, "x": self.x, "y": list(self.y)}


@dataclass(slots=True)
class Header:
    """What a saved query says of itself, and the statement below; `start` is the statement's line in the file."""

    texts: dict[str, str] = field(default_factory=dict)
    parameters: list[Parameter] = field(default_factory=list)
    chart: Chart | None = None
    sql: str = ""
    start: int = 1


def read_header(text: str, file: Path) -> Header:
    """Take a saved query apart; ConfigError names the file and the line that is wrong."""
    lines = text.rstrip("\n").split("\n")  # not where Unicode would break lines: SQL does not either
    fields, start = _fields(lines, file)
    header = Header(sql="\n".join(lines[start:]).strip(), start=start + 1)
    for line, key, value in fields:
        if not value:
            refuse(file, line, f"{key} says nothing: write a value after it, or take the line out")
        if key == "parameter":
            header.parameters.append(_parameter(value, header, file, line))
        elif key == "chart":
            header.chart = _chart(value, file, line)
        elif key in header.texts and key != "note":
            refuse(file, line, f"{key} is there twice")
        else:
            header.texts[key] = f"{header.texts[key]} {value}" if key in header.texts else value
    missing = [key for key in _NEEDED if key not in header.texts]
    if missing:
        refuse(file, 1, f"the header lacks {', '.join(missing)}: begin the file with `-- {missing[0]}: …`")
    if not header.sql:
        refuse(file, start + 1, "there is no statement below the header")
    _check_used(header, fields, file)
    return header


def refuse(file: Path, line: int, what: str) -> NoReturn:
    """Raise ConfigError for a line of a saved query."""
    raise ConfigError(f"{file}, line {line}: {what}")


def _fields(lines: list[str], file: Path) -> tuple[list[tuple[int, str, str]], int]:
    """The header's fields with their line numbers, and how many lines the header has."""
    fields: list[tuple[int, str, str]] = []
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("\ufeff")
        if text and not text.startswith("--"):
            return fields, number - 1
        found, more = _FIELD.fullmatch(text), _MORE.fullmatch(text)
        if found is not None:
            if found["key"] not in _KEYS:
                refuse(file, number, f"there is no header {found['key']!r}{_meant(found['key'])}")
            fields.append((number, found["key"], (found["value"] or "").strip()))
        elif more is not None and fields:
            first, key, value = fields[-1]
            fields[-1] = (first, key, f"{value} {more['value']}".strip())
    return fields, len(lines)


def _meant(key: str) -> str:
    close = difflib.get_close_matches(key, _KEYS, 1)
    return f": do you mean {close[0]}?" if close else f"; there are {', '.join(_KEYS)}"


def _parameter(value: str, header: Header, file: Path, line: int) -> Parameter:
    found = _PARAMETER.fullmatch(value)
    if found is None:
        refuse(
            file,
            line,
            f"{value!r} is no parameter: write `name type = default  What it does` (two spaces before the last), "
            "an empty default as ''",
        )
    if found["kind"] not in KINDS:
        refuse(file, line, f"there is no type {found['kind']!r} of parameters: the types are {', '.join(KINDS)}")
    if found["name"] in {each.name for each in header.parameters}:
        refuse(file, line, f"the parameter {found['name']} is there twice")
    default = found["plain"] if found["quoted"] is None else found["quoted"].replace("''", "'")
    parameter = Parameter(found["name"], cast("Kind", found["kind"]), default, (found["about"] or "").strip())
    try:
        parameter.literal(default, ANY_DAY)
    except ConfigError as error:
        refuse(file, line, str(error))
    return parameter


def _chart(value: str, file: Path, line: int) -> Chart:
    words = value.split()
    if len(words) < _LEAST_CHART or words[0] not in CHARTS:
        refuse(
            file,
            line,
            f"{value!r} is no chart: write `bar x y`, with columns of the answer; or {', '.join(CHARTS[1:])}",
        )
    return Chart(cast("ChartKind", words[0]), words[1], tuple(words[2:]))


def _check_used(header: Header, fields: list[tuple[int, str, str]], file: Path) -> None:
    """Each parameter is declared and used, and the statement holds nothing that would let a value out of its quotes."""
    declared = {each.name for each in header.parameters}
    named: set[str] = set()
    try:
        for line, name in used(header.sql):
            if name not in declared:
                there = f"declared are {', '.join(sorted(declared))}" if declared else "none is declared"
                refuse(file, _line(header, line), f"${name} is no parameter of this query: {there}")
            named.add(name)
    except ValueError as error:
        line, what = error.args
        refuse(file, _line(header, line), what)
    for line, key, value in fields:
        if key == "parameter" and value.split()[0] not in named:
            refuse(file, line, f"the parameter {value.split()[0]} is declared and not used: write ${value.split()[0]}")


def _line(header: Header, within: int) -> int:
    return header.start + within
