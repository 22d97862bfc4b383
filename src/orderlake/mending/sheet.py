"""Records of the quarantine as lines to mend in an editor: written with their own text, read back digit by digit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from orderlake.errors import DataError

if TYPE_CHECKING:
    from orderlake.mending.records import Quarantined

_BREAK: Final = re.compile(r"[ \t]*[\r\n][ \t\r\n]*")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+')
_CLOSING: Final = {"{": "}", "[": "]"}
_SHOWN: Final = ("id", "source", "position", "field", "reason")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of such a file: which record, and the text that it should have."""

    line: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that is none of such a file, and why."""

    line: int
    reason: str


def line_of(record: Quarantined, form: str, text: str) -> str:
    """One record as a line: what was wrong with it, and its text, as JSON where it is JSON and a string where not.

    JSON stands there as it was written, so that every digit stays; line ends between its parts become blanks.
    """
    shown = {name: dict(record)[name] for name in _SHOWN}
    whole = _BREAK.sub(" ", text.strip()) if form == "json" and is_object(text) else _string(text)
    return f'{_string(shown)[:-1]}, "record": {whole}}}'


def is_object(text: str) -> bool:
    """Whether a text is one JSON object by the letter of the standard."""
    if not text.lstrip().startswith("{"):
        return False
    try:
        _parsed(text)
    except DataError:
        return False
    return True


def read_lines(data: bytes) -> Iterator[Entry | Unread]:
    """The lines of a file, blank ones left out; what is wrong with one is said, and the others are read."""
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if raw.strip():
            try:
                yield _entry(number, raw.decode())
            except UnicodeDecodeError as error:
                yield Unread(number, f"this is not valid UTF-8: {error.reason} at byte {error.start + 1}")
            except DataError as error:
                yield Unread(number, str(error))


def is_same(one: str, other: str) -> bool:
    """Whether two texts of a record say the same: the order of keys and blanks between do not count, digits do."""
    one, other = one.strip("\r\n"), other.strip("\r\n")
    return one == other or (is_object(one) and is_object(other) and _parsed(one) == _parsed(other))


def pretty(text: str) -> str:
    """A record to read: a JSON object over several lines, all of its digits and keys as they are; else as it is.

    >>> print(pretty('{"id":17.10,"tags":[],"of":{"a":"x,y"}}'))
    {
      "id": 17.10,
      "tags": [],
      "of": {
        "a": "x,y"
      }
    }
    """
    if not is_object(text):
        return text
    parts: list[str] = []
    before, depth = "", 0
    for token in _TOKEN.findall(text):
        closes = token in _CLOSING.values()
        depth -= closes
        if (closes or before in ("{", "[", ",")) and _CLOSING.get(before) != token:
            parts.append("\n" + "  " * depth)
        elif before == ":":
            parts.append(" ")
        parts.append(token)
        depth += token in _CLOSING
        before = token
    return "".join(parts)


def _entry(number: int, text: str) -> Entry:
    members = _members(text)
    key = json.loads(members.get("id", "null"))
    if not isinstance(key, str):
        raise DataError('this has no "id", a string, which names the record: take it from `quarantine export`')
    record = members.get("record", "")
    if record.startswith('"'):
        return Entry(number, key, json.loads(record))
    if not record.startswith("{"):
        what = f"it is {record[:20]}" if record else "there is none"
        raise DataError(f'"record" should be the record, between {{ and }}, or its text as a string; {what}')
    return Entry(number, key, record)


def _members(text: str) -> dict[str, str]:
    """The members of a JSON object, each as the text that stands there; DataError when it is none."""
    if not isinstance(_parsed(text), dict):
        raise DataError("this is no JSON object with each key once: a line is one, between { and }")
    decoder = json.JSONDecoder()
    members: dict[str, str] = {}
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, at = decoder.raw_decode(text, start)
        members[name] = text[start:at]
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _parsed(text: str) -> Any:  # noqa: ANN401 - parsed JSON
    """A JSON text with its numbers as they are written, to compare; DataError says where it is none."""
    try:
        return json.loads(
            text,
            parse_constant=_no_number,
            parse_float=lambda digits: ("number", digits),
            parse_int=lambda digits: ("number", digits),
            object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else ("object", pairs),
        )
    except json.JSONDecodeError as error:
        raise DataError(f"this is not JSON: {error.msg}, at column {error.pos + 1}") from None
    except RecursionError:
        raise DataError("this is nested too deeply to be a record") from None


def _no_number(name: str) -> NoReturn:
    raise DataError(f"this is not JSON: it has no word {name}")


def _string(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
