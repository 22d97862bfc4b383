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
_COMMA: Final = re.compile(r"[+-]?\d{1,3}(\.?\d{3})*,\d+\Z", re.ASCII)
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
    truths: int = 0
    """Texts that say true or false."""
    commas: int = 0
    """Texts that look like numbers with a decimal comma."""
    times: Times = field(default_factory=Times)
    example: str = ""
    odd: str = ""
    """A text that is no number."""

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.numbers.count + self.booleans + self.texts

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
        found = _NUMBER.match(text) if len(text) <= len(str(LARGEST)) * 2 else None
        if found is not None:
            if text[0] == "+" or (found[1][0] == "0" and len(found[1]) > 1):
                self.spelled.zeros += 1
                self.spelled.zero = self.spelled.zero or text
            self.spelled.add(int(text) if found[2] is None else Decimal(text))
        else:
            self.odd = self.odd or shown(text)
            self.truths += text.lower() in ("true", "false")
            self.commas += bool(_COMMA.match(text))
        self.times.add(text)


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
