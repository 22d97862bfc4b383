"""What a target of alerts is: where it is, told without its secrets, and how it fails."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from orderlake.alerts.alert import Alert, Kind

VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class UndeliveredError(Exception):
    """An alert did not get through; the message holds no secret. `again` says whether another try may help."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class Target(Protocol):
    """Where alerts of some kinds go."""

    @property
    def on(self) -> Sequence[Kind]:
        """The kinds that it hears of."""
        ...

    @property
    def name(self) -> str:
        """What people may read of it: no secret."""
        ...

    def deliver(self, alert: Alert) -> None:
        """Tell it, once. Raises UndeliveredError."""
        ...


@dataclass(frozen=True, slots=True)
class Secret:
    """A text of the settings in which `${NAME}` stands for a variable of the environment; it shows none of them."""

    text: str = field(repr=False)

    def value(self, environment: Mapping[str, str] | None = None) -> str:
        """The text with the variables' values; UndeliveredError names one that is not set."""
        found = os.environ if environment is None else environment

        def of(match: re.Match[str]) -> str:
            if not found.get(match[1]):
                raise UndeliveredError(f"the environment variable {match[1]} is not set")
            return found[match[1]]

        return VARIABLE.sub(of, self.text)

    @property
    def variables(self) -> list[str]:
        """The names of its variables."""
        return VARIABLE.findall(self.text)


def shown_program(words: Sequence[str]) -> str:
    """What may be shown of a command: its program, no argument."""
    return Path(words[0]).name
