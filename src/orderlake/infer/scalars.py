"""What the plain values at one place of a record look like: counted one by one, in little room."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from orderlake.infer.times import Times

SAFE: Final = 2**53
LARGEST: Final = 2**63 - 1
SCALES: Final = (2, 4, 6, 8, 10, 12, 14, 16, 18)
_NOISE: Final = 4
"""As the kernel has it: decimals beyond the declared ones that may be noise of binary fractions, if they are zero."""
_NUMBER: Final = re.compile(r"[+-]?(\d+)(?:\.(\d*))?\Z", re.ASCII)
_COMMA: Final = re.compile(
    r"[+-]?(?:\d{1,3}(?:(?:\.\d{3})+|(?:'\d{3})+|(?:[ \xa0\u202f]\d{3})+)|\d+)(?:,\d+)?\Z", re.ASCII
)
"""As the kernel has it where numbers have a decimal comma."""
_POINT: Final = str.maketrans(",", ".", ".' \xa0\u202f")
_EXAMPLE: Final = 24


@dataclass(slots=True)
class Numbers:
    """Numbers, whether they stand bare or in a text."""

    count: int = 0
    fractions: int = 0
    digits: int = 0
    """The most digits before the point."""
    scale: int = 0
    """The most decimals that are no noise, rounded up to one of SCALES; 99 when even the last is too few."""
    cents: int = 0
    """How many have exactly two decimals."""
    zeros: int = 0
    """How many begin with a zero that a number would lose."""
    zero: str = ""
    largest: int = 0
    """The largest whole number, its sign apart."""
    odd: str = ""
    """A text that is no number."""

    def add(self, value: int | Decimal) -> None:
        """Count one."""
        self.count += 1
        if isinstance(value, int):
            self.largest = max(self.largest, abs(value))
            self.digits = max(self.digits, len(str(abs(value))))
            return
        if not value.is_finite():
            self.scale = 99
            return
        exponent = value.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) else 0
        self.fractions += 1
        self.cents += places == SCALES[0]
        self.digits = max(self.digits, value.adjusted() + 1)
        self.scale = max(self.scale, SCALES[0] if 0 <= places <= SCALES[0] else _scale(value))


@dataclass(slots=True)
class Scalars:
    """Plain values: bare numbers, booleans, texts, and what the texts could stand for."""

    numbers: Numbers = field(default_factory=Numbers)
    booleans: int = 0
    texts: int = 0
    blank: int = 0
    """Texts that are empty, or nothing but space."""
    spelled: Numbers = field(default_factory=Numbers)
    """Numbers in texts."""
    with_comma: Numbers = field(default_factory=Numbers)
    """Numbers in texts where these have a decimal comma."""
    truths: int = 0
    """Texts that say true or false."""
    times: Times = field(default_factory=Times)
    example: str = ""

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.numbers.count + self.booleans + self.texts

    @property
    def rest(self) -> int:
        """How many texts are not blank."""
        return self.texts - self.blank

    def add(self, value: bool | Decimal | int | str) -> None:  # noqa: FBT001 - a value, not a switch
        """Look at one value."""
        if isinstance(value, bool):
            self.booleans += 1
        elif isinstance(value, str):
            self._text(value)
        else:
            self.numbers.add(value)

    def _text(self, value: str) -> None:
        self.texts += 1
        text = value.strip()
        if not text:
            self.blank += 1
            return
        self.example = self.example or shown(text)
        is_short = len(text) <= len(str(LARGEST)) * 2
        _spelled(self.spelled, text, text if is_short and _NUMBER.match(text) else None)
        _spelled(self.with_comma, text, text.translate(_POINT) if is_short and _COMMA.match(text) else None)
        self.truths += text.lower() in ("true", "false")
        self.times.add(text)


def _spelled(numbers: Numbers, text: str, plain: str | None) -> None:
    """Count a text as a number, if it is one that is `plain` otherwise."""
    if plain is None:
        numbers.odd = numbers.odd or shown(text)
        return
    whole, point, _ = plain.lstrip("+-").partition(".")
    if text[0] == "+" or (whole[0] == "0" and len(whole) > 1):
        numbers.zeros += 1
        numbers.zero = numbers.zero or text
    numbers.add(Decimal(plain) if point else int(plain))


def shown(text: str) -> str:
    """A value as a comment shows it: on one line, cut short."""
    plain = "".join(mark if mark.isprintable() else " " for mark in text)
    return plain if len(plain) <= _EXAMPLE else f"{plain[: _EXAMPLE - 1]}…"


def _scale(value: Decimal) -> int:
    for scale in SCALES:
        try:
            short = value.quantize(Decimal(1).scaleb(-scale))
            if value.quantize(Decimal(1).scaleb(-scale - _NOISE)) == short:
                return scale
        except InvalidOperation:
            return 99
    return 99
