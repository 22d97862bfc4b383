"""Values in the text of a JSON record, by path, and the same text without them.

What is taken out leaves blanks, so that the text is as long as it was, every digit and every other record of its file
stays where it stood, and the file is the same version of itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from orderlake.model.pii import Path

_TOKEN: Final = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)', re.DOTALL)
_NULL: Final = "null"
_DEEPEST: Final = 200
Measure = Callable[[str], int]
"""How many bytes a text takes in its file."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value's path (lists on the way are not named), where it stands, and where the member that it is of begins."""

    path: Path
    start: int
    end: int
    member: int


class NotJsonError(ValueError):
    """The text is no JSON value."""


def values(text: str) -> Iterator[Value]:
    """All values of a record, objects and lists too, inner ones first; NotJsonError where the text breaks off."""
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None
    yield from _Walker(text).value((), 0, 0)


class _Walker:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _next(self) -> tuple[str, int]:
        """The next token and where it begins."""
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise NotJsonError(f"it breaks off at character {self._at + 1}")
        self._at = found.end()
        return found[1], found.start(1)

    def value(self, path: Path, member: int, depth: int) -> Iterator[Value]:
        mark, start = self._next()
        if depth > _DEEPEST:
            raise NotJsonError("it is nested too deeply")
        if mark in "{[":
            yield from self._inside(path, depth, closes="}" if mark == "{" else "]")
        yield Value(path, start, self._at, member or start)

    def _inside(self, path: Path, depth: int, closes: str) -> Iterator[Value]:
        while True:
            before = self._at
            mark, start = self._next()
            if mark == closes:
                return
            if mark == ",":
                continue
            if closes == "]":
                self._at = before
                yield from self.value(path, 0, depth + 1)
                continue
            self._next()  # the colon
            yield from self.value((*path, str(json.loads(mark, strict=False))), start, depth + 1)


def _is_at(path: Path, wanted: Collection[Path]) -> bool:
    """Whether a path is one of these, letter case apart, as readers of JSON take it."""
    return tuple(part.lower() for part in path) in {tuple(part.lower() for part in each) for each in wanted}


def found_at(text: str, path: Path) -> list[str]:
    """The values at a path as a table would have them: texts bare, numbers as they are written, null left out."""
    told = []
    for each in values(text):
        if _is_at(each.path, (path,)):
            raw = text[each.start : each.end]
            if raw != _NULL:
                told.append(str(json.loads(raw, strict=False)) if raw.startswith('"') else raw)
    return told


def redacted(text: str, paths: Collection[Path]) -> str:
    """The text with stars in place of what stands at these paths; NotJsonError as of `values`."""
    marked = [each for each in values(text) if _is_at(each.path, paths) and text[each.start : each.end] != _NULL]
    shown, at = "", 0
    for each in sorted(marked, key=lambda one: (one.start, -one.end)):
        if each.start >= at:  # else it is inside one that is hidden already
            shown, at = f'{shown}{text[at : each.start]}"***"', each.end
    return f"{shown}{text[at:]}"


def without_keys(text: str, paths: Collection[Path], *, is_row: bool) -> str | None:
    """A flat object by path (`_rescued`) as a file without what is at these paths gives it; None when nothing is left.

    Of a CSV row (`is_row`) blank cells are not kept; of JSON null is, where there was room for it.
    """
    wanted = [".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in path).lower() for path in paths]
    left = []
    for each in values(text):
        if len(each.path) != 1 or each.member == each.start:
            continue
        key = each.path[0].lower()
        if not any(key == at or key.startswith(f"{at}.") for at in wanted):
            left.append(text[each.member : each.end])
        elif not is_row and each.end - each.start >= len(_NULL):
            left.append(f"{text[each.member : each.start]}{_NULL}")
    return f"{{{','.join(left)}}}" if left else None


def erased(text: str, paths: Collection[Path], size: Measure = lambda part: len(part.encode())) -> str:
    """The text with null and blanks in place of what stands at these paths, just as long; NotJsonError as of `values`.

    Where there is no room for null the whole member goes: a field that is absent is NULL as well.
    """
    while True:
        marked = [each for each in values(text) if _is_at(each.path, paths) and text[each.start : each.end] != _NULL]
        if not marked:
            return text
        one = marked[0]
        there = text[one.start : one.end]
        room = size(there) // size(" ") - len(_NULL)
        if room >= 0:
            text = f"{text[: one.start]}{_NULL}{' ' * room}{text[one.end :]}"
        else:
            text = _without_member(text, one, size)


def _without_member(text: str, one: Value, size: Measure) -> str:
    """The text with blanks for a member or an element, and for one comma beside it."""
    start, end = one.member, one.end
    after = re.compile(r"[ \t\r\n]*,").match(text, end)
    if after is not None:
        end = after.end()
    else:
        before = re.compile(r",[ \t\r\n]*\Z").search(text, 0, start)
        start = start if before is None else before.start()
    return f"{text[:start]}{' ' * (size(text[start:end]) // size(' '))}{text[end:]}"
