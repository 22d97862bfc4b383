"""Which load is meant: by its id, the beginning of it, or the name of a source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from orderlake.errors import ConfigError, NotFoundError
from orderlake.model.report import LoadReport, Wanted
from orderlake.model.source import is_mended
from orderlake.wiring import Backends

_ID: Final = re.compile(r"[0-9a-f]{4,32}")
_WHOLE: Final = 32
_FILES: Final = 1_000
"""Files of one load that are asked for at once."""
_NAMED: Final = 5


def loads_of(loads: Sequence[LoadReport], wanted: str) -> list[LoadReport]:
    """The reports of the load that is meant, or the newest of the source; `loads` is the history, oldest first.

    NotFoundError when there is none, ConfigError when there are several.
    """
    ids = dict.fromkeys(load.load_id for load in loads if load.load_id.startswith(wanted) and _ID.fullmatch(wanted))
    if ids:
        return [load for load in loads if load.load_id == _only(list(ids), wanted, "loads", "write more of its id")]
    names = dict.fromkeys(load.source for load in loads if wanted in (load.source, load.identity))
    names = names or _sent(load.source for load in loads if load.source.endswith(f"/{wanted}"))
    names = names or _sent(load.source for load in loads if wanted and wanted in load.source)
    if not names:
        raise NotFoundError(
            f"there is no load {wanted}, nor one of a source of that name: `orderlake loads` lists them"
        )
    source = _only(list(names), wanted, "sources", "write its whole name")
    exact = [load for load in loads if load.identity == wanted]
    return exact or [[load for load in loads if load.source == source][-1]]


def _sent(sources: Iterable[str]) -> dict[str, None]:
    """These sources, less the records that were mended, which are called as their file is; unless there is no other."""
    every = dict.fromkeys(sources)
    return {source: None for source in every if not is_mended(source)} or every


def find_load(backends: Backends, wanted: str) -> list[LoadReport]:
    """The reports of the load with this id, or whose id alone begins so; none when there is no such load.

    ConfigError when several ids begin so.
    """
    if not _ID.fullmatch(wanted):
        return []
    if len(wanted) == _WHOLE:
        return list(backends.ledger.recent(_FILES, wanted=Wanted(load_id=wanted)).loads)
    ids = {load.load_id: load for load in backends.ledger.loads() if load.load_id.startswith(wanted)}
    return [ids[_only(list(ids), wanted, "loads", "write more of its id")]] if ids else []


def _only(found: Sequence[str], wanted: str, what: str, remedy: str) -> str:
    if len(found) == 1:
        return found[0]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise ConfigError(f"{wanted} may be any of {len(found)} {what}: {', '.join(found[-_NAMED:])}{more}; {remedy}")
