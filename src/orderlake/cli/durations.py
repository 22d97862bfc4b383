"""Options that say how long."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def duration(unit: str) -> Callable[[str], float]:
    """What parses a number of hours or days, none below zero."""

    def parse(text: str) -> float:
        value = float(text)
        if not 0 <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"say a number of {unit}, such as 24")
        return value

    parse.__name__ = f"number of {unit}"  # argparse names it where the text is no number
    return parse
