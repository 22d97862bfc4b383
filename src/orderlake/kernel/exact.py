"""JSON text whose numbers keep every digit while DuckDB works on it, which reads a number with a fraction as a double.

Two ways. `coded`: a decimal point becomes a run of digits, for a whole number too long for 64 bits is kept as it is
written; cheap, but of no use for an exponent, nor for a text that holds such a run. `marked`: each number becomes a
string behind U+0001, which is doubled wherever the text holds it; always right, and dear.
"""

from __future__ import annotations

from typing import Final

_POINT: Final = "91502736482605829301746283"
"""Stands for a decimal point: with it, any number is too long for 64 bits."""
_ZERO: Final = "73519284600138"
"""Stands before a lone zero with a point behind it: no JSON number begins with 0 and another digit."""
_INEXACT: Final = r"'(^|[:,\[])-?[0-9]+(\.[0-9]|[eE])'"
_MARK: Final = r"'\u0001'"
_TOKENS: Final = r"""'("(?:[^"\\]|\\.)*")|(-?[0-9][0-9.eE+-]*)'"""
_MARKED: Final = r"""'"\\u0001(-?[0-9][0-9.eE+-]*)"'"""


def is_doubtful(entries: str) -> str:
    """SQL of whether any value may hold a number that went through a double."""
    return f"len(list_filter({entries}, lambda x: regexp_matches(x.value, {_INEXACT}))) > 0"


def has_minus_zero(text: str) -> str:
    """SQL of whether a text may hold the number -0, which DuckDB reads as 0."""
    return f"regexp_matches({text}, '-0[^.0-9]')"


def coded(text: str) -> str:
    """SQL of JSON text with its decimal points as digits."""
    points = rf"regexp_replace({text}, '\.([0-9])', '{_POINT}\1', 'g')"
    return rf"regexp_replace({points}, '([^0-9])0{_POINT}', '\1{_ZERO}0{_POINT}', 'g')"


def holds_code(text: str) -> str:
    """SQL of whether a text holds the very digits that stand for something."""
    return f"contains({text}, '{_POINT}') OR contains({text}, '{_ZERO}')"


def uncoded(text: str) -> str:
    """SQL of text that was coded, as it was."""
    return f"replace(replace({text}, '{_ZERO}', ''), '{_POINT}', '.')"


def marked(text: str) -> str:
    """SQL of JSON text with every number as a string that `unmarked` can tell."""
    doubled = f"replace({text}, {_MARK}, {_MARK} || {_MARK})"
    tokens = rf"regexp_replace({doubled}, {_TOKENS}, '\1' || chr(2) || '\2' || chr(3), 'g')"
    strings = f"replace({tokens}, chr(2) || chr(3), '')"
    return f"replace(replace({strings}, chr(2), '\"' || {_MARK}), chr(3), '\"')"


def unmarked(text: str) -> str:
    """SQL of text that was marked, as it was."""
    numbers = rf"regexp_replace({text}, {_MARKED}, '\1', 'g')"
    return f"replace(replace({numbers}, {_MARK} || {_MARK}, {_MARK}), chr(1) || chr(1), chr(1))"
