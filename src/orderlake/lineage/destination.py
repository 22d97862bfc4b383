"""Where events go, and what takes them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orderlake.lineage.send import TIMEOUT, Deliver


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go: a `file` (appended, a line each), a `url`, or what OpenLineage's own settings say (neither)."""

    file: str = ""
    url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.file or self.url or "what OPENLINEAGE_CONFIG names"


def deliverer(to: Destination) -> Deliver:
    """What delivers events there; needs the extra `lineage`."""
    from orderlake.lineage import transport  # noqa: PLC0415 - the client takes a third of a second to import

    if to.file:
        return lambda event: transport.append(to.file, event)
    if to.url:
        return transport.http(to.url, to.environment, TIMEOUT)
    return transport.configured()
